// What one login may have: the merged layers defaults < group < override. An unset optional means unlimited.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <set>
#include <string>

#include "base/units.h"

namespace ds01 {

// Limits on the sum over all of a user's containers; applied to the user's slice.
struct AggregateLimits {
  std::optional<CpuMillis> cpu_quota;
  std::optional<Bytes> memory_max;
  std::optional<Bytes> memory_high;
  std::optional<std::int64_t> tasks_max;
  std::optional<GpuEq> gpu_limit;
};

struct Limits {
  std::string group;  // the real group name, also when an override applies

  std::optional<GpuEq> max_gpu_equivalents;
  // Slots held at once over all containers, whatever their size. Only sites that still count MIG instances instead of
  // GPU equivalents set it (max_mig_instances and its like); max_gpu_equivalents is then the same number of whole GPUs.
  std::optional<std::int64_t> max_gpu_slots;
  std::optional<std::int64_t> max_gpu_slots_per_container;
  bool allow_full_gpu = true;
  std::optional<std::int64_t> max_containers_per_user;
  std::int64_t priority = 10;  // who waits for a GPU with a higher one comes before who waits with a lower one

  bool host_network = false;           // containers may use the host's network
  bool buildkit = false;               // builds with BuildKit
  bool host_ipc = false;               // containers that run as their owner may use the host's shared memory
  bool run_as_owner = false;           // containers run as their owner, without capabilities
  std::set<std::string> capabilities;  // that containers may add: "IPC_LOCK"

  // Per container.
  std::optional<CpuMillis> max_cpus;
  std::optional<Bytes> memory;
  std::optional<Bytes> memory_swap;  // memory plus swap, as Docker counts it
  std::optional<Bytes> shm_size;
  std::optional<std::int64_t> pids_limit;

  std::optional<std::chrono::seconds> max_runtime;
  std::optional<std::chrono::seconds> idle_timeout;
  std::optional<std::chrono::seconds> gpu_hold_after_stop;
  std::optional<std::chrono::seconds> container_hold_after_stop;

  AggregateLimits aggregate;
};

}  // namespace ds01
