#include "config/lookup.h"

#include <algorithm>

#include <fmt/format.h>

namespace ds01::config {
namespace {

template <typename T>
std::optional<T> orDefault(const Setting<T>& setting, T fallback) {
  return setting.present ? setting.value : std::optional(fallback);
}

// A login is looked for as it is spelt, then by its short name.
template <typename Map>
const typename Map::mapped_type* find(const Map& map, std::string_view login, std::string_view short_name) {
  auto found = map.find(login);
  if (found == map.end() && !short_name.empty()) found = map.find(short_name);
  return found == map.end() ? nullptr : &found->second;
}

void layOver(LimitsLayer& lower, const LimitsLayer& upper) {
  lower.max_gpu_equivalents.overrideWith(upper.max_gpu_equivalents);
  lower.max_gpu_slots.overrideWith(upper.max_gpu_slots);
  lower.max_gpus_per_user.overrideWith(upper.max_gpus_per_user);
  lower.max_mig_instances.overrideWith(upper.max_mig_instances);
  lower.max_gpu_slots_per_container.overrideWith(upper.max_gpu_slots_per_container);
  lower.max_gpus_per_container.overrideWith(upper.max_gpus_per_container);
  lower.max_mig_per_container.overrideWith(upper.max_mig_per_container);
  lower.allow_full_gpu.overrideWith(upper.allow_full_gpu);
  lower.host_network.overrideWith(upper.host_network);
  lower.buildkit.overrideWith(upper.buildkit);
  lower.host_ipc.overrideWith(upper.host_ipc);
  lower.run_as_owner.overrideWith(upper.run_as_owner);
  lower.capabilities.overrideWith(upper.capabilities);
  lower.max_containers_per_user.overrideWith(upper.max_containers_per_user);
  lower.priority.overrideWith(upper.priority);
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
  lower.policies.gpu_idle_threshold.overrideWith(upper.policies.gpu_idle_threshold);
  lower.policies.cpu_idle_threshold.overrideWith(upper.policies.cpu_idle_threshold);
  lower.policies.network_idle_threshold.overrideWith(upper.policies.network_idle_threshold);
  lower.policies.idle_detection_window.overrideWith(upper.policies.idle_detection_window);
  lower.policies.sigterm_grace.overrideWith(upper.policies.sigterm_grace);
}

LimitsLayer merged(const Config& config, std::string_view login, std::string_view short_name) {
  const Layers layers = layersOf(config, login, short_name);
  LimitsLayer all = *layers.defaults;
  if (layers.group != nullptr) layOver(all, *layers.group);
  if (layers.personal != nullptr) layOver(all, *layers.personal);
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
    limits.max_gpu_equivalents = orDefault(all.max_gpu_equivalents, absent::kGpuEquivalents);
    return;
  }
  limits.max_gpu_slots = slots->value;
  // No slot weighs more than a GPU, so this never binds before the count does.
  if (slots->value) limits.max_gpu_equivalents = GpuEq::whole(*slots->value);
}

void setMemory(const LimitsLayer& all, Limits& limits) {
  limits.memory = orDefault(all.memory, absent::kMemory);
  limits.shm_size = orDefault(all.shm_size, absent::kShmSize);
  // The Engine takes a limit on memory plus swap only beside one on memory, and never a smaller one.
  if (!limits.memory) return;
  limits.memory_swap = orDefault(all.memory_swap, *limits.memory);
  if (limits.memory_swap) limits.memory_swap = std::max(*limits.memory_swap, *limits.memory);
}

}  // namespace

Layers layersOf(const Config& config, std::string_view login, std::string_view short_name) {
  const std::string group = groupFor(config, login, short_name);
  const auto own = std::ranges::find(config.groups, group, &Group::name);
  return {.defaults = &config.defaults,
          .group = own == config.groups.end() ? nullptr : &own->limits,
          .personal = find(config.overrides, login, short_name)};
}

