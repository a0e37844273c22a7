// Leases whose slots come at each start: holds that end, starts that ask again, and entries that agree with the ledger.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "daemon/ledger_service.h"
#include "scene.h"

namespace ds01::daemon::test {
namespace {

using std::chrono::seconds;
using testing::HasSubstr;
using Permit = std::expected<gateway::StartPermit, Denial>;

class AtStart : public testing::Test {
 protected:
  AtStart() {
    scene.devices.way = Lease::Delivery::AtStart;
    scene.limits.gpu_hold_after_stop = seconds{900};
    scene.ready();
  }
  Permit start(const ContainerId& id) {
    return scene.runner.run(scene.grants.admitStart(id, DecisionId("Dstart"), nullptr));
  }
  // A start that the Engine allows.
  void startIt(const ContainerId& id) {
    Permit permit = start(id);
    ASSERT_TRUE(permit) << permit.error().text;
    scene.engine.containers.at(id).status = "running";
    permit->started();
    scene.grants.containerStarted(id);
  }
  void stopIt(const ContainerId& id) {
    scene.engine.containers.at(id).status = "exited";
    scene.grants.containerStopped(id);
  }
  // The hold of a stopped container runs out.
  void park(const ContainerId& id) {
    stopIt(id);
    scene.clock.advance(seconds{900});
    scene.runner.run(scene.grants.parkDue());
    ASSERT_FALSE(leaseOf(id).holds());
  }
  const Lease& leaseOf(const ContainerId& id) { return *scene.ledger.findByContainer(id); }
  std::vector<std::string> entryOf(const ContainerId& id) {
    const auto entry = scene.devices.entries.find(leaseOf(id).id);
    return entry == scene.devices.entries.end() ? std::vector<std::string>{} : entry->second;
  }
  // Everything agrees: an entry for each lease with slots, with these, and no other.
  void expectAligned() {
    scene.drain();
    std::size_t held = 0;
    for (const Lease& lease : scene.ledger.leases()) {
      if (!lease.holds()) continue;
      ++held;
      const auto entry = scene.devices.entries.find(lease.id);
      ASSERT_NE(entry, scene.devices.entries.end());
      EXPECT_EQ(entry->second, lease.uuids);
    }
    EXPECT_EQ(scene.devices.entries.size(), held);
    EXPECT_TRUE(scene.ledger.violations().empty());
  }

