// Leases over their life: reserved, bound, released, found.
#include "allocator/ledger.h"

#include <gtest/gtest.h>

#include "unit/allocator/scene.h"

namespace ds01::allocator::test {
namespace {

TEST(Ledger, AReservationCarriesWhatWasAskedAndGranted) {
  Scene scene(siteMachine());
  const auto lease = scene.ask("a", count(2), quota(2), GpusForAll::One, "train");
  ASSERT_TRUE(lease);
  EXPECT_EQ(lease->state, Lease::State::Reserved);
  EXPECT_EQ(lease->uid, scene.uid("a"));
  EXPECT_EQ(lease->login, "a");
  EXPECT_EQ(lease->group, "student");
  EXPECT_EQ(lease->uuids, (std::vector<std::string>{"GPU-0", "GPU-3"}));
  EXPECT_EQ(lease->weight, GpuEq::whole(2));
  EXPECT_TRUE(lease->container.empty());
  EXPECT_EQ(lease->container_name, "train");
  EXPECT_EQ(lease->decision.str(), "D000000000000");
  EXPECT_EQ(scene.ledger.heldBy(scene.uid("a")), GpuEq::whole(2));
  ASSERT_NE(scene.ledger.find(lease->id), nullptr);
  EXPECT_EQ(scene.ledger.find(lease->id)->since, lease->since);
}

TEST(Ledger, AnIdIsUsedOnce) {
  Scene scene(siteMachine());
  ReserveRequest request;
  request.id = LeaseId("L1");
  request.limits = unlimited();
  ASSERT_TRUE(scene.ledger.reserve(request));
  const auto again = scene.ledger.reserve(request);
  ASSERT_FALSE(again);
  EXPECT_FALSE(again.error().text.empty());
  request.id = LeaseId();
  EXPECT_FALSE(scene.ledger.reserve(request));
  EXPECT_EQ(scene.ledger.leases().size(), 1U);
  EXPECT_TRUE(scene.ledger.violations().empty());
}

TEST(Ledger, BindingIsOnceAndToOneContainer) {
  Scene scene(siteMachine());
  const Lease lease = *scene.ask("a", count(1));
  const Lease other = *scene.ask("a", count(1));
  const ContainerId container("c1");
  EXPECT_EQ(scene.ledger.bind(LeaseId("L?"), container, "x").error().code(), ErrorCode::NotFound);
  EXPECT_EQ(scene.ledger.bind(lease.id, ContainerId(), "x").error().code(), ErrorCode::InvalidArgument);
  EXPECT_EQ(scene.ledger.findByContainer(container), nullptr);
  ASSERT_TRUE(scene.ledger.bind(lease.id, container, "train"));
  EXPECT_EQ(scene.ledger.bind(lease.id, ContainerId("c2"), "x").error().code(), ErrorCode::Conflict);
  EXPECT_EQ(scene.ledger.bind(other.id, container, "x").error().code(), ErrorCode::Conflict);
  ASSERT_EQ(scene.ledger.findByContainer(container), scene.ledger.find(lease.id));
  EXPECT_EQ(scene.ledger.find(lease.id)->state, Lease::State::Bound);
  EXPECT_EQ(scene.ledger.find(lease.id)->container_name, "train");
  ASSERT_TRUE(scene.ledger.bind(lease.id, container, ""));
  EXPECT_EQ(scene.ledger.find(lease.id)->container_name, "train");
  ASSERT_TRUE(scene.ledger.bind(lease.id, container, "renamed"));
  EXPECT_EQ(scene.ledger.find(lease.id)->container_name, "renamed");
  EXPECT_TRUE(scene.ledger.violations().empty());
}

TEST(Ledger, ReleaseGivesEverythingBackAndIsHarmlessTwice) {
  Scene scene(siteMachine());
  const Lease reserved = *scene.ask("a", count(1));
  const Lease bound = scene.hold("a", "train", count(2));
  const std::optional<Lease> released = scene.ledger.release(bound.id);
  ASSERT_TRUE(released);
  EXPECT_EQ(released->container.str(), "c-train");
  EXPECT_EQ(released->uuids, bound.uuids);
  EXPECT_EQ(scene.ledger.findByContainer(bound.container), nullptr);
  EXPECT_EQ(scene.ledger.find(bound.id), nullptr);
  EXPECT_EQ(scene.ledger.heldBy(scene.uid("a")), reserved.weight);
  EXPECT_FALSE(scene.ledger.release(bound.id));
  EXPECT_TRUE(scene.ledger.release(reserved.id));
  EXPECT_EQ(scene.ledger.heldBy(scene.uid("a")), GpuEq{});
  EXPECT_TRUE(scene.ledger.leases().empty());
  EXPECT_EQ(scene.slots(scene.ask("b", count(2))), "0,3");
}

TEST(Ledger, WhatIsGivenBackIsWhatWasTakenThen) {
  // The container comes back from disk with a weight that the inventory no longer gives its slot.
  Scene scene(siteMachine());
  Lease lease = *scene.ask("a", devices({"1:0"}));
  scene.ledger.release(lease.id);
  lease.weight = GpuEq{250'000};
  ASSERT_TRUE(scene.ledger.restore({lease}));
  EXPECT_EQ(scene.ledger.heldBy(lease.uid), GpuEq{250'000});
  const Lease more = *scene.ask("a", devices({"1:1"}));
  scene.ledger.release(lease.id);
  EXPECT_EQ(scene.ledger.heldBy(lease.uid), more.weight);
}

TEST(Ledger, SlotsShowTheirState) {
  Scene scene(siteMachine());
  const Lease reserved = *scene.ask("a", devices({"1:1"}));
  const Lease held = scene.hold("b", "train", devices({"3"}));
  const std::vector<SlotView> slots = scene.ledger.slots();
  ASSERT_EQ(slots.size(), 7U);
  EXPECT_EQ(slots[0].slot.slot, "0");
  EXPECT_EQ(slots[0].state, SlotState::Free);
  EXPECT_EQ(slots[0].lease, nullptr);
  EXPECT_EQ(slots[2].slot.slot, "1:1");
  EXPECT_EQ(slots[2].state, SlotState::Reserved);
  ASSERT_NE(slots[2].lease, nullptr);
  EXPECT_EQ(slots[2].lease->id, reserved.id);
  EXPECT_EQ(slots[6].state, SlotState::Held);
  ASSERT_NE(slots[6].lease, nullptr);
  EXPECT_EQ(slots[6].lease->login, "b");
  EXPECT_EQ(toString(SlotState::Free), "free");
  EXPECT_EQ(toString(SlotState::Reserved), "reserved");
  EXPECT_EQ(toString(SlotState::Held), "held");
  EXPECT_EQ(toString(SlotState::Foreign), "foreign");
  EXPECT_EQ(toString(SlotState::Stale), "stale");
  EXPECT_EQ(toString(SlotState::Sick), "sick");
}

TEST(Ledger, LeasesAreOrderedBySinceThenId) {
  Scene scene(siteMachine());
  ReserveRequest request;
  request.limits = unlimited();
  const TimePoint noon{std::chrono::seconds{1'000'000}};
  for (const auto& [id, at] : {std::pair{"L3", noon}, {"L2", noon}, {"L1", noon + std::chrono::seconds{1}}}) {
    request.id = LeaseId(id);
    request.now = at;
    ASSERT_TRUE(scene.ledger.reserve(request));
  }
  std::string order;
  for (const Lease& lease : scene.ledger.leases()) order += lease.id.str();
  EXPECT_EQ(order, "L2L3L1");
}

TEST(Ledger, QuotaOfIsTheSmaller) {
  Limits limits;
  EXPECT_FALSE(quotaOf(limits));
  limits.aggregate.gpu_limit = GpuEq::whole(3);
  EXPECT_EQ(quotaOf(limits), GpuEq::whole(3));
  limits.max_gpu_equivalents = GpuEq::whole(2);
  EXPECT_EQ(quotaOf(limits), GpuEq::whole(2));
  limits.aggregate.gpu_limit = GpuEq::whole(1);
  EXPECT_EQ(quotaOf(limits), GpuEq::whole(1));
  limits.aggregate.gpu_limit.reset();
  EXPECT_EQ(quotaOf(limits), GpuEq::whole(2));
}

TEST(Ledger, SurvivesBeingMoved) {
  Scene scene(siteMachine());
  const Lease lease = scene.hold("a", "train", count(2));
  Ledger moved(std::move(scene.ledger));
  EXPECT_TRUE(moved.violations().empty());
  ASSERT_NE(moved.findByContainer(lease.container), nullptr);
  EXPECT_TRUE(moved.release(lease.id));
  EXPECT_TRUE(moved.violations().empty());
  for (const SlotView& view : moved.slots()) EXPECT_EQ(view.state, SlotState::Free);
}

}  // namespace
}  // namespace ds01::allocator::test
