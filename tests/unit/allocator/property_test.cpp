// Random lives of a ledger, checked after each step against rules written a second time, the slow and simple way.
#include <algorithm>
#include <map>
#include <random>
#include <set>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "allocator/codec.h"
#include "allocator/ledger.h"
#include "unit/allocator/scene.h"

namespace ds01::allocator::test {
namespace {

Inventory manySlots() {
  std::vector<std::vector<std::string>> gpus(18, std::vector<std::string>(7, "1g.10gb"));
  gpus.insert(gpus.begin(), {{"full"}, {"full"}});
  return machine(gpus);
}

const std::map<std::string, Inventory>& machines() {
  static const std::map<std::string, Inventory> kMachines{
      {"site", siteMachine()},
      {"whole", machine(std::vector<std::vector<std::string>>(4, {"full"}))},
      {"slices", machine({{"3g.40gb", "2g.20gb", "1g.10gb", "1g.10gb"}, {"1g.10gb", "2g.20gb"}, {"7g.80gb"}})},
      {"slots128", manySlots()},
  };
  return kMachines;
}

// One user's standing as the rules see it.
struct Standing {
  GpuEq held;
  std::int64_t slots = 0;
};

class Life {
 public:
  Life(const Inventory& inventory, std::uint64_t seed)
      : all_(inventory), inventory_(inventory), ledger_(inventory), random_(seed) {}

  void step() {
    const auto dice = pick(100);
    if (dice < 50) {
      reserve();
    } else if (dice < 65) {
      bind();
    } else if (dice < 92) {
      release();
    } else if (dice < 95) {
      thereAndBack();
    } else if (dice < 98) {
      change();
    } else {
      restart();
    }
    ++step_;
    ASSERT_EQ(ledger_.violations(), std::vector<std::string>{});
    ASSERT_EQ(ledger_.leases().size(), model_.size());
  }

  int granted() const { return granted_; }
  int refused(RefusalCode code) const { return refused_.contains(code) ? refused_.at(code) : 0; }

 private:
  std::size_t pick(std::size_t below) { return static_cast<std::size_t>(random_() % below); }

  const GpuSlot& slotOf(const std::string& uuid) const { return *std::ranges::find(all_.slots, uuid, &GpuSlot::uuid); }
  bool isFree(const GpuSlot& slot) const {
    const auto now = std::ranges::find(inventory_.slots, slot.uuid, &GpuSlot::uuid);
    if (now == inventory_.slots.end() || !now->healthy()) return false;
    return std::ranges::none_of(model_, [&](const auto& entry) {
      return std::ranges::find(entry.second.uuids, slot.uuid) != entry.second.uuids.end();
    });
  }
  Standing standing(std::uint32_t uid) const {
    Standing sum;
    for (const auto& [id, lease] : model_) {
      if (lease.uid != uid) continue;
      for (const std::string& uuid : lease.uuids) sum.held += slotOf(uuid).weight, ++sum.slots;
    }
    return sum;
  }

  Limits randomLimits() {
    Limits limits = unlimited();
    if (pick(4) > 0) limits.max_gpu_equivalents = GpuEq{static_cast<std::int64_t>(pick(5'000'000))};
    if (pick(4) > 0) limits.aggregate.gpu_limit = GpuEq::whole(static_cast<std::int64_t>(pick(5)));
    if (pick(3) == 0) limits.max_gpu_slots_per_container = static_cast<std::int64_t>(pick(4));
    if (pick(5) == 0) limits.max_gpu_slots = static_cast<std::int64_t>(pick(6));
    limits.allow_full_gpu = pick(4) > 0;
    return limits;
  }

  GpuRequest randomRequest() {
    const auto& slots = all_.slots;
    const std::string profile = pick(3) == 0 ? slots[pick(slots.size())].profile : std::string{};
    switch (pick(5)) {
      case 0: {
        std::vector<std::string> names;
        for (std::size_t i = 0; i <= pick(3); ++i) {
          const GpuSlot& slot = slots[pick(slots.size())];
          names.push_back(pick(2) == 0 ? slot.slot : slot.uuid);
        }
        return devices(std::move(names));
      }
      case 1:
        return all(profile);
      case 2:
        return count(static_cast<std::int64_t>(1 + pick(4)), profile);
      default:
        return count(1, profile);
    }
  }

  ReserveRequest randomReserve() {
    ReserveRequest request;
    request.id = LeaseId(fmt::format("L{:016x}", ++ids_));
    request.uid = static_cast<std::uint32_t>(1000 + pick(6));
    request.login = fmt::format("user{}", request.uid);
    request.group = "student";
    request.gpu = randomRequest();
    request.limits = randomLimits();
    request.gpus_for_all = pick(2) == 0 ? GpusForAll::One : GpusForAll::Available;
    request.now = TimePoint{std::chrono::seconds{step_}};
    return request;
  }