  Scene scene;
};

TEST_F(AtStart, TheEntryIsThereBeforeTheEngineIsAskedAndGoesWithTheLease) {
  {
    const Answer grant = scene.create("alice", oneGpu());
    ASSERT_TRUE(grant);
    EXPECT_EQ(scene.devices.entries.at(grant->lease()->id), grant->lease()->uuids);
  }
  expectAligned();  // the create was given up
  const ContainerId id = scene.run("alice", 'a', oneGpu());
  startIt(id);
  EXPECT_EQ(entryOf(id), leaseOf(id).uuids);
  scene.owners.forget(id);
  expectAligned();
  EXPECT_EQ(scene.free(), 2u);
}

TEST_F(AtStart, WithoutAnEntryNothingIsCreated) {
  scene.devices.broken = true;
  const Answer grant = scene.create("alice", oneGpu());
  ASSERT_FALSE(grant);
  EXPECT_EQ(grant.error().reason, "cdi_unwritable");
  EXPECT_EQ(grant.error().http_status, 503);
  EXPECT_EQ(scene.free(), 2u);
  expectAligned();
}

TEST_F(AtStart, AStoppedContainerKeepsItsSlotForTheHoldAndNoLonger) {
  const ContainerId id = scene.run("alice", 'a', oneGpu());
  startIt(id);
  stopIt(id);
  scene.clock.advance(seconds{899});
  EXPECT_EQ(scene.runner.run(scene.grants.parkDue()), seconds{1});
  EXPECT_TRUE(leaseOf(id).holds());
  scene.clock.advance(seconds{1});
  EXPECT_EQ(scene.runner.run(scene.grants.parkDue()), std::nullopt);
  EXPECT_FALSE(leaseOf(id).holds());
  EXPECT_EQ(scene.free(), 2u);
  EXPECT_EQ(scene.events.count("gpu.release"), 1u);
  expectAligned();
}

TEST_F(AtStart, AHoldWithoutEndAndOneWithoutLength) {
  const ContainerId id = scene.run("alice", 'a', oneGpu());
  startIt(id);
  stopIt(id);
  scene.limits.gpu_hold_after_stop.reset();
  scene.clock.advance(std::chrono::hours{10'000});
  scene.runner.run(scene.grants.parkDue());
  EXPECT_TRUE(leaseOf(id).holds());
  scene.limits.gpu_hold_after_stop = seconds{0};
  scene.runner.run(scene.grants.parkDue());
  EXPECT_FALSE(leaseOf(id).holds());
}

TEST_F(AtStart, AStartWithinTheHoldKeepsTheSlotAndEndsTheHold) {
  const ContainerId id = scene.run("alice", 'a', oneGpu());
  startIt(id);
  const std::vector<std::string> before = leaseOf(id).uuids;
  stopIt(id);
  startIt(id);
  scene.clock.advance(seconds{10'000});
  scene.runner.run(scene.grants.parkDue());
  EXPECT_EQ(leaseOf(id).uuids, before);
  expectAligned();
}

TEST_F(AtStart, AStartAfterTheHoldTakesAnotherSlotAndItsEntryIsThereFirst) {
  const ContainerId id = scene.run("alice", 'a', oneGpu());
  startIt(id);
  ASSERT_EQ(leaseOf(id).uuids, std::vector<std::string>{"GPU-0"});
  park(id);
  scene.run("bob", 'b', GpuRequest{.kind = GpuRequest::Kind::Devices, .count = 1, .devices = {"GPU-0"}, .profile = {}});
  Permit permit = start(id);
  ASSERT_TRUE(permit) << permit.error().text;
  EXPECT_TRUE(permit->fresh());
  EXPECT_EQ(entryOf(id), std::vector<std::string>{"GPU-1"});
  EXPECT_EQ(scene.disk.leases().size(), 2u);
  permit->started();
  expectAligned();
}

TEST_F(AtStart, IsRefusedLikeACreateWhenNoneIsFreeOrTheQuotaIsUsed) {
  const ContainerId id = scene.run("alice", 'a', oneGpu());
  startIt(id);
  park(id);
  scene.run("bob", 'b', oneGpu());
  scene.run("bob", 'c', oneGpu());
  const Permit permit = start(id);
  ASSERT_FALSE(permit);
  EXPECT_EQ(permit.error().http_status, 409);
  EXPECT_EQ(permit.error().reason, "gpu_none_free");
  EXPECT_EQ(scene.events.count("gpu.reject"), 1u);
  EXPECT_FALSE(leaseOf(id).holds());

  scene.owners.forget(containerId('c'));
  scene.engine.containers.erase(containerId('c'));
  scene.limits.max_gpu_equivalents = GpuEq{0};
  const Permit over = start(id);
  ASSERT_FALSE(over);
  EXPECT_EQ(over.error().reason, "gpu_quota");
  scene.archived = "alice";
  EXPECT_EQ(start(id).error().reason, "archived");
  expectAligned();
}

TEST_F(AtStart, WhatWasFoundForAStartThatTheEngineRefusesIsTakenBack) {
  const ContainerId id = scene.run("alice", 'a', oneGpu());
  startIt(id);
  park(id);
  {
    const Permit permit = start(id);
    ASSERT_TRUE(permit);
    EXPECT_TRUE(leaseOf(id).holds());
  }
  expectAligned();
  EXPECT_FALSE(leaseOf(id).holds());
  EXPECT_EQ(scene.free(), 2u);
}

TEST_F(AtStart, ARefusedStartWithinTheHoldDoesNotLengthenIt) {
  const ContainerId id = scene.run("alice", 'a', oneGpu());
  startIt(id);
  stopIt(id);
  scene.clock.advance(seconds{600});
  {
    const Permit permit = start(id);
    ASSERT_TRUE(permit);
  }
  scene.drain();
  scene.clock.advance(seconds{300});
  scene.runner.run(scene.grants.parkDue());
  EXPECT_FALSE(leaseOf(id).holds());
}

TEST_F(AtStart, AStartOfWhichNobodyKnowsWhatCameIsSettledByTheContainer) {
  const ContainerId id = scene.run("alice", 'a', oneGpu());
  startIt(id);
  park(id);
  {
    const Permit permit = start(id);
    ASSERT_TRUE(permit);
    scene.engine.containers.at(id).status = "running";  // and the answer is lost
  }
  expectAligned();
  EXPECT_TRUE(leaseOf(id).holds());
  scene.clock.advance(seconds{10'000});
  scene.runner.run(scene.grants.parkDue());
  EXPECT_TRUE(leaseOf(id).holds());
}

TEST_F(AtStart, OfTwoStartsAtOnceTheSecondUsesWhatTheFirstFound) {
  const ContainerId id = scene.run("alice", 'a', oneGpu());
  startIt(id);
  park(id);
  std::vector<Permit> permits;
  const auto ask = [&]() -> asio::awaitable<void> {
    ContainerId same = id;
    DecisionId decision("D1");
    permits.push_back(co_await scene.grants.admitStart(std::move(same), std::move(decision), nullptr));
  };
  asio::co_spawn(scene.runner.context(), ask(), asio::detached);
  asio::co_spawn(scene.runner.context(), ask(), asio::detached);
  scene.runner.turn([&] { return permits.size() == 2; });
  ASSERT_TRUE(permits[0]);
  ASSERT_TRUE(permits[1]);
  EXPECT_EQ(scene.free(), 1u);
  // One is refused by the Engine, one starts: it stays.
  scene.engine.containers.at(id).status = "running";
  permits[1]->started();
  permits.clear();
  expectAligned();
  EXPECT_TRUE(leaseOf(id).holds());
}

TEST_F(AtStart, AStopWhileTheStartIsOnItsWayBeginsTheHold) {
  const ContainerId id = scene.run("alice", 'a', oneGpu());
  Permit permit = start(id);
  ASSERT_TRUE(permit);
  scene.grants.containerStarted(id);
  stopIt(id);  // before the Engine's 204 is here
  permit->started();
  {
    const Permit gone = std::move(permit);
  }
  scene.drain();
  scene.clock.advance(seconds{900});
  scene.runner.run(scene.grants.parkDue());
  EXPECT_FALSE(leaseOf(id).holds());
}

// Started past us by its restart policy, in the moment when its hold ends.
TEST_F(AtStart, WhatRunsAfterAllKeepsItsSlot) {
  const ContainerId id = scene.run("alice", 'a', oneGpu());
  startIt(id);
  stopIt(id);
  scene.engine.containers.at(id).status = "running";
  scene.clock.advance(seconds{900});
  scene.runner.run(scene.grants.parkDue());
  EXPECT_TRUE(leaseOf(id).holds());
  expectAligned();
}

TEST_F(AtStart, AnEngineThatDoesNotSayWhetherItRunsLosesNothing) {
  const ContainerId id = scene.run("alice", 'a', oneGpu());
  startIt(id);
  stopIt(id);
  scene.clock.advance(seconds{900});
  scene.engine.away = true;
  scene.runner.run(scene.grants.parkDue());
  EXPECT_TRUE(leaseOf(id).holds());
  expectAligned();
  scene.engine.away = false;
  scene.runner.run(scene.grants.parkDue());
  EXPECT_FALSE(leaseOf(id).holds());
}

TEST_F(AtStart, ANewDaemonFindsHoldsEntriesAndLeasesAsTheyAre) {
  const ContainerId running = scene.run("alice", 'a', oneGpu());
  startIt(running);
  const ContainerId stopped = scene.run("bob", 'b', oneGpu());
  startIt(stopped);
  scene.engine.containers.at(stopped).status = "exited";  // while ds01d was away
  scene.devices.entries[LeaseId("Lgone")] = {"GPU-9"};
  scene.devices.entries.erase(leaseOf(running).id);
  scene.grants.connectionLost();
  scene.ready();
  expectAligned();
  scene.clock.advance(seconds{900});
  scene.runner.run(scene.grants.parkDue());
  EXPECT_TRUE(leaseOf(running).holds());
  EXPECT_FALSE(leaseOf(stopped).holds());
}

// After a change of MIG the same instance has other device files; a GPU that is gone leaves the entry as it was.
TEST_F(AtStart, AChangedInventoryIsWrittenIntoTheEntries) {
  const ContainerId id = scene.run("alice", 'a', oneGpu());
  const std::size_t before = scene.devices.writes;
  Inventory changed = twoGpus();
  scene.grants.setInventory(changed);
  scene.drain();
  EXPECT_EQ(scene.devices.writes, before);
  changed.slots[0].device_nodes = {"/dev/nvidia7"};
  scene.grants.setInventory(changed);
  scene.drain();
  EXPECT_EQ(scene.devices.writes, before + 1);
  changed.slots.erase(changed.slots.begin());
  scene.grants.setInventory(changed);
  scene.drain();
  EXPECT_EQ(scene.devices.writes, before + 1);
  EXPECT_EQ(entryOf(id), std::vector<std::string>{"GPU-0"});
}

TEST_F(AtStart, ALostLedgerComesBackFromLabelsAndEntries) {
  const ContainerId held = scene.run("alice", 'a', oneGpu());
  const ContainerId parked = scene.run("bob", 'b', oneGpu());
  startIt(held);
  startIt(parked);
  park(parked);
  const Lease before = leaseOf(held);
  for (const Lease& lease : scene.ledger.leases()) scene.ledger.release(lease.id);
  scene.grants.connectionLost();
  scene.ready();
  EXPECT_EQ(leaseOf(held).uuids, before.uuids);
  EXPECT_EQ(leaseOf(held).delivery, Lease::Delivery::AtStart);
  EXPECT_EQ(leaseOf(parked).state, Lease::State::Parked);
  EXPECT_EQ(leaseOf(parked).count, 1);
  expectAligned();
}

TEST_F(AtStart, AContainerWhoseLeaseHasEndedNeverStarts) {
  const ContainerId id = scene.run("alice", 'a', oneGpu());
  const LeaseId lease = leaseOf(id).id;
  scene.ledger.release(lease);
  const Permit permit = start(id);
  ASSERT_FALSE(permit);
  EXPECT_EQ(permit.error().reason, "lease_ended");
  EXPECT_THAT(permit.error().text, HasSubstr("create it again"));
}

TEST_F(AtStart, AStartPastUsOfAParkedLeaseIsStoppedAndReported) {
  const ContainerId id = scene.run("alice", 'a', oneGpu());
  startIt(id);
  park(id);
  scene.engine.containers.at(id).status = "running";
  scene.grants.containerStarted(id);
  scene.drain();
  EXPECT_EQ(scene.events.count("state.validation"), 1u);
  EXPECT_EQ(scene.engine.containers.at(id).status, "exited");
}

TEST(FixedLeases, HaveNoEntryAndStartWhileTheyHold) {
  Scene scene;
  scene.devices.nodes = {"/dev/nvidia0"};
  scene.ready();
  Answer grant = scene.create("alice", oneGpu());
  ASSERT_TRUE(grant);
  EXPECT_EQ(grant->deviceNodes(), scene.devices.nodes);
  scene.engine.add(Scene::viewFor(*grant, containerId('a'), "alice"));
  scene.bind(*grant, containerId('a'), "alice");
  EXPECT_TRUE(scene.runner.run(scene.grants.admitStart(containerId('a'), DecisionId("D"), nullptr)));
  EXPECT_TRUE(scene.devices.entries.empty());
  const ContainerId plain = scene.run("alice", 'b');
  scene.grants.connectionLost();
  EXPECT_TRUE(scene.runner.run(scene.grants.admitStart(plain, DecisionId("D"), nullptr)));
  EXPECT_EQ(scene.runner.run(scene.grants.admitStart(containerId('a'), DecisionId("D"), nullptr)).error().reason,
            "not_ready");
}

}  // namespace
}  // namespace ds01::daemon::test
