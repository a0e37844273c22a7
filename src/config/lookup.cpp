#include "config/lookup.h"

#include <algorithm>

#include <fmt/format.h>

namespace ds01::config {
namespace {

// The documented defaults of keys that no layer names.
constexpr GpuEq kGpuEquivalents = GpuEq::whole(1);
constexpr std::int64_t kSlotsPerContainer = 1;
constexpr std::int64_t kContainersPerUser = 3;
constexpr CpuMillis kCpus{16'000};
constexpr Bytes kMemory{32LL << 30};
constexpr Bytes kShmSize{16LL << 30};
constexpr std::int64_t kPids = 4096;
constexpr std::chrono::seconds kMaxRuntime = std::chrono::hours(24);
constexpr std::chrono::seconds kIdleTimeout = std::chrono::minutes(30);
constexpr std::chrono::seconds kGpuHold = std::chrono::minutes(15);
constexpr std::chrono::seconds kContainerHold = std::chrono::minutes(30);

template <typename T>
std::optional<T> orDefault(const Setting<T>& setting, T fallback) {
  return setting.present ? setting.value : std::optional(fallback);
}

template <typename Map>
const typename Map::mapped_type* find(const Map& map, std::string_view login, std::string_view short_name) {
  auto found = map.find(login);
  if (found == map.end() && !short_name.empty()) found = map.find(short_name);
  return found == map.end() ? nullptr : &found->second;
}

template <typename T>
void layOver(std::optional<T>& lower, const std::optional<T>& upper) {
  if (upper) lower = upper;
}

void layOver(LimitsLayer& lower, const LimitsLayer& upper) {
  lower.max_gpu_equivalents.overrideWith(upper.max_gpu_equivalents);
  lower.max_gpu_slots.overrideWith(upper.max_gpu_slots);
  lower.max_gpus_per_user.overrideWith(upper.max_gpus_per_user);
  lower.max_mig_instances.overrideWith(upper.max_mig_instances);
  lower.max_gpu_slots_per_container.overrideWith(upper.max_gpu_slots_per_container);
  lower.max_gpus_per_container.overrideWith(upper.max_gpus_per_container);
  lower.max_mig_per_container.overrideWith(upper.max_mig_per_container);
  layOver(lower.allow_full_gpu, upper.allow_full_gpu);
  lower.max_containers_per_user.overrideWith(upper.max_containers_per_user);
  lower.max_cpus.overrideWith(upper.max_cpus);
  lower.memory.overrideWith(upper.memory);
  lower.memory_swap.overrideWith(upper.memory_swap);
  lower.shm_size.overrideWith(upper.shm_size);
  lower.pids_limit.overrideWith(upper.pids_limit);
  lower.max_runtime.overrideWith(upper.max_runtime);
  lower.idle_timeout.overrideWith(upper.idle_timeout);
  lower.gpu_hold_after_stop.overrideWith(upper.gpu_hold_after_stop);
  lower.container_hold_after_stop.overrideWith(upper.container_hold_after_stop);
  lower.aggregate.cpu_quota.overrideWith(upper.aggregate.cpu_quota);
  lower.aggregate.memory_max.overrideWith(upper.aggregate.memory_max);
  lower.aggregate.memory_high.overrideWith(upper.aggregate.memory_high);
  lower.aggregate.tasks_max.overrideWith(upper.aggregate.tasks_max);
  lower.aggregate.gpu_limit.overrideWith(upper.aggregate.gpu_limit);
  layOver(lower.policies.gpu_idle_threshold, upper.policies.gpu_idle_threshold);
  layOver(lower.policies.cpu_idle_threshold, upper.policies.cpu_idle_threshold);
  layOver(lower.policies.network_idle_threshold, upper.policies.network_idle_threshold);
  layOver(lower.policies.idle_detection_window, upper.policies.idle_detection_window);
  layOver(lower.policies.sigterm_grace, upper.policies.sigterm_grace);
}

LimitsLayer merged(const Config& config, std::string_view group, std::string_view login, std::string_view short_name) {
  LimitsLayer all = config.defaults;
  const auto own = std::ranges::find(config.groups, group, &Group::name);
  if (own != config.groups.end()) layOver(all, own->limits);
  if (const LimitsLayer* override = find(config.overrides, login, short_name)) layOver(all, *override);
  return all;
}

// The first of a key and its older names that any layer has.
template <typename T>
const Setting<T>* firstPresent(std::initializer_list<const Setting<T>*> settings) {
  const auto found = std::ranges::find_if(settings, [](const Setting<T>* s) { return s->present; });
  return found == settings.end() ? nullptr : *found;
}

void setGpuQuota(const LimitsLayer& all, Limits& limits) {
  const Setting<std::int64_t>* slots =
      firstPresent({&all.max_gpu_slots, &all.max_gpus_per_user, &all.max_mig_instances});
  if (all.max_gpu_equivalents.present || slots == nullptr) {
    limits.max_gpu_equivalents = orDefault(all.max_gpu_equivalents, kGpuEquivalents);
    return;
  }
  limits.max_gpu_slots = slots->value;
  // No slot weighs more than a GPU, so this never binds before the count does.
  if (slots->value) limits.max_gpu_equivalents = GpuEq::whole(*slots->value);
}

void setMemory(const LimitsLayer& all, Limits& limits) {
  limits.memory = orDefault(all.memory, kMemory);
  limits.shm_size = orDefault(all.shm_size, kShmSize);
  // The Engine takes a limit on memory plus swap only beside one on memory, and never a smaller one.
  if (!limits.memory) return;
  limits.memory_swap = orDefault(all.memory_swap, *limits.memory);
  if (limits.memory_swap) limits.memory_swap = std::max(*limits.memory_swap, *limits.memory);
}

}  // namespace

std::string groupFor(const Config& config, std::string_view login, std::string_view short_name) {
  for (const std::string_view name : {login, short_name}) {
    if (name.empty()) continue;
    if (const std::string* group = find(config.group_overrides, name, {})) return *group;
    if (const std::string* group = find(config.members, name, {})) return *group;
  }
  return config.default_group;
}

std::expected<Limits, Denial> limitsFor(const Config& config, std::string_view login, std::string_view short_name) {
  if (config.archived.contains(login) || (!short_name.empty() && config.archived.contains(short_name))) {
    return std::unexpected(
        Denial{.http_status = 403,
               .reason = "archived",
               .text = fmt::format("the account {} is archived and may not use this machine; the administrators can "
                                   "bring it back",
                                   login)});
  }
  Limits limits;
  limits.group = groupFor(config, login, short_name);
  const LimitsLayer all = merged(config, limits.group, login, short_name);
  setGpuQuota(all, limits);
  const Setting<std::int64_t>* per_container =
      firstPresent({&all.max_gpu_slots_per_container, &all.max_gpus_per_container, &all.max_mig_per_container});
  limits.max_gpu_slots_per_container =
      per_container == nullptr ? std::optional(kSlotsPerContainer) : per_container->value;
  limits.allow_full_gpu = all.allow_full_gpu.value_or(true);
  limits.max_containers_per_user = orDefault(all.max_containers_per_user, kContainersPerUser);
  limits.max_cpus = orDefault(all.max_cpus, kCpus);
  setMemory(all, limits);
  limits.pids_limit = orDefault(all.pids_limit, kPids);
  limits.max_runtime = orDefault(all.max_runtime, kMaxRuntime);
  limits.idle_timeout = orDefault(all.idle_timeout, kIdleTimeout);
  limits.gpu_hold_after_stop = orDefault(all.gpu_hold_after_stop, kGpuHold);
  limits.container_hold_after_stop = orDefault(all.container_hold_after_stop, kContainerHold);
  limits.aggregate = {.cpu_quota = all.aggregate.cpu_quota.value,
                      .memory_max = all.aggregate.memory_max.value,
                      .memory_high = all.aggregate.memory_high.value,
                      .tasks_max = all.aggregate.tasks_max.value,
                      .gpu_limit = all.aggregate.gpu_limit.value};
  return limits;
}

Policies policiesFor(const Config& config, std::string_view login, std::string_view short_name) {
  const PoliciesLayer own = merged(config, groupFor(config, login, short_name), login, short_name).policies;
  Policies policies = config.policies;
  policies.gpu_idle_threshold = own.gpu_idle_threshold.value_or(policies.gpu_idle_threshold);
  policies.cpu_idle_threshold = own.cpu_idle_threshold.value_or(policies.cpu_idle_threshold);
  policies.network_idle_threshold = own.network_idle_threshold.value_or(policies.network_idle_threshold);
  policies.idle_detection_window = own.idle_detection_window.value_or(policies.idle_detection_window);
  policies.sigterm_grace = own.sigterm_grace.value_or(policies.sigterm_grace);
  return policies;
}

bool isAdminLogin(const Config& config, std::string_view login) {
  return config.access.admin_users.contains(login);
}

const std::string& adminGroup(const Config& config) {
  return config.access.admin_group;
}

}  // namespace ds01::config
