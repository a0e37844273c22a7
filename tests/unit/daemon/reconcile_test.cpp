#include "daemon/reconcile.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ds01::daemon {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

Lease lease(const char* id, const char* container) {
  Lease made;
  made.id = LeaseId(id);
  made.state = *container ? Lease::State::Bound : Lease::State::Reserved;
  made.container = ContainerId(container);
  made.uuids = {"GPU-1"};
  return made;
}

PresentContainer container(const char* id, const char* lease_label) {
  PresentContainer made;
  made.view.id = ContainerId(id);
  made.view.name = std::string("name-") + id;
  if (*lease_label) made.view.labels["ds01.lease"] = lease_label;
  made.owner = "alice";
  return made;
}

TEST(Reconcile, NothingToDoWhenBothAgree) {
  const ReconcilePlan plan = planReconcile({lease("L1", "c1")}, {container("c1", "L1")}, {});
  EXPECT_THAT(plan.bind, IsEmpty());
  EXPECT_THAT(plan.release, IsEmpty());
  EXPECT_THAT(plan.unsettled, IsEmpty());
  EXPECT_THAT(plan.unleased, IsEmpty());
}

TEST(Reconcile, ReservationFindsItsContainerByLabel) {
  const ReconcilePlan plan = planReconcile({lease("L1", "")}, {container("c1", "L1")}, {});
  ASSERT_EQ(plan.bind.size(), 1u);
  EXPECT_EQ(plan.bind[0].lease, LeaseId("L1"));
  EXPECT_EQ(plan.bind[0].container, ContainerId("c1"));
  EXPECT_EQ(plan.bind[0].name, "name-c1");
}

TEST(Reconcile, LeaseEndsWithItsContainer) {
  const ReconcilePlan plan = planReconcile({lease("L1", "c1"), lease("L2", "c2")}, {container("c2", "L2")}, {});
  EXPECT_THAT(plan.release, ElementsAre(LeaseId("L1")));
}

TEST(Reconcile, AParkedLeaseEndsWithItsContainerToo) {
  Lease parked = lease("L1", "c1");
  parked.state = Lease::State::Parked;
  EXPECT_THAT(planReconcile({parked}, {}, {}).release, ElementsAre(LeaseId("L1")));
  const ReconcilePlan plan = planReconcile({parked}, {container("c1", "L1")}, {});
  EXPECT_THAT(plan.release, IsEmpty());
  EXPECT_THAT(plan.bind, IsEmpty());
  EXPECT_THAT(plan.unsettled, IsEmpty());
}

TEST(Reconcile, WhatRunsIsTakenBackBeforeWhatStands) {
  PresentContainer running = container("c9", "L9");
  running.view.status = "running";
  const ReconcilePlan plan = planReconcile({}, {container("c1", "L1"), running}, {});
  ASSERT_EQ(plan.unleased.size(), 2u);
  EXPECT_EQ(plan.unleased[0].view.id, ContainerId("c9"));
}

TEST(ParkAsWritten, IsForSlotsThatStandInTheContainer) {
  Lease fixed = lease("L1", "c1");
  fixed.count = 1;
  fixed.weight = GpuEq::whole(1);
  EXPECT_TRUE(parkAsWritten(fixed));
  EXPECT_EQ(fixed.state, Lease::State::Parked);
  EXPECT_THAT(fixed.written, ElementsAre("GPU-1"));
  EXPECT_THAT(fixed.uuids, IsEmpty());
  EXPECT_EQ(fixed.weight, GpuEq{});
  EXPECT_FALSE(parkAsWritten(fixed));
  Lease at_start = lease("L2", "c2");
  at_start.delivery = Lease::Delivery::AtStart;
  EXPECT_FALSE(parkAsWritten(at_start));
}

TEST(Reconcile, ReservationWithoutContainerIsLookedAtAgainAndNotGivenBackAtOnce) {
  const ReconcilePlan plan = planReconcile({lease("L1", "")}, {}, {});
  EXPECT_THAT(plan.unsettled, ElementsAre(LeaseId("L1")));
  EXPECT_THAT(plan.release, IsEmpty());
}

TEST(Reconcile, RequestsInFlightAreLeftAlone) {
  const ReconcilePlan plan = planReconcile({lease("L1", "")}, {}, {LeaseId("L1")});
  EXPECT_THAT(plan.unsettled, IsEmpty());
  EXPECT_THAT(plan.release, IsEmpty());
}

TEST(Reconcile, LostLeaseIsFoundByLabel) {
  const ReconcilePlan plan = planReconcile({}, {container("c1", "L9"), container("c2", "")}, {});
  ASSERT_EQ(plan.unleased.size(), 1u);
  EXPECT_EQ(plan.unleased[0].view.id, ContainerId("c1"));
}

TEST(Reconcile, ContainersWithoutAProvenOwnerExistAndClaimNothing) {
  PresentContainer unproven = container("c1", "L9");
  unproven.owner.reset();
  const ReconcilePlan plan = planReconcile({lease("L1", "c1"), lease("L9", "")}, {unproven}, {});
  EXPECT_THAT(plan.bind, IsEmpty());
  EXPECT_THAT(plan.release, IsEmpty());
  EXPECT_THAT(plan.unleased, IsEmpty());
  EXPECT_THAT(plan.unsettled, ElementsAre(LeaseId("L9")));
}

ContainerView leasedView() {
  ContainerView view;
  view.id = ContainerId("c1");
  view.name = "train";
  view.created = "2026-11-23T20:55:10.5Z";
  view.labels = {{"ds01.lease", "L9"}, {"ds01.uid", "1001"}, {"ds01.gpu.uuids", "GPU-a,MIG-b"}};
  return view;
}

TEST(LeaseFromLabels, TakesUuidsWeightOwnerAndTime) {
  Inventory inventory;
  inventory.slots.resize(2);
  inventory.slots[0].uuid = "GPU-a";
  inventory.slots[0].weight = GpuEq::whole(1);
  inventory.slots[1].uuid = "MIG-b";
  inventory.slots[1].weight = GpuEq{285'714};
  const std::optional<Lease> lease = leaseFromLabels(leasedView(), "alice", inventory);
  ASSERT_TRUE(lease);
  EXPECT_EQ(lease->id, LeaseId("L9"));
  EXPECT_EQ(lease->uid, 1001u);
  EXPECT_THAT(lease->uuids, ElementsAre("GPU-a", "MIG-b"));
  EXPECT_EQ(lease->weight, GpuEq{1'285'714});
  EXPECT_EQ(lease->login, "alice");
  EXPECT_EQ(lease->state, Lease::State::Bound);
  EXPECT_NE(lease->since, TimePoint{});
}

TEST(LeaseFromLabels, IncompleteLabelsAreNoLease) {
  for (const char* missing : {"ds01.lease", "ds01.uid", "ds01.gpu.uuids"}) {
    ContainerView view = leasedView();
    view.labels.erase(missing);
    EXPECT_FALSE(leaseFromLabels(view, "alice", {})) << missing;
  }
  ContainerView view = leasedView();
  view.labels["ds01.uid"] = "1001x";
  EXPECT_FALSE(leaseFromLabels(view, "alice", {}));
}

}  // namespace
}  // namespace ds01::daemon
