// The allocation decision with 1,000 leases on 128 slots, and what it costs to make one durable.
#include <filesystem>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include "allocator/codec.h"
#include "allocator/file/state_file.h"
#include "allocator/ledger.h"
#include "samples.h"

namespace ds01::bench {
namespace {

using allocator::Ledger;
using allocator::Refusal;
using allocator::ReserveRequest;

constexpr int kSlots = 128;
constexpr int kLeases = 1000;
constexpr int kPerGpu = 7;  // instances, as 1g.10gb cuts an A100
constexpr int kUsers = 50;

// 18 GPUs cut in seven, and two whole ones.
Inventory machine() {
  Inventory inventory;
  for (int i = 0; i < kSlots; ++i) {
    GpuSlot slot;
    slot.gpu = i / kPerGpu;
    const bool whole = slot.gpu >= kSlots / kPerGpu;
    if (whole) slot.gpu += i % kPerGpu;
    slot.slot = whole ? fmt::format("{}", slot.gpu) : fmt::format("{}:{}", slot.gpu, i % kPerGpu);
    slot.uuid = fmt::format("{}-00000000-0000-4000-8000-{:012}", whole ? "GPU" : "MIG", i);
    slot.model = "NVIDIA A100-SXM4-80GB";
    slot.profile = whole ? "full" : "1g.10gb";
    slot.weight = whole ? GpuEq::whole(1) : GpuEq{1'000'000 / kPerGpu};
    inventory.slots.push_back(std::move(slot));
  }
  return inventory;
}

// `held` slots in use; the other leases are those of stopped containers, so that there are 1,000.
Ledger ledgerWith(int held) {
  const Inventory inventory = machine();
  std::vector<Lease> leases;
  for (int i = 0; i < kLeases; ++i) {
    Lease lease;
    lease.id = LeaseId(fmt::format("L{:016x}", i + 1));
    lease.uid = 1000 + static_cast<std::uint32_t>(i % kUsers);
    lease.login = fmt::format("user{}@students.example.edu", i % kUsers);
    lease.group = "student";
    lease.container = ContainerId(fmt::format("{:064x}", i + 1));
    lease.container_name = fmt::format("train-{}", i);
    lease.decision = DecisionId(fmt::format("D{}", i + 1));
    lease.delivery = Lease::Delivery::AtStart;
    lease.count = 1;
    lease.profile = "1g.10gb";
    lease.state = Lease::State::Parked;
    if (i < held) {
      const GpuSlot& slot = inventory.slots[static_cast<std::size_t>(i)];
      lease.state = Lease::State::Bound;
      lease.uuids = {slot.uuid};
      lease.weight = slot.weight;
      lease.profile = slot.profile;
    }
    leases.push_back(std::move(lease));
  }
  Ledger ledger(inventory);
  if (const Status restored = ledger.restore(std::move(leases)); !restored) {
    throw std::runtime_error("restore: " + restored.error().message());
  }
  return ledger;
}

ReserveRequest request(std::optional<GpuEq> quota) {
  ReserveRequest wanted;
  wanted.id = LeaseId("Lffffffffffffffff");
  wanted.uid = 1001;
  wanted.login = "user1@students.example.edu";
  wanted.group = "student";
  wanted.container_name = "train";
  wanted.decision = DecisionId("D1");
  wanted.limits.group = "student";
  wanted.limits.max_gpu_equivalents = quota;
  return wanted;
}

void decide(benchmark::State& state, int held, std::optional<GpuEq> quota, bool granted) {
  Ledger ledger = ledgerWith(held);
  const ReserveRequest wanted = request(quota);
  Samples samples(state);
  for ([[maybe_unused]] auto _ : state) {
    std::expected<Lease, Refusal> answer = std::unexpected(Refusal());
    samples.time([&] { answer = ledger.reserve(wanted); });
    if (answer.has_value() != granted) state.SkipWithError("not decided as expected");
    if (answer) ledger.release(answer->id);
  }
  samples.report();
}

void Decision_Granted(benchmark::State& state) {
  decide(state, kSlots / 2, std::nullopt, true);
}
void Decision_TheLastSlot(benchmark::State& state) {
  decide(state, kSlots - 1, std::nullopt, true);
}
void Decision_NoneFree(benchmark::State& state) {
  decide(state, kSlots, std::nullopt, false);
}
void Decision_OverQuota(benchmark::State& state) {
  decide(state, kSlots / 2, GpuEq{200'000}, false);
}
BENCHMARK(Decision_Granted)->UseManualTime()->Unit(benchmark::kMicrosecond);
BENCHMARK(Decision_TheLastSlot)->UseManualTime()->Unit(benchmark::kMicrosecond);
BENCHMARK(Decision_NoneFree)->UseManualTime()->Unit(benchmark::kMicrosecond);
BENCHMARK(Decision_OverQuota)->UseManualTime()->Unit(benchmark::kMicrosecond);

// Below TMPDIR, which must be on the disk that is meant.
void StateFile_Write(benchmark::State& state) {
  const std::string image = allocator::encodeState(ledgerWith(static_cast<int>(state.range(0))).leases());
  const std::filesystem::path path = std::filesystem::temp_directory_path() / "ds01-bench-state.json";
  const allocator::StateFile file(path.native());
  Samples samples(state);
  for ([[maybe_unused]] auto _ : state) {
    samples.time([&] {
      if (!file.write(image)) state.SkipWithError("cannot write");
    });
  }
  std::filesystem::remove(path);
  samples.report();
  state.counters["bytes"] = static_cast<double>(image.size());
}
BENCHMARK(StateFile_Write)->Arg(kSlots)->UseManualTime()->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace ds01::bench