GroupChoice chooseGroup(const Config& config, std::string_view login, std::string_view short_name) {
  using enum GroupChoice::Why;
  if (const Membership* found = find(config.group_overrides, login, short_name)) {
    return {.group = found->group, .why = OverridesFile, .at = found->at};
  }
  if (const Membership* found = find(config.members, login, short_name)) {
    return {.group = found->group, .why = Member, .at = found->at};
  }
  return {.group = config.default_group, .why = Default, .at = config.default_group_at};
}

std::string groupFor(const Config& config, std::string_view login, std::string_view short_name) {
  return chooseGroup(config, login, short_name).group;
}

std::optional<Denial> refuseArchived(const Config& config, std::string_view login, std::string_view short_name) {
  const bool archived =
      config.archived.contains(login) || (!short_name.empty() && config.archived.contains(short_name));
  if (!archived) return std::nullopt;
  return Denial{.http_status = 403,
                .reason = "archived",
                .text = fmt::format("the account {} is archived and may not use this machine; the administrators can "
                                    "bring it back",
                                    login)};
}

std::expected<Limits, Denial> limitsFor(const Config& config, std::string_view login, std::string_view short_name) {
  if (std::optional<Denial> denial = refuseArchived(config, login, short_name)) {
    return std::unexpected(*std::move(denial));
  }
  Limits limits;
  limits.group = groupFor(config, login, short_name);
  const LimitsLayer all = merged(config, login, short_name);
  setGpuQuota(all, limits);
  const Setting<std::int64_t>* per_container =
      firstPresent({&all.max_gpu_slots_per_container, &all.max_gpus_per_container, &all.max_mig_per_container});
  limits.max_gpu_slots_per_container =
      per_container == nullptr ? std::optional(absent::kSlotsPerContainer) : per_container->value;
  limits.allow_full_gpu = all.allow_full_gpu.value.value_or(true);
  limits.host_network = all.host_network.value.value_or(false);
  limits.buildkit = all.buildkit.value.value_or(false);
  limits.host_ipc = all.host_ipc.value.value_or(false);
  limits.run_as_owner = all.run_as_owner.value.value_or(false);
  if (all.capabilities.value)
    limits.capabilities.insert(all.capabilities.value->begin(), all.capabilities.value->end());
  limits.max_containers_per_user = orDefault(all.max_containers_per_user, absent::kContainersPerUser);
  limits.priority = all.priority.value.value_or(absent::kPriority);
  limits.max_cpus = orDefault(all.max_cpus, absent::kCpus);
  setMemory(all, limits);
  limits.pids_limit = orDefault(all.pids_limit, absent::kPids);
  limits.max_runtime = orDefault(all.max_runtime, absent::kMaxRuntime);
  limits.idle_timeout = orDefault(all.idle_timeout, absent::kIdleTimeout);
  limits.gpu_hold_after_stop = orDefault(all.gpu_hold_after_stop, absent::kGpuHold);
  limits.container_hold_after_stop = orDefault(all.container_hold_after_stop, absent::kContainerHold);
  limits.aggregate = {.cpu_quota = all.aggregate.cpu_quota.value,
                      .memory_max = all.aggregate.memory_max.value,
                      .memory_high = all.aggregate.memory_high.value,
                      .tasks_max = all.aggregate.tasks_max.value,
                      .gpu_limit = all.aggregate.gpu_limit.value};
  return limits;
}

Policies policiesFor(const Config& config, std::string_view login, std::string_view short_name) {
  const PoliciesLayer own = merged(config, login, short_name).policies;
  Policies policies = config.policies;
  const auto take = [](auto& policy, const auto& setting) { policy = setting.value.value_or(policy); };
  take(policies.gpu_idle_threshold, own.gpu_idle_threshold);
  take(policies.cpu_idle_threshold, own.cpu_idle_threshold);
  take(policies.network_idle_threshold, own.network_idle_threshold);
  take(policies.idle_detection_window, own.idle_detection_window);
  take(policies.sigterm_grace, own.sigterm_grace);
  return policies;
}

bool isAdminLogin(const Config& config, std::string_view login) {
  return config.access.admin_users.contains(login);
}

const std::string& adminGroup(const Config& config) {
  return config.access.admin_group;
}

}  // namespace ds01::config
