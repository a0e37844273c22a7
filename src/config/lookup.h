// What the configuration says about one login.
#pragma once

#include <expected>
#include <string>
#include <string_view>

#include "config/config.h"
#include "model/denial.h"
#include "model/limits.h"

namespace ds01::config {

// In all of these `login` is as the user database spells it. `short_name` is tried after it everywhere but for
// administrators, because sites list "204214" for 204214@students.example.edu; give the sanitised name
// (slices::sanitise), or leave it empty to match whole logins only.

// Denied (403, "archived") for logins in archived.members. The group is that of group-overrides.txt, else of the
// members, else default_group. Keys merge one by one, defaults < group < override, inside aggregate and policies too;
// what no layer names has its documented default. memory_swap is raised to memory, since the Engine refuses less.
std::expected<Limits, Denial> limitsFor(const Config& config, std::string_view login, std::string_view short_name = {});

// The name of the group only; archived logins have one too.
std::string groupFor(const Config& config, std::string_view login, std::string_view short_name = {});

Policies policiesFor(const Config& config, std::string_view login, std::string_view short_name = {});

// Whether access_control.admin_users names the login. Membership of adminGroup() is the caller's to find out.
bool isAdminLogin(const Config& config, std::string_view login);
const std::string& adminGroup(const Config& config);

}  // namespace ds01::config
