// What the configuration says about one login.
#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

#include "config/config.h"
#include "model/denial.h"
#include "model/limits.h"

namespace ds01::config {

// In all of these `login` is as the user database spells it. `short_name` is tried after it everywhere but for
// administrators, because sites list "204214" for 204214@students.example.edu; give the sanitised name
// (slices::sanitise), or leave it empty to match whole logins only.

// The values of keys that no layer names.
namespace absent {
inline constexpr GpuEq kGpuEquivalents = GpuEq::whole(1);
inline constexpr std::int64_t kSlotsPerContainer = 1;
inline constexpr std::int64_t kContainersPerUser = 3;
inline constexpr std::int64_t kPriority = 10;
inline constexpr CpuMillis kCpus{16'000};
inline constexpr Bytes kMemory{32LL << 30};
inline constexpr Bytes kShmSize{16LL << 30};
inline constexpr std::int64_t kPids = 4096;
inline constexpr std::chrono::seconds kMaxRuntime = std::chrono::hours(24);
inline constexpr std::chrono::seconds kIdleTimeout = std::chrono::minutes(30);
inline constexpr std::chrono::seconds kGpuHold = std::chrono::minutes(15);
inline constexpr std::chrono::seconds kContainerHold = std::chrono::minutes(30);
}  // namespace absent

// Denied (403, "archived") for logins in archived.members. The group is that of group-overrides.txt, else of the
// members, else default_group. Keys merge one by one, defaults < group < override, inside aggregate and policies too;
// what no layer names has its documented default. memory_swap is raised to memory, since the Engine refuses less.
std::expected<Limits, Denial> limitsFor(const Config& config, std::string_view login, std::string_view short_name = {});

// The denial, if the login is archived.
std::optional<Denial> refuseArchived(const Config& config, std::string_view login, std::string_view short_name = {});

struct GroupChoice {
  enum class Why { OverridesFile, Member, Default };
  std::string group;
  Why why = Why::Default;
  Place at;
};

// Archived logins have a group too.
GroupChoice chooseGroup(const Config& config, std::string_view login, std::string_view short_name = {});
std::string groupFor(const Config& config, std::string_view login, std::string_view short_name = {});

// The layers of limits that hold for a login, the lower ones first. They are the configuration's.
struct Layers {
  const LimitsLayer* defaults = nullptr;  // never null in what layersOf() returns
  const LimitsLayer* group = nullptr;     // null: the file of limits has no such group
  const LimitsLayer* personal = nullptr;  // the override; null: none
};
Layers layersOf(const Config& config, std::string_view login, std::string_view short_name = {});

Policies policiesFor(const Config& config, std::string_view login, std::string_view short_name = {});

// Whether access_control.admin_users names the login. Membership of adminGroup() is the caller's to find out.
bool isAdminLogin(const Config& config, std::string_view login);
const std::string& adminGroup(const Config& config);

}  // namespace ds01::config
