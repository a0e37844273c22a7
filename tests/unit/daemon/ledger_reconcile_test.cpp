#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "daemon/ledger_service.h"
#include "scene.h"

namespace ds01::daemon::test {
namespace {

Lease saved(const char* id, const char* uuid, const char* login = "alice") {
  Lease lease;
  lease.id = LeaseId(id);
  lease.uid = 1001;
  lease.login = login;
  lease.group = "student";
  lease.uuids = {uuid};
  lease.weight = GpuEq::whole(1);
  return lease;
}

Lease savedBound(const char* id, const char* uuid, const ContainerId& container) {
  Lease lease = saved(id, uuid);
  lease.state = Lease::State::Bound;
  lease.container = container;
  return lease;
}

TEST(LedgerReconcile, AReservationFromBeforeAStartFindsItsContainer) {
  Scene scene;
  ASSERT_TRUE(scene.ledger.restore({saved("L1", "GPU-0")}));
  scene.engine.add(leasedView(containerId('a'), "alice", "L1", "GPU-0"));
  scene.ready();
  ASSERT_NE(scene.ledger.find(LeaseId("L1")), nullptr);
  EXPECT_EQ(scene.ledger.find(LeaseId("L1"))->container, containerId('a'));
  EXPECT_EQ(scene.owners.index().count("alice"), 1u);
}

TEST(LedgerReconcile, AReservationWithoutContainerIsHeldWhileTheEngineMayStillMakeIt) {
  Scene scene;
  ASSERT_TRUE(scene.ledger.restore({saved("L1", "GPU-0")}));
  scene.ready();
  ASSERT_NE(scene.ledger.find(LeaseId("L1")), nullptr);
  scene.runner.turn([&] { return scene.ledger.find(LeaseId("L1")) == nullptr; });
  EXPECT_EQ(scene.engine.asked("list ds01.lease=L1"), 3u);
}

TEST(LedgerReconcile, ALeaseEndsIfItsContainerWentWhileWeWereAway) {
  Scene scene;
  ASSERT_TRUE(
      scene.ledger.restore({savedBound("L1", "GPU-0", containerId('a')), savedBound("L2", "GPU-1", containerId('b'))}));
  scene.engine.add(leasedView(containerId('b'), "alice", "L2", "GPU-1"));
  scene.ready();
  EXPECT_EQ(scene.ledger.find(LeaseId("L1")), nullptr);
  EXPECT_NE(scene.ledger.find(LeaseId("L2")), nullptr);
  EXPECT_TRUE(scene.disk.comesToHold(1));
}

TEST(LedgerReconcile, ALostLeaseIsTakenBackFromTheLabelsAndCanBeSaved) {
  Scene scene;
  scene.engine.add(leasedView(containerId('a'), "alice", "L7", "GPU-1"));
  scene.ready();
  const Lease* lease = scene.ledger.findByContainer(containerId('a'));
  ASSERT_NE(lease, nullptr);
  EXPECT_EQ(lease->id, LeaseId("L7"));
  EXPECT_EQ(lease->weight, GpuEq::whole(1));
  ASSERT_TRUE(scene.disk.comesToHold(1));
  EXPECT_EQ(scene.disk.leases()[0].id, LeaseId("L7"));
  EXPECT_EQ(scene.events.count("gpu.allocate"), 1u);
}

TEST(LedgerReconcile, ALabelThatContradictsALeaseIsReportedAndNotBelieved) {
  Scene scene;
  ASSERT_TRUE(scene.ledger.restore({savedBound("L1", "GPU-0", containerId('a'))}));
  scene.engine.add(leasedView(containerId('a'), "alice", "L1", "GPU-0"));
  scene.engine.add(leasedView(containerId('b'), "bob", "L2", "GPU-0"));
  scene.ready();
  EXPECT_EQ(scene.ledger.find(LeaseId("L2")), nullptr);
  EXPECT_EQ(scene.ledger.find(LeaseId("L1"))->container, containerId('a'));
  EXPECT_EQ(scene.events.count("state.validation"), 1u);
}

TEST(LedgerReconcile, LabelsWithoutProofAreNoLease) {
  Scene scene;
  ContainerView forged = leasedView(containerId('f'), "alice", "L7", "GPU-1");
  forged.cgroup_parent = "ds01-student-bob.slice";
  scene.engine.add(forged);
  scene.ready();
  EXPECT_EQ(scene.free(), 2u);
  EXPECT_EQ(scene.owners.index().count("alice"), 0u);
}

TEST(LedgerReconcile, ABoundLeaseLastsAsLongAsItsContainerWhateverItsOwner) {
  Scene scene;
  ASSERT_TRUE(scene.ledger.restore({savedBound("L1", "GPU-0", containerId('a'))}));
  ContainerView odd = leasedView(containerId('a'), "alice", "L1", "GPU-0");
  odd.cgroup_parent = "elsewhere.slice";
  scene.engine.add(odd);
  scene.ready();
  EXPECT_NE(scene.ledger.find(LeaseId("L1")), nullptr);
}

TEST(LedgerReconcile, AContainerThatIsBoundMeanwhileKeepsItsLease) {
  Scene scene;
  scene.engine.add(ownedView(containerId('0'), "bob", "other"));
  scene.ready();
  Answer grant = scene.create("alice", oneGpu());
  ASSERT_TRUE(grant);
  scene.engine.hold("inspect " + containerId('0').str());
  const auto compared = scene.runUntilHeld(scene.grants.reconcile());
  scene.engine.add(Scene::viewFor(*grant, containerId('a'), "alice"));
  scene.bind(*grant, containerId('a'), "alice");
  EXPECT_TRUE(scene.finish(compared));
  EXPECT_NE(scene.ledger.findByContainer(containerId('a')), nullptr);
  EXPECT_EQ(scene.owners.index().count("alice"), 1u);
}

TEST(LedgerReconcile, AContainerThatIsDestroyedMeanwhileGetsNoLease) {
  Scene scene;
  ASSERT_TRUE(scene.ledger.restore({saved("L1", "GPU-0")}));
  scene.engine.add(leasedView(containerId('a'), "alice", "L1", "GPU-0"));
  scene.engine.add(leasedView(containerId('b'), "alice", "L2", "GPU-1"));
  scene.engine.add(ownedView(containerId('c'), "bob", "other"));
  scene.engine.hold("inspect " + containerId('c').str());
  const auto compared = scene.runUntilHeld(scene.grants.reconcile());
  scene.engine.containers.clear();
  scene.owners.forget(containerId('a'));
  scene.owners.forget(containerId('b'));
  EXPECT_TRUE(scene.finish(compared));
  EXPECT_EQ(scene.free(), 2u);
}

TEST(LedgerReconcile, ALeaseOfARequestInFlightIsLeftAlone) {
  Scene scene;
  scene.ready();
  Answer grant = scene.create("alice", oneGpu());
  ASSERT_TRUE(grant);
  grant->forwarded();
  scene.ready();
  EXPECT_EQ(scene.engine.asked("list ds01.lease="), 0u);
  EXPECT_NE(scene.ledger.find(grant->lease()->id), nullptr);
  grant->refused();
}

TEST(LedgerReconcile, AComparisonThatALossOvertakesChangesNothing) {
  Scene scene;
  ASSERT_TRUE(scene.ledger.restore({savedBound("L1", "GPU-0", containerId('a'))}));
  scene.engine.hold("list");
  const auto compared = scene.runUntilHeld(scene.grants.reconcile());  // the list lacks the container
  scene.grants.connectionLost();
  const Status done = scene.finish(compared);
  ASSERT_FALSE(done);
  EXPECT_NE(scene.ledger.find(LeaseId("L1")), nullptr);
  EXPECT_FALSE(scene.create("alice"));
}

TEST(LedgerReconcile, OfTwoAtOnceTheLaterCounts) {
  Scene scene;
  scene.engine.add(leasedView(containerId('a'), "alice", "L1", "GPU-0"));
  scene.engine.hold("list");
  const auto first = scene.runUntilHeld(scene.grants.reconcile());
  scene.engine.containers.clear();
  scene.ready();
  EXPECT_FALSE(scene.finish(first));
  EXPECT_EQ(scene.free(), 2u);
}

TEST(LedgerReconcile, AnEngineThatDoesNotAnswerMakesNothingReady) {
  Scene scene;
  ASSERT_TRUE(scene.ledger.restore({savedBound("L1", "GPU-0", containerId('a'))}));
  scene.engine.away = true;
  EXPECT_FALSE(scene.runner.run(scene.grants.reconcile()));
  EXPECT_NE(scene.ledger.find(LeaseId("L1")), nullptr);
  EXPECT_FALSE(scene.create("alice"));
}

TEST(LedgerReconcile, ADamagedContainerHoldsWhatItHoldsAndStopsNobody) {
  Scene scene;
  ASSERT_TRUE(scene.ledger.restore({savedBound("L1", "GPU-0", containerId('a'))}));
  scene.engine.add(leasedView(containerId('a'), "alice", "L1", "GPU-0"));
  scene.engine.add(leasedView(containerId('b'), "alice", "L2", "GPU-1"));
  scene.engine.damaged = {containerId('a'), containerId('b')};
  scene.ready();
  EXPECT_NE(scene.ledger.find(LeaseId("L1")), nullptr);
  EXPECT_NE(scene.ledger.findByContainer(containerId('b')), nullptr);
  EXPECT_EQ(scene.free(), 0u);
  EXPECT_TRUE(scene.create("bob"));
}

TEST(LedgerReconcile, ContainersThatAreNotOursAreForgottenWhenTheyAreGone) {
  Scene scene;
  ContainerView foreign;
  foreign.id = containerId('e');
  foreign.name = "foreign";
  scene.engine.add(foreign);
  scene.ready();
  ASSERT_TRUE(scene.runner.run(scene.owners.find("foreign")));
  scene.ready();
  EXPECT_NE(scene.owners.index().find(foreign.id), nullptr);
  scene.engine.containers.clear();
  scene.ready();
  EXPECT_EQ(scene.owners.index().find(foreign.id), nullptr);
}

TEST(LedgerReconcile, AFullDiskDoesNotKeepThoseOutWhoWantNoGpu) {
  Scene scene;
  scene.disk.full = true;
  scene.ready();
  EXPECT_TRUE(scene.create("alice"));
  EXPECT_FALSE(scene.create("alice", oneGpu()));
}

}  // namespace
}  // namespace ds01::daemon::test
