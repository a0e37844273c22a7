#include <algorithm>
#include <cstdint>
#include <limits>
#include <string>

#include <fmt/format.h>

#include "admission/json_access.h"
#include "admission/pass.h"
#include "base/units.h"

namespace ds01::admission {
namespace {

constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t kNanosPerMilli = 1'000'000;
constexpr std::int64_t kDefaultPeriod = 100'000;  // µs, the kernel's and Docker's
constexpr std::int64_t kShortestPeriod = 1'000;   // the bounds that Docker refuses beyond
constexpr std::int64_t kLongestPeriod = 1'000'000;
constexpr std::int64_t kLeastQuota = 1'000;
constexpr std::int64_t kLongestStop = 600;  // seconds

std::expected<std::int64_t, Denial> amount(Context& context, std::string_view field) {
  return integer(context.host(), field, "HostConfig.");
}

Denial negative(std::string_view field, std::int64_t value) {
  return malformed("negative", fmt::format("HostConfig.{} is {}, which makes no sense", field, value));
}

void warnCapped(Context& context, std::string_view what, const std::string& asked, const std::string& limit) {
  context.out.warnings.push_back(
      fmt::format("ds01: {} {} is above your limit of {} and was set to it", what, asked, limit));
}

// Multiplies non-negative numbers; what does not fit becomes the largest.
std::int64_t times(std::int64_t a, std::int64_t b) {
  return b != 0 && a > kMost / b ? kMost : a * b;
}
std::int64_t plus(std::int64_t a, std::int64_t b) {
  return a > kMost - b ? kMost : a + b;
}

// Fills an unset size and cuts a larger one.
Verdict limitBytes(Context& context, std::string_view field, std::string_view what, const std::optional<Bytes>& limit) {
  const auto asked = amount(context, field);
  if (!asked) return asked.error();
  if (*asked < 0) return negative(field, *asked);
  if (!limit || (*asked != 0 && *asked <= limit->count)) return std::nullopt;
  if (*asked != 0) warnCapped(context, what, toString(Bytes{*asked}), toString(*limit));
  context.host()[field] = limit->count;
  return std::nullopt;
}

struct CpuLimit {
  CpuMillis most;
  bool of_machine = false;  // the machine has fewer CPUs than the user's limit
};

std::optional<CpuLimit> cpuLimit(const Facts& facts) {
  if (!facts.limits.max_cpus) return std::nullopt;
  const CpuMillis machine{times(facts.engine.cpus, 1000)};
  if (machine.count > 0 && machine < *facts.limits.max_cpus) return CpuLimit{machine, true};
  return CpuLimit{*facts.limits.max_cpus, false};
}

void warnCpus(Context& context, CpuMillis asked, const CpuLimit& limit) {
  if (!limit.of_machine) return warnCapped(context, "CPU limit", toString(asked), toString(limit.most));
  context.out.warnings.push_back(fmt::format("ds01: CPU limit {} is above what this machine has, {}, and was set to it",
                                             toString(asked), toString(limit.most)));
}

// The form --cpu-quota/--cpu-period. NanoCpus beside it would make Docker refuse the request.
Verdict limitQuota(Context& context, std::int64_t quota, std::int64_t period) {
  if (period == 0) period = kDefaultPeriod;
  if (period < kShortestPeriod || period > kLongestPeriod) {
    return malformed("cpu_period", fmt::format("--cpu-period (HostConfig.CpuPeriod) is {}; it must be from {} to {}",
                                               period, kShortestPeriod, kLongestPeriod));
  }
  context.host().erase("NanoCpus");
  const std::optional<CpuLimit> limit = cpuLimit(context.facts);
  if (!limit) return std::nullopt;
  std::int64_t most = times(limit->most.count, period) / 1000;
  if (quota > 0 && quota <= most) return std::nullopt;
  if (quota > 0) warnCpus(context, CpuMillis{times(quota, 1000) / period}, *limit);
  if (quota < 0) warnCapped(context, "CPU quota", "unlimited", toString(limit->most));
  if (most < kLeastQuota) {
    // The least quota would be more than the limit in so short a period.
    context.host()["CpuPeriod"] = kDefaultPeriod;
    most = std::max(times(limit->most.count, kDefaultPeriod) / 1000, kLeastQuota);
  }
  context.host()["CpuQuota"] = most;
  return std::nullopt;
}

// `quota` is unset, 0 or -1, which means unlimited.
Verdict limitNanoCpus(Context& context, std::int64_t nanos, std::int64_t quota) {
  const std::optional<CpuLimit> limit = cpuLimit(context.facts);
  if (!limit) return std::nullopt;
  const std::int64_t most = times(limit->most.count, kNanosPerMilli);
  context.host().erase("CpuQuota");
  if (quota < 0 && nanos == 0) warnCapped(context, "CPU quota", "unlimited", toString(limit->most));
  if (nanos > 0 && nanos <= most) return std::nullopt;
  if (nanos > 0) warnCpus(context, CpuMillis{nanos / kNanosPerMilli}, *limit);
  context.host()["NanoCpus"] = most;
  return std::nullopt;
}

Verdict removeSwap(Context& context, std::int64_t asked) {
  if (asked > 0) {
    context.out.warnings.emplace_back("ds01: this machine has no swap limit, so --memory-swap was ignored");
  }
  context.host().erase("MemorySwap");
  context.host().erase("MemorySwappiness");
  return std::nullopt;
}

// Docker's MemorySwap counts memory and swap together. `memory` is already settled and above 0.
void settleSwap(Context& context, std::int64_t asked, std::int64_t memory) {
  const Limits& limits = context.facts.limits;
  std::int64_t swap = asked;
  if (limits.memory_swap) {
    const std::int64_t most = std::max(limits.memory_swap->count, memory);
    // Unset: as much swap beside the memory as the limits grant beside theirs, instead of Docker's "as much again".
    const std::int64_t beside = limits.memory ? std::max<std::int64_t>(0, most - limits.memory->count) : memory;
    if (asked == 0) swap = std::min(most, plus(memory, beside));
    if (asked > most || asked == -1) {
      warnCapped(context, "memory plus swap", asked == -1 ? "unlimited" : toString(Bytes{asked}),
                 toString(Bytes{most}));
      swap = most;
    }
  }
  if (swap > 0) swap = std::max(swap, memory);
  if (swap != 0) context.host()["MemorySwap"] = swap;
}

}  // namespace

Verdict setCgroupParent(Context& context) {
  const std::string_view given = text(context.host(), "CgroupParent");
  const std::string& ours = context.facts.cgroup_parent;
  if (context.admin() && !given.empty()) return std::nullopt;
  if (!given.empty() && given != ours && !context.facts.excused.contains(RuleClass::Host)) {
    return explained(
        forbidden("cgroup_parent", fmt::format("--cgroup-parent {} (HostConfig.CgroupParent) is not allowed "
                                               "here; every container runs below its owner's slice, leave "
                                               "it out",
                                               shown(given))),
        {"HostConfig.CgroupParent", shown(given), ours}, "Leave --cgroup-parent out.");
  }
  if (!ours.empty()) context.host()["CgroupParent"] = ours;
  return std::nullopt;
}

Verdict refuseKernelMemory(Context& context) {
  for (const std::string_view field : {"KernelMemory", "KernelMemoryTCP"}) {
    if (isSet(context.host(), field)) {
      return explained(
          forbidden("kernel_memory",
                    fmt::format("--kernel-memory (HostConfig.{}) is not supported here; -m limits both kinds of memory",
                                field)),
          {fmt::format("HostConfig.{}", field), "", "nothing"}, "Leave --kernel-memory out; -m limits both kinds.");
    }
    context.host().erase(field);
  }
  return std::nullopt;
}

Verdict limitMemory(Context& context) {
  if (Verdict denial = limitBytes(context, "Memory", "memory", context.facts.limits.memory)) return denial;
  const auto reservation = amount(context, "MemoryReservation");
  if (!reservation) return reservation.error();
  if (*reservation < 0) return negative("MemoryReservation", *reservation);
  const std::int64_t memory = amount(context, "Memory").value_or(0);
  // Docker refuses a reservation above the memory; the memory may have been cut just now.
  if (memory > 0 && *reservation > memory) {
    warnCapped(context, "memory reservation", toString(Bytes{*reservation}), toString(Bytes{memory}));
    context.host()["MemoryReservation"] = memory;
  }
  return std::nullopt;
}

Verdict limitSwap(Context& context) {
  const auto asked = amount(context, "MemorySwap");
  if (!asked) return asked.error();
  if (*asked < -1) return negative("MemorySwap", *asked);
  if (!context.facts.engine.swap_limit) return removeSwap(context, *asked);
  const std::int64_t memory = amount(context, "Memory").value_or(0);
  if (memory == 0) return std::nullopt;  // Docker takes MemorySwap only beside Memory
  settleSwap(context, *asked, memory);
  return std::nullopt;
}

Verdict limitSwapAlone(Context& context) {
  const auto asked = amount(context, "MemorySwap");
  if (!asked) return asked.error();
  if (*asked < -1) return negative("MemorySwap", *asked);
  if (!context.facts.engine.swap_limit) return removeSwap(context, *asked);
  const Limits& limits = context.facts.limits;
  if (!limits.memory_swap) return std::nullopt;
  const std::int64_t most = std::max(limits.memory_swap->count, limits.memory ? limits.memory->count : 0);
  if (*asked <= most && *asked != -1) return std::nullopt;
  warnCapped(context, "memory plus swap", *asked == -1 ? "unlimited" : toString(Bytes{*asked}), toString(Bytes{most}));
  context.host()["MemorySwap"] = most;
  return std::nullopt;
}

Verdict limitCpus(Context& context) {
  const auto nanos = amount(context, "NanoCpus");
  const auto quota = amount(context, "CpuQuota");
  const auto period = amount(context, "CpuPeriod");
  for (const auto* value : {&nanos, &quota, &period}) {
    if (!*value) return value->error();
  }
  if (*nanos < 0) return negative("NanoCpus", *nanos);
  if (*quota < -1) return negative("CpuQuota", *quota);
  if (*period < 0) return negative("CpuPeriod", *period);
  const bool pair = *quota > 0 || *period > 0;
  if (*nanos > 0 && pair) {
    return malformed(
        "cpu_conflict",
        "--cpus (HostConfig.NanoCpus) and --cpu-quota/--cpu-period (HostConfig.CpuQuota, CpuPeriod) exclude "
        "each other; give one of them");
  }
  return pair ? limitQuota(context, *quota, *period) : limitNanoCpus(context, *nanos, *quota);
}

Verdict limitPids(Context& context) {
  const auto asked = amount(context, "PidsLimit");
  if (!asked) return asked.error();
  if (*asked < -1) return negative("PidsLimit", *asked);
  if (!context.facts.engine.pids_limit) {
    context.host().erase("PidsLimit");
    return std::nullopt;
  }
  const std::optional<std::int64_t>& limit = context.facts.limits.pids_limit;
  if (!limit || (*asked > 0 && *asked <= *limit)) return std::nullopt;
  if (*asked != 0) {
    warnCapped(context, "process limit", *asked < 0 ? "unlimited" : std::to_string(*asked), std::to_string(*limit));
  }
  context.host()["PidsLimit"] = *limit;
  return std::nullopt;
}

// dockerd waits for the container that takes longest before it stops itself; -1 means for ever.
Verdict limitStopTimeout(Context& context) {
  const auto asked = integer(context.body(), "StopTimeout", "");
  if (!asked) return asked.error();
  if (*asked >= 0 && *asked <= kLongestStop) return std::nullopt;
  context.out.warnings.push_back(fmt::format("ds01: --stop-timeout {} is not from 0 to {} seconds and was set to {}",
                                             *asked, kLongestStop, kLongestStop));
  context.body()["StopTimeout"] = kLongestStop;
  return std::nullopt;
}

Verdict limitShm(Context& context) {
  return limitBytes(context, "ShmSize", "shared memory", context.facts.limits.shm_size);
}

}  // namespace ds01::admission
