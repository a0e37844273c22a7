#include <array>

#include <fmt/format.h>

#include "config/compile_parts.h"

namespace ds01::config {
namespace {

AggregateLayer readAggregate(const Entry& entry, Report& report) {
  AggregateLayer layer;
  if (std::holds_alternative<Unlimited>(entry.value)) {
    const auto lift = [&](auto& setting) {
      setting.present = true;
      setting.at = {.file = report.sharedFile(), .line = entry.name_at.line};
    };
    lift(layer.cpu_quota);
    lift(layer.memory_max);
    lift(layer.memory_high);
    lift(layer.tasks_max);
    lift(layer.gpu_limit);
    return layer;
  }
  const auto& section = std::get<Section>(entry.value);
  take(section, "cpu_quota", layer.cpu_quota);
  take(section, "memory_max", layer.memory_max);
  take(section, "memory_high", layer.memory_high);
  take(section, "tasks_max", layer.tasks_max);
  take(section, "gpu_limit", layer.gpu_limit);
  if (layer.memory_high.value && layer.memory_max.value && *layer.memory_high.value > *layer.memory_max.value) {
    const Entry* high = section.find("memory_high");
    report.warning(high->value_at, high->path, "is more than memory_max beside it and never takes effect");
  }
  return layer;
}

}  // namespace

PoliciesLayer readPolicies(const Section& section) {
  PoliciesLayer layer;
  take(section, "gpu_idle_threshold", layer.gpu_idle_threshold);
  take(section, "cpu_idle_threshold", layer.cpu_idle_threshold);
  take(section, "network_idle_threshold", layer.network_idle_threshold);
  take(section, "idle_detection_window", layer.idle_detection_window);
  take(section, "sigterm_grace", layer.sigterm_grace);
  return layer;
}

namespace {

// Newest first, as firstPresent() in lookup.cpp reads them.
constexpr std::array<std::string_view, 4> kQuotaNames{"max_gpu_equivalents", "max_gpu_slots", "max_gpus_per_user",
                                                      "max_mig_instances"};
constexpr std::array<std::string_view, 3> kPerContainerNames{"max_gpu_slots_per_container", "max_gpus_per_container",
                                                             "max_mig_per_container"};

template <std::size_t N>
void warnOfShadowed(const std::array<std::string_view, N>& names, const Section& defaults, const Section& layer,
                    Report& report) {
  for (std::size_t older = 1; older < N; ++older) {
    const Entry* entry = layer.find(names[older]);
    for (std::size_t newer = 0; entry != nullptr && newer < older; ++newer) {
      const Entry* winner = layer.find(names[newer]);
      if (winner == nullptr) winner = defaults.find(names[newer]);
      if (winner == nullptr) continue;
      report.warning(entry->name_at, entry->path,
                     fmt::format("has no effect, because {} is set too and goes before it", winner->path));
      break;
    }
  }
}

}  // namespace

LimitsLayer readLimits(const Section& section, Report& report) {
  LimitsLayer layer;
  take(section, "max_gpu_equivalents", layer.max_gpu_equivalents);
  take(section, "max_gpu_slots", layer.max_gpu_slots);
  take(section, "max_gpus_per_user", layer.max_gpus_per_user);
  take(section, "max_mig_instances", layer.max_mig_instances);
  take(section, "max_gpu_slots_per_container", layer.max_gpu_slots_per_container);
  take(section, "max_gpus_per_container", layer.max_gpus_per_container);
  take(section, "max_mig_per_container", layer.max_mig_per_container);
  take(section, "allow_full_gpu", layer.allow_full_gpu);
  take(section, "host_network", layer.host_network);
  take(section, "buildkit", layer.buildkit);
  take(section, "host_ipc", layer.host_ipc);
  take(section, "run_as_owner", layer.run_as_owner);
  takeCapabilities(section, layer.capabilities, report);
  take(section, "max_containers_per_user", layer.max_containers_per_user);
  take(section, "priority", layer.priority);
  take(section, "cpus", layer.max_cpus);
  take(section, "max_cpus", layer.max_cpus);
  take(section, "memory", layer.memory);
  take(section, "memory_swap", layer.memory_swap);
  take(section, "shm_size", layer.shm_size);
  take(section, "pids_limit", layer.pids_limit);
  take(section, "max_runtime", layer.max_runtime);
  take(section, "idle_timeout", layer.idle_timeout);
  take(section, "gpu_hold_after_stop", layer.gpu_hold_after_stop);
  take(section, "container_hold_after_stop", layer.container_hold_after_stop);
  if (const Entry* aggregate = section.find("aggregate")) layer.aggregate = readAggregate(*aggregate, report);
  if (const Section* policies = below(section, "policies")) layer.policies = readPolicies(*policies);

  const Entry* swap = section.find("memory_swap");
  if (layer.memory.value && layer.memory_swap.value && *layer.memory_swap.value < *layer.memory.value) {
    report.error(swap->value_at, swap->path,
                 fmt::format("is memory plus swap and must not be less than the memory beside it, {}",
                             toString(*layer.memory.value)));
  }
  if (const Entry* cpus = section.find("cpus"); cpus != nullptr && section.find("max_cpus") != nullptr) {
    report.error(cpus->name_at, cpus->path, "says the same as max_cpus beside it; keep one");
  }
  return layer;
}

void warnOfShadowedAliases(const Section& defaults, const Section& layer, Report& report) {
  warnOfShadowed(kQuotaNames, defaults, layer, report);
  warnOfShadowed(kPerContainerNames, defaults, layer, report);
}

}  // namespace ds01::config
