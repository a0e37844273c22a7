#include "gateway/rollout.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

namespace ds01::gateway {

namespace {

using enum RuleClass;

// By the denial's reason; those of admission's passes say it themselves (Denial::rules).
constexpr auto kClasses = std::to_array<std::pair<std::string_view, RuleClass>>({
    {"admins_only", Api},           {"unknown_endpoint", Api},       {"not_owner", Ownership},
    {"image_not_yours", Ownership}, {"image_made_here", Ownership},  {"image_tag_taken", Ownership},
    {"image_force", Ownership},     {"build_runtime", Host},         {"build_pull", Ownership},
    {"build_network", Host},        {"build_security_opt", Host},    {"build_cgroup_parent", Host},
    {"build_remote", Host},         {"build_frontend", Host},        {"build_buildkit", Host},
    {"checkpoint", Host},           {"not_confined", Host},          {"privileged", Host},
    {"runs_as_owner", Mounts},      {"build_runs_as_owner", Mounts}, {"pins_missing", Mounts},
    {"archive_unmapped", Mounts},   {"archive_folder", Mounts},      {"container_limit", Limits},
    {"gpu_quota", Limits},          {"gpu_per_container", Limits},   {"gpu_full_not_allowed", Limits},
});

}  // namespace

std::optional<RuleClass> classOf(const Denial& denial) {
  // What is somebody else's looks as if it were not there.
  const bool hidden = denial.rules == Ownership && (denial.reason == "container" || denial.reason == "network");
  if (hidden) return denial.rules;
  const bool may_not = denial.http_status == 403 || denial.http_status == 404 || denial.http_status == 409;
  if (!may_not) return std::nullopt;
  if (denial.rules) return denial.rules;
  const auto* const found = std::ranges::find(kClasses, denial.reason, &std::pair<std::string_view, RuleClass>::first);
  return found != kClasses.end() ? std::optional(found->second) : std::nullopt;
}

}  // namespace ds01::gateway
