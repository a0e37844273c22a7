// GET /v1/config?user=LOGIN: what the configuration says about a login. Everybody may ask about themselves (also
// without `user`), admins about anybody.
#pragma once

#include <functional>
#include <string>

#include "control/router.h"
#include "model/login_report.h"

namespace ds01::control {

// Called on the router's thread.
using ExplainLogin = std::function<LoginReport(const std::string& login)>;

void addConfigRoute(Router& router, ExplainLogin explain);

}  // namespace ds01::control
