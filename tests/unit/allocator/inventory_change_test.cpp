// GPUs that come, go, fall ill, or of which nobody knows any more.
#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "allocator/ledger.h"
#include "unit/allocator/scene.h"

namespace ds01::allocator::test {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

Inventory fourWhole() {
  return machine({{"full"}, {"full"}, {"full"}, {"full"}});
}

Inventory without(Inventory inventory, const std::string& uuid) {
  std::erase_if(inventory.slots, [&](const GpuSlot& slot) { return slot.uuid == uuid; });
  return inventory;
}

Inventory withSick(Inventory inventory, const std::string& uuid) {
  std::ranges::find(inventory.slots, uuid, &GpuSlot::uuid)->sick = "Xid 79: the GPU has fallen off the bus";
  return inventory;
}

SlotView viewOf(const Ledger& ledger, const std::string& uuid) {
  for (const SlotView& view : ledger.slots()) {
    if (view.slot.uuid == uuid) return view;
  }
  return {};
}

TEST(SetInventory, ANewSlotCanBeGiven) {
  Scene scene(machine({{"full"}}));
  scene.hold("a", "train", count(1));
  EXPECT_THAT(scene.slots(scene.ask("b", count(1))), HasSubstr("refused"));
  scene.ledger.setInventory(machine({{"full"}, {"full"}}));
  EXPECT_EQ(scene.slots(scene.ask("b", count(1))), "1");
  EXPECT_THAT(scene.ledger.violations(), IsEmpty());
}

TEST(SetInventory, AFreeSlotThatGoesIsForgotten) {
  Scene scene(fourWhole());
  scene.ledger.setInventory(without(fourWhole(), "GPU-0"));
  EXPECT_EQ(scene.ledger.slots().size(), 3U);
  EXPECT_EQ(scene.slots(scene.ask("a", count(1))), "1");
}

TEST(SetInventory, ALeasedSlotThatGoesIsStaleAndIsTheSameWhenItComesBack) {
  Scene scene(fourWhole());
  const Lease lease = scene.hold("a", "train", devices({"1"}));
  scene.ledger.setInventory(without(fourWhole(), "GPU-1"));
  SlotView view = viewOf(scene.ledger, "GPU-1");
  EXPECT_EQ(view.state, SlotState::Stale);
  EXPECT_EQ(view.slot.slot, "1");
  EXPECT_EQ(view.slot.model, "NVIDIA A100-SXM4-80GB");
  EXPECT_EQ(view.lease, scene.ledger.find(lease.id));
  EXPECT_EQ(scene.ledger.heldBy(lease.uid), GpuEq::whole(1));
  EXPECT_EQ(scene.ask("b", devices({"1"})).error().code, RefusalCode::NoSuchDevice);
  EXPECT_THAT(scene.ledger.violations(), IsEmpty());

  scene.ledger.setInventory(fourWhole());
  view = viewOf(scene.ledger, "GPU-1");
  EXPECT_EQ(view.state, SlotState::Held);
  EXPECT_EQ(scene.ask("b", devices({"1"})).error().code, RefusalCode::DeviceHeld);
  EXPECT_TRUE(scene.ledger.release(lease.id));
  EXPECT_EQ(scene.slots(scene.ask("b", devices({"1"}))), "1");
  EXPECT_THAT(scene.ledger.violations(), IsEmpty());
}

TEST(SetInventory, AStaleSlotStaysAsItWasThroughFurtherChanges) {
  Scene scene(fourWhole());
  scene.hold("a", "train", devices({"1"}));
  scene.ledger.setInventory(without(fourWhole(), "GPU-1"));
  scene.ledger.setInventory(without(without(fourWhole(), "GPU-1"), "GPU-2"));
  EXPECT_EQ(viewOf(scene.ledger, "GPU-1").slot.slot, "1");
  EXPECT_EQ(viewOf(scene.ledger, "GPU-1").slot.weight, GpuEq::whole(1));
}

TEST(SetInventory, ANameThatAnotherSlotBearsNowIsNotShownTwice) {
  Inventory cut_anew = machine({{"1g.10gb", "1g.10gb"}});
  cut_anew.slots[0].uuid = "MIG-new";
  Scene scene(machine({{"1g.10gb", "1g.10gb"}}));
  scene.hold("a", "train", devices({"0:0"}));
  scene.ledger.setInventory(cut_anew);
  EXPECT_EQ(viewOf(scene.ledger, "MIG-0:0").slot.slot, "MIG-0:0");
  EXPECT_EQ(scene.slots(scene.ask("b", devices({"0:0"}))), "0:0");
  EXPECT_EQ(viewOf(scene.ledger, "MIG-new").state, SlotState::Reserved);
}

TEST(SetInventory, AReleaseWhileTheSlotIsGoneLeavesNothing) {
  Scene scene(fourWhole());
  const Lease lease = scene.hold("a", "train", devices({"1"}));
  scene.ledger.setInventory(without(fourWhole(), "GPU-1"));
  EXPECT_TRUE(scene.ledger.release(lease.id));
  EXPECT_EQ(scene.ledger.slots().size(), 3U);
  scene.ledger.setInventory(fourWhole());
  EXPECT_EQ(viewOf(scene.ledger, "GPU-1").state, SlotState::Free);
  EXPECT_THAT(scene.ledger.violations(), IsEmpty());
}

TEST(SetInventory, LeasesFromBeforeTheFirstAnswerOfTheDriverAreJoined) {
  Scene before(siteMachine());
  before.hold("a", "train", devices({"1:1"}));
  Ledger ledger{Inventory{}};
  ledger.markStale("the NVIDIA driver has not answered yet");
  ASSERT_TRUE(ledger.restore(before.ledger.leases()));
  EXPECT_EQ(ledger.slots().size(), 1U);
  ledger.setInventory(siteMachine());
  EXPECT_EQ(ledger.slots().size(), 7U);
  EXPECT_EQ(viewOf(ledger, "MIG-1:1").state, SlotState::Held);
  EXPECT_THAT(ledger.violations(), IsEmpty());
}

TEST(SetInventory, WhichGpuWasUsedLastIsRemembered) {
  Scene scene(machine({{"full"}, {"full"}}));
  scene.ledger.release(scene.ask("a", count(1))->id);
  scene.ledger.setInventory(machine({{"full"}, {"full"}}));
  EXPECT_EQ(scene.slots(scene.ask("a", count(1))), "1");
}

TEST(SickSlots, GetNothingNew) {
  Scene scene(withSick(fourWhole(), "GPU-0"));
  EXPECT_EQ(viewOf(scene.ledger, "GPU-0").state, SlotState::Sick);
  EXPECT_EQ(scene.slots(scene.ask("a", count(1))), "1");
  EXPECT_EQ(scene.slots(scene.ask("a", count(2))), "2,3");
  const auto refused = scene.ask("b", devices({"0"}));
  EXPECT_EQ(refused.error().code, RefusalCode::OutOfOrder);
  EXPECT_THAT(refused.error().text,
              HasSubstr("out of order: 0 (Xid 79: the GPU has fallen off the bus). Please tell your administrator."));
  EXPECT_EQ(scene.ask("b", count(1)).error().code, RefusalCode::NoneFree);
}

TEST(SickSlots, AreTheReasonWhenNothingElseWouldDo) {
  Scene scene(withSick(machine({{"full"}, {"1g.10gb"}}), "GPU-0"));
  const auto whole = scene.ask("a", count(1, "full"));
  EXPECT_EQ(whole.error().code, RefusalCode::OutOfOrder);
  EXPECT_THAT(whole.error().text, HasSubstr("Ask for a MIG slice (--gpus 1): 1g.10gb in slot 1:0 is free"));
  Scene two(withSick(machine({{"full"}, {"full"}}), "GPU-1"));
  EXPECT_EQ(two.ask("a", count(2)).error().code, RefusalCode::OutOfOrder);
  EXPECT_EQ(two.ask("a", count(3)).error().code, RefusalCode::NeverSatisfiable);
}

TEST(SickSlots, KeepTheirLease) {
  Scene scene(fourWhole());
  const Lease lease = scene.hold("a", "train", devices({"0"}));
  scene.ledger.setInventory(withSick(fourWhole(), "GPU-0"));
  EXPECT_EQ(viewOf(scene.ledger, "GPU-0").state, SlotState::Sick);
  EXPECT_EQ(viewOf(scene.ledger, "GPU-0").lease, scene.ledger.find(lease.id));
  EXPECT_TRUE(scene.ledger.release(lease.id));
  scene.ledger.setInventory(fourWhole());
  EXPECT_EQ(scene.slots(scene.ask("a", devices({"0"}))), "0");
}

TEST(MarkStale, NothingIsGivenAndLeasesStay) {
  Scene scene(fourWhole());
  const Lease lease = scene.hold("a", "train", devices({"0"}));
  scene.ledger.markStale("the NVIDIA driver does not answer");
  const auto refused = scene.ask("b", count(1));
  EXPECT_EQ(refused.error().code, RefusalCode::InventoryStale);
  EXPECT_EQ(refused.error().text,
            "No GPU can be given at the moment: the NVIDIA driver does not answer. Containers that run go on, and "
            "those without a GPU can be started.");
  for (const SlotView& view : scene.ledger.slots()) EXPECT_EQ(view.state, SlotState::Stale);
  EXPECT_EQ(viewOf(scene.ledger, "GPU-0").lease, scene.ledger.find(lease.id));
  EXPECT_EQ(scene.ledger.staleReason(), "the NVIDIA driver does not answer");
  scene.ledger.setInventory(fourWhole());
  EXPECT_THAT(scene.ledger.staleReason(), IsEmpty());
  EXPECT_EQ(scene.slots(scene.ask("b", count(1))), "1");
}

TEST(MarkStale, WhatWasLastSeenIsGivenToWhomItWillDo) {
  ReserveRequest request;
  request.id = LeaseId("L1");
  request.limits = unlimited();
  request.stale_inventory_will_do = true;
  Ledger ledger(fourWhole());
  ledger.markStale("the NVIDIA driver does not answer");
  EXPECT_TRUE(ledger.reserve(request));
  // Nothing was ever seen.
  Ledger empty{Inventory{}};
  empty.markStale("the NVIDIA driver has not answered yet");
  EXPECT_EQ(empty.reserve(request).error().code, RefusalCode::InventoryStale);
}

}  // namespace
}  // namespace ds01::allocator::test