  void reserve() {
    const ReserveRequest request = randomReserve();
    const Standing before = standing(request.uid);
    ASSERT_EQ(ledger_.heldBy(request.uid), before.held);
    const auto answer = ledger_.reserve(request);
    if (answer) {
      ++granted_;
      checkGrant(request, before, *answer);
      model_.emplace(answer->id, *answer);
    } else {
      ++refused_[answer.error().code];
      ASSERT_FALSE(answer.error().text.empty());
      ASSERT_EQ(answer.error().held, before.held);
      checkRefusal(request, before, answer.error().code);
    }
  }

  void checkGrant(const ReserveRequest& request, const Standing& before, const Lease& lease) {
    const auto size = static_cast<std::int64_t>(lease.uuids.size());
    ASSERT_EQ(std::set<std::string>(lease.uuids.begin(), lease.uuids.end()).size(), lease.uuids.size());
    GpuEq weight;
    for (const std::string& uuid : lease.uuids) {
      const GpuSlot& slot = slotOf(uuid);
      ASSERT_TRUE(isFree(slot)) << uuid;
      ASSERT_TRUE(!slot.whole() || request.limits.allow_full_gpu);
      ASSERT_TRUE(size == 1 || slot.whole());
      ASSERT_TRUE(request.gpu.profile.empty() || slot.profile == request.gpu.profile);
      weight += slot.weight;
    }
    ASSERT_EQ(lease.weight, weight);
    const Limits& limits = request.limits;
    if (limits.max_gpu_equivalents) {
      ASSERT_LE(before.held + weight, *limits.max_gpu_equivalents);
    }
    if (limits.aggregate.gpu_limit) {
      ASSERT_LE(before.held + weight, *limits.aggregate.gpu_limit);
    }
    if (limits.max_gpu_slots) {
      ASSERT_LE(before.slots + size, *limits.max_gpu_slots);
    }
    if (limits.max_gpu_slots_per_container) {
      ASSERT_LE(size, *limits.max_gpu_slots_per_container);
    }
    if (request.gpu.kind == GpuRequest::Kind::Count) {
      ASSERT_EQ(size, request.gpu.count);
    }
    if (request.gpu.kind == GpuRequest::Kind::Devices) {
      ASSERT_EQ(lease.uuids.size(), request.gpu.devices.size());
    } else if (size == 1) {
      // A slice that would have done comes before any whole GPU.
      ASSERT_TRUE(!slotOf(lease.uuids.front()).whole() || usable(request, before, true, true).empty());
    }
  }

  // Slots that could serve a request for one, by the rules.
  std::vector<const GpuSlot*> usable(const ReserveRequest& request, const Standing& before, bool free,
                                     bool mig_only) const {
    std::vector<const GpuSlot*> slots;
    const Limits& limits = request.limits;
    for (const GpuSlot& slot : inventory_.slots) {
      if (!request.gpu.profile.empty() && slot.profile != request.gpu.profile) continue;
      if (slot.whole() && (!limits.allow_full_gpu || mig_only)) continue;
      if (limits.max_gpu_equivalents && before.held + slot.weight > *limits.max_gpu_equivalents) continue;
      if (limits.aggregate.gpu_limit && before.held + slot.weight > *limits.aggregate.gpu_limit) continue;
      if (limits.max_gpu_slots && before.slots + 1 > *limits.max_gpu_slots) continue;
      if (!free || isFree(slot)) slots.push_back(&slot);
    }
    return slots;
  }

  void checkRefusal(const ReserveRequest& request, const Standing& before, RefusalCode code) {
    const bool one = request.gpu.kind == GpuRequest::Kind::All ||
                     (request.gpu.kind == GpuRequest::Kind::Count && request.gpu.count == 1);
    if (!one) return;
    const bool capped = request.limits.max_gpu_slots_per_container == 0;
    ASSERT_TRUE(capped || usable(request, before, true, false).empty());
    if (code == RefusalCode::Quota) {
      ASSERT_TRUE(usable(request, before, false, false).empty());
    }
    if (code == RefusalCode::NoneFree) {
      ASSERT_FALSE(usable(request, before, false, false).empty());
    }
  }

  void bind() {
    if (model_.empty()) return;
    auto entry = std::next(model_.begin(), static_cast<std::ptrdiff_t>(pick(model_.size())));
    Lease& lease = entry->second;
    const ContainerId container("c-" + lease.id.str());
    ASSERT_TRUE(ledger_.bind(lease.id, container, "name"));
    lease.state = Lease::State::Bound;
    lease.container = container;
    ASSERT_EQ(ledger_.findByContainer(container), ledger_.find(lease.id));
  }

