// `ds01 config show [USER]`: what the configuration says about a login, where it says so, and which of several caps
// binds.
#pragma once

#include <string>

#include "cli/paper.h"
#include "model/login_report.h"

namespace ds01::cli {

std::string configText(const LoginReport& report, const Paper& paper);

}  // namespace ds01::cli