  void release() {
    if (model_.empty()) return;
    const auto entry = std::next(model_.begin(), static_cast<std::ptrdiff_t>(pick(model_.size())));
    const std::optional<Lease> released = ledger_.release(entry->first);
    ASSERT_TRUE(released);
    ASSERT_EQ(released->uuids, entry->second.uuids);
    const std::uint32_t uid = entry->second.uid;
    model_.erase(entry);
    ASSERT_EQ(ledger_.heldBy(uid), standing(uid).held);
  }

  // Taking and giving back leaves no trace.
  void thereAndBack() {
    const ReserveRequest request = randomReserve();
    const std::string before = picture();
    const auto answer = ledger_.reserve(request);
    if (answer) {
      ASSERT_TRUE(ledger_.release(answer->id));
    }
    ASSERT_EQ(picture(), before);
  }

  // Another inventory: some slots are gone, some are sick. Leases and what users are charged stay as they were.
  void change() {
    const std::string leases = encodeState(ledger_.leases());
    if (pick(3) == 0) {
      ledger_.markStale("the driver does not answer");
      const auto refused = ledger_.reserve(randomReserve());
      ASSERT_FALSE(refused);
      ASSERT_EQ(refused.error().code, RefusalCode::InventoryStale);
      for (const SlotView& view : ledger_.slots()) ASSERT_EQ(view.state, SlotState::Stale);
      ASSERT_EQ(ledger_.violations(), std::vector<std::string>{});
    }
    inventory_.slots.clear();
    const bool whole = pick(3) == 0;
    for (GpuSlot slot : all_.slots) {
      if (!whole && pick(8) == 0) continue;
      if (!whole && pick(10) == 0) slot.sick = "Xid 79";
      inventory_.slots.push_back(std::move(slot));
    }
    ledger_.setInventory(inventory_);
    ASSERT_EQ(encodeState(ledger_.leases()), leases);
    for (const SlotView& view : ledger_.slots()) {
      const bool here = std::ranges::find(inventory_.slots, view.slot.uuid, &GpuSlot::uuid) != inventory_.slots.end();
      ASSERT_EQ(view.state == SlotState::Stale, !here);
      ASSERT_EQ(view.state == SlotState::Sick, here && !view.slot.healthy());
      ASSERT_TRUE(here || view.lease != nullptr);
    }
    for (std::uint32_t uid = 1000; uid < 1006; ++uid) ASSERT_EQ(ledger_.heldBy(uid), standing(uid).held);
  }

  void restart() {
    const std::string before = picture();
    const Result<std::vector<Lease>> leases = decodeState(encodeState(ledger_.leases()));
    ASSERT_TRUE(leases) << leases.error().message();
    Ledger fresh(inventory_);
    ASSERT_TRUE(fresh.restore(*leases));
    ledger_ = std::move(fresh);
    ASSERT_EQ(picture(), before);
  }

  std::string picture() const {
    std::string text = encodeState(ledger_.leases());
    for (const SlotView& view : ledger_.slots()) {
      text += fmt::format("{} {} {}\n", view.slot.uuid, toString(view.state), view.lease ? view.lease->id.str() : "-");
    }
    for (std::uint32_t uid = 1000; uid < 1006; ++uid) text += toString(ledger_.heldBy(uid)) + "\n";
    return text;
  }

  const Inventory& all_;
  Inventory inventory_;  // of these, what is there now
  Ledger ledger_;
  std::mt19937_64 random_;
  std::map<LeaseId, Lease> model_;
  std::map<RefusalCode, int> refused_;
  std::uint64_t ids_ = 0;
  int step_ = 0;
  int granted_ = 0;
};

class LedgerProperty : public testing::TestWithParam<std::tuple<std::string, std::uint64_t>> {};

TEST_P(LedgerProperty, HoldsAtEveryStep) {
  const auto& [name, seed] = GetParam();
  Life life(machines().at(name), seed);
  for (int i = 0; i < 3000; ++i) {
    life.step();
    if (HasFatalFailure()) FAIL() << "step " << i;
  }
  // The sequence has been where it matters.
  EXPECT_GT(life.granted(), 200);
  EXPECT_GT(life.refused(RefusalCode::Quota), 20);
  if (name != "slots128") {
    EXPECT_GT(life.refused(RefusalCode::NoneFree), 20);
  }
}

INSTANTIATE_TEST_SUITE_P(Machines, LedgerProperty,
                         testing::Combine(testing::Values("site", "whole", "slices", "slots128"),
                                          testing::Values(1U, 2U, 20261123U)),
                         [](const auto& instance) {
                           return fmt::format("{}_{}", std::get<0>(instance.param), std::get<1>(instance.param));
                         });

}  // namespace
}  // namespace ds01::allocator::test
