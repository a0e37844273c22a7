// Stopped containers whose slots are written into them: what they keep, what the Engine may do with them by itself, and
// what becomes of one that runs although its lease holds nothing.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "daemon/ledger_service.h"
#include "scene.h"

namespace ds01::daemon::test {
namespace {

using std::chrono::seconds;
using testing::HasSubstr;
using Permit = std::expected<gateway::StartPermit, Denial>;

const RestartPolicy kAlways{"always", 0};
const RestartPolicy kNo{"no", 0};

class Hold : public testing::Test {
 protected:
  Hold() {
    scene.limits.gpu_hold_after_stop = seconds{900};
    scene.ready();
  }
  Permit start(const ContainerId& id) {
    return scene.runner.run(scene.grants.admitStart(id, DecisionId("Dstart"), nullptr));
  }
  void startIt(const ContainerId& id) {
    Permit permit = start(id);
    ASSERT_TRUE(permit) << permit.error().text;
    inEngine(id).status = "running";
    permit->started();
    scene.grants.containerStarted(id);
  }
  void stopIt(const ContainerId& id) {
    inEngine(id).status = "exited";
    scene.grants.containerStopped(id);
  }
  void holdEnds() {
    scene.clock.advance(seconds{900});
    scene.runner.run(scene.grants.parkDue());
  }
  // A container that has run and given its slot back.
  ContainerId parked(const std::string& login, char digit, RestartPolicy policy = kAlways) {
    const ContainerId id = scene.run(login, digit, oneGpu());
    inEngine(id).restart = std::move(policy);
    startIt(id);
    stopIt(id);
    holdEnds();
    if (leaseOf(id).holds()) throw std::runtime_error("its lease still holds");
    return id;
  }
  // Started by root on the Engine's own socket, or by the Engine itself.
  void startPastUs(const ContainerId& id) {
    inEngine(id).status = "running";
    scene.grants.containerStarted(id);
    scene.drain();
  }
  // What is written to disk in between takes its time.
  void untilPolicyIs(const ContainerId& id, const RestartPolicy& policy) {
    scene.runner.turn([&] { return inEngine(id).restart == policy; });
    scene.drain();
  }
  ContainerView& inEngine(const ContainerId& id) { return scene.engine.containers.at(id); }
  const Lease& leaseOf(const ContainerId& id) { return *scene.ledger.findByContainer(id); }
  // What a user asks for with docker update --restart.
  bool keeps(const ContainerId& id, RestartPolicy wanted) {
    const auto change = scene.runner.run(scene.grants.changePolicy(id, std::move(wanted)));
    EXPECT_TRUE(change);
    return change && change->kept;
  }

  Scene scene;
};

TEST_F(Hold, AStoppedContainerKeepsItsSlotForTheHoldAndNoLonger) {
  const ContainerId id = scene.run("alice", 'a', oneGpu());
  startIt(id);
  stopIt(id);
  ASSERT_EQ(scene.events.count("gpu.hold"), 1u);
  EXPECT_EQ(scene.events.events.back().details.at("seconds"), 900);
  scene.clock.advance(seconds{899});
  EXPECT_EQ(scene.runner.run(scene.grants.parkDue()), seconds{1});
  EXPECT_EQ(scene.free(), 1u);
  scene.clock.advance(seconds{1});
  scene.runner.run(scene.grants.parkDue());
  EXPECT_EQ(scene.free(), 2u);
  EXPECT_EQ(scene.events.count("gpu.release"), 1u);
  EXPECT_EQ(leaseOf(id).written, std::vector<std::string>{"GPU-0"});
  EXPECT_TRUE(scene.ledger.violations().empty());
}

TEST_F(Hold, AClockThatIsSetBackMakesNoHoldLongerThanItIs) {
  const ContainerId id = scene.run("alice", 'a', oneGpu());
  startIt(id);
  stopIt(id);
  scene.clock.advance(-std::chrono::hours{24});
  EXPECT_EQ(scene.runner.run(scene.grants.parkDue()), seconds{900});
  scene.clock.advance(seconds{899});
  EXPECT_EQ(scene.runner.run(scene.grants.parkDue()), seconds{1});
  EXPECT_EQ(scene.free(), 1u);
  scene.clock.advance(seconds{1});
  scene.runner.run(scene.grants.parkDue());
  EXPECT_EQ(scene.free(), 2u);
}

TEST_F(Hold, AHoldThatBeganAnewIsOnDisk) {
  const ContainerId id = scene.run("alice", 'a', oneGpu());
  startIt(id);
  stopIt(id);
  scene.clock.advance(-std::chrono::hours{24});
  scene.runner.run(scene.grants.parkDue());
  const TimePoint now = scene.clock.now();
  EXPECT_TRUE(scene.disk.comesTo([&](const std::vector<Lease>& leases) { return leases.front().stopped == now; }));
}

TEST_F(Hold, ItsNextStartGetsTheSameSlot) {
  const ContainerId id = parked("alice", 'a');
  startIt(id);
  EXPECT_EQ(leaseOf(id).uuids, std::vector<std::string>{"GPU-0"});
  EXPECT_EQ(scene.events.count("gpu.allocate"), 2u);
  stopIt(id);
  holdEnds();
  EXPECT_FALSE(leaseOf(id).holds());
}

TEST_F(Hold, ItsNextStartIsRefusedWhileAnotherHasTheSlot) {
  const ContainerId id = parked("alice", 'a');
  scene.run("bob", 'b', GpuRequest{.kind = GpuRequest::Kind::Devices, .count = 1, .devices = {"GPU-0"}, .profile = {}});
  const Permit permit = start(id);
  ASSERT_FALSE(permit);
  EXPECT_EQ(permit.error().reason, "gpu_device_held");
  EXPECT_THAT(permit.error().text, HasSubstr("held: 0 by bob"));
  EXPECT_THAT(permit.error().text, HasSubstr("docker rm job"));
  EXPECT_EQ(inEngine(id).restart, kNo);
  EXPECT_EQ(leaseOf(id).restart, kAlways);
}

TEST_F(Hold, TheSlotIsFreeOnlyWhenTheEngineStartsNothingByItself) {
  const ContainerId id = parked("alice", 'a', {"on-failure", 3});
  EXPECT_EQ(inEngine(id).restart, kNo);
  EXPECT_EQ(leaseOf(id).restart, (RestartPolicy{"on-failure", 3}));
  EXPECT_EQ(scene.grants.keptPolicy(id), (RestartPolicy{"on-failure", 3}));
  startIt(id);
  EXPECT_EQ(inEngine(id).restart, (RestartPolicy{"on-failure", 3}));
  EXPECT_EQ(scene.grants.keptPolicy(id), std::nullopt);
}

TEST_F(Hold, WhatIsWantedIsOnDiskBeforeTheEngineForgetsIt) {
  const ContainerId id = scene.run("alice", 'a', oneGpu());
  inEngine(id).restart = kAlways;
  startIt(id);
  stopIt(id);
  scene.disk.full = true;
  holdEnds();
  EXPECT_EQ(inEngine(id).restart, kAlways);
  EXPECT_TRUE(leaseOf(id).holds());
  scene.disk.full = false;
  scene.clock.advance(seconds{10});
  scene.engine.hold("policy no");
  const auto job = [&]() -> asio::awaitable<bool> {
    co_await scene.grants.parkDue();
    co_return true;
  };
  const auto done = scene.runUntilHeld<bool>(job());
  ASSERT_EQ(scene.disk.leases().size(), 1u);
  EXPECT_EQ(scene.disk.leases().front().restart, kAlways);
  EXPECT_TRUE(scene.disk.leases().front().holds());
  scene.finish(done);
  EXPECT_FALSE(leaseOf(id).holds());
}

TEST_F(Hold, AnEngineThatKeepsThePolicyKeepsTheSlotHeld) {
  const ContainerId id = scene.run("alice", 'a', oneGpu());
  inEngine(id).restart = kAlways;
  startIt(id);
  stopIt(id);
  scene.engine.refuses_policies = true;
  holdEnds();
  EXPECT_TRUE(leaseOf(id).holds());
  scene.engine.refuses_policies = false;
  scene.runner.run(scene.grants.parkDue());
  EXPECT_FALSE(leaseOf(id).holds());
  EXPECT_EQ(leaseOf(id).restart, kAlways);
}

TEST_F(Hold, AContainerBetweenTwoAttemptsOfItsPolicyIsNotStopped) {
  const ContainerId id = scene.run("alice", 'a', oneGpu());
  inEngine(id).restart = kAlways;
  startIt(id);
  stopIt(id);
  inEngine(id).status = "restarting";
  holdEnds();
  EXPECT_TRUE(leaseOf(id).holds());
  EXPECT_EQ(inEngine(id).restart, kAlways);
  // docker stop ended the attempts.
  inEngine(id).status = "exited";
  scene.runner.run(scene.grants.parkDue());
  EXPECT_FALSE(leaseOf(id).holds());
}

TEST_F(Hold, APolicySetWhileParkedIsOnlyRemembered) {
  const ContainerId id = parked("alice", 'a', kNo);
  EXPECT_EQ(leaseOf(id).restart, std::nullopt);
  EXPECT_TRUE(keeps(id, {"unless-stopped", 0}));
  EXPECT_EQ(inEngine(id).restart, kNo);
  EXPECT_EQ(scene.disk.leases().front().restart, (RestartPolicy{"unless-stopped", 0}));
  EXPECT_TRUE(keeps(id, kNo));
  EXPECT_EQ(scene.grants.keptPolicy(id), std::nullopt);
  EXPECT_TRUE(keeps(id, kAlways));
  startIt(id);
  EXPECT_EQ(inEngine(id).restart, kAlways);
  EXPECT_FALSE(keeps(id, kNo));
  EXPECT_FALSE(keeps(scene.run("bob", 'b'), kAlways));
}

TEST_F(Hold, APolicyThatIsNotOnDiskIsNotAccepted) {
  const ContainerId id = parked("alice", 'a', kAlways);
  scene.disk.full = true;
  const auto change = scene.runner.run(scene.grants.changePolicy(id, {"unless-stopped", 0}));
  ASSERT_FALSE(change);
  EXPECT_EQ(change.error().http_status, 503);
  EXPECT_EQ(scene.grants.keptPolicy(id), kAlways);
}

// The request that sets it may hang for as long as its client likes, and others' holds end all the same.
TEST_F(Hold, WhileAPolicyIsBeingSetNothingIsParkedButWhatIsOthers) {
  const ContainerId id = scene.run("alice", 'a', oneGpu());
  startIt(id);
  stopIt(id);
  const ContainerId others = scene.run("bob", 'b', oneGpu());
  startIt(others);
  stopIt(others);
  auto change = scene.runner.run(scene.grants.changePolicy(id, kAlways));
  ASSERT_TRUE(change);
  EXPECT_FALSE(change->kept);
  holdEnds();
  EXPECT_TRUE(leaseOf(id).holds());
  EXPECT_FALSE(leaseOf(others).holds());
  inEngine(id).restart = kAlways;  // the Engine's answer
  change->turn.reset();
  scene.runner.run(scene.grants.parkDue());
  EXPECT_FALSE(leaseOf(id).holds());
  EXPECT_EQ(leaseOf(id).restart, kAlways);
  EXPECT_EQ(inEngine(id).restart, kNo);
}

TEST_F(Hold, APolicySetPastUsOnAParkedContainerIsTakenOverAndSwitchedOff) {
  const ContainerId id = parked("alice", 'a', kNo);
  inEngine(id).restart = kAlways;
  scene.grants.containerUpdated(id);
  untilPolicyIs(id, kNo);
  EXPECT_EQ(leaseOf(id).restart, kAlways);
  inEngine(id).restart = {"unless-stopped", 0};  // while ds01d was away
  scene.grants.connectionLost();
  scene.ready();
  untilPolicyIs(id, kNo);
  EXPECT_EQ(leaseOf(id).restart, (RestartPolicy{"unless-stopped", 0}));
}

TEST_F(Hold, WithoutThePolicyInForceNothingStartsAndNothingIsHeld) {
  const ContainerId id = parked("alice", 'a');
  scene.engine.refuses_policies = true;
  const Permit permit = start(id);
  ASSERT_FALSE(permit);
  EXPECT_EQ(permit.error().reason, "restart_policy");
  scene.engine.refuses_policies = false;
  scene.runner.turn([&] { return !leaseOf(id).holds(); });
  EXPECT_EQ(leaseOf(id).restart, kAlways);
  EXPECT_EQ(scene.free(), 2u);
  startIt(id);
  EXPECT_EQ(inEngine(id).restart, kAlways);
}

TEST_F(Hold, AStartThatTheEngineRefusesSwitchesThePolicyOffAgain) {
  const ContainerId id = parked("alice", 'a');
  {
    const Permit permit = start(id);
    ASSERT_TRUE(permit);
    EXPECT_EQ(inEngine(id).restart, kAlways);
  }
  scene.runner.turn([&] { return !leaseOf(id).holds(); });
  EXPECT_EQ(inEngine(id).restart, kNo);
  EXPECT_EQ(scene.free(), 2u);
}

TEST_F(Hold, AStartPastUsOfAParkedContainerIsStoppedAtOnce) {
  const ContainerId id = parked("alice", 'a');
  scene.run("bob", 'b', GpuRequest{.kind = GpuRequest::Kind::Devices, .count = 1, .devices = {"GPU-0"}, .profile = {}});
  inEngine(id).restart = {"unless-stopped", 0};
  startPastUs(id);
  EXPECT_EQ(inEngine(id).status, "exited");
  untilPolicyIs(id, kNo);
  EXPECT_EQ(leaseOf(id).restart, (RestartPolicy{"unless-stopped", 0}));
  ASSERT_EQ(scene.events.count("state.validation"), 1u);
  EXPECT_EQ(scene.events.count("container.stop"), 1u);
  EXPECT_TRUE(scene.ledger.violations().empty());
}

TEST_F(Hold, AStartPastUsIsStoppedEvenIfTheEngineNeedsSeveralAttempts) {
  const ContainerId id = parked("alice", 'a');
  scene.engine.kills_to_refuse = 2;
  inEngine(id).status = "running";
  scene.grants.containerStarted(id);
  scene.runner.turn([&] { return inEngine(id).status == "exited"; });
  EXPECT_EQ(scene.engine.kills_to_refuse, 0);
}

TEST_F(Hold, AStartWithinTheHoldIsNoneOfOurBusiness) {
  const ContainerId id = scene.run("alice", 'a', oneGpu());
  startIt(id);
  stopIt(id);
  startPastUs(id);
  EXPECT_EQ(inEngine(id).status, "running");
  holdEnds();
  EXPECT_TRUE(leaseOf(id).holds());
  EXPECT_EQ(scene.events.count("state.validation"), 0u);
}

TEST_F(Hold, ARunningContainerWhoseLeaseHasEndedIsStoppedAndNeverStartsAgain) {
  const ContainerId id = scene.run("alice", 'a', oneGpu());
  startIt(id);
  inEngine(id).restart = kAlways;
  inEngine(id).status = "exited";
  scene.ledger.release(LeaseId(leaseOf(id).id));
  scene.run("bob", 'b', GpuRequest{.kind = GpuRequest::Kind::Devices, .count = 1, .devices = {"GPU-0"}, .profile = {}});
  startPastUs(id);
  EXPECT_EQ(inEngine(id).status, "exited");
  EXPECT_EQ(inEngine(id).restart, kNo);
}

TEST_F(Hold, WhatWasStartedPastUsWhileNobodyListenedIsStoppedAtTheComparison) {
  const ContainerId id = parked("alice", 'a');
  scene.grants.connectionLost();
  inEngine(id).status = "running";
  scene.grants.containerStarted(id);
  scene.drain();
  EXPECT_EQ(inEngine(id).status, "running");  // its lease may still be found
  scene.ready();
  scene.drain();
  EXPECT_EQ(inEngine(id).status, "exited");
  EXPECT_EQ(scene.events.count("state.validation"), 1u);
}

TEST_F(Hold, AParkedLeaseEndsWithAContainerThatWasRemovedWhileNobodyListened) {
  const ContainerId id = parked("alice", 'a');
  scene.engine.containers.erase(id);
  scene.grants.connectionLost();
  scene.ready();
  EXPECT_EQ(scene.ledger.leases().size(), 0u);
}

TEST_F(Hold, OfALostLedgerTheRunningContainerGetsTheSlotAndTheStoppedOneIsParked) {
  const ContainerId stopped = parked("alice", 'a');
  const ContainerId running = scene.run(
      "bob", 'b', GpuRequest{.kind = GpuRequest::Kind::Devices, .count = 1, .devices = {"GPU-0"}, .profile = {}});
  startIt(running);
  for (const Lease& lease : scene.ledger.leases()) scene.ledger.release(lease.id);
  scene.grants.connectionLost();
  scene.ready();
  EXPECT_TRUE(leaseOf(running).holds());
  EXPECT_EQ(leaseOf(stopped).state, Lease::State::Parked);
  EXPECT_EQ(leaseOf(stopped).written, std::vector<std::string>{"GPU-0"});
  EXPECT_EQ(scene.events.count("state.validation"), 0u);
  EXPECT_FALSE(start(stopped));
}

TEST_F(Hold, ARenamePastUsIsSeenAndSaid) {
  const ContainerId id = scene.run("alice", 'a', oneGpu());
  inEngine(id).name = "other";
  scene.grants.connectionLost();
  scene.ready();
  EXPECT_EQ(leaseOf(id).container_name, "other");
  scene.grants.containerRenamed(id, "third");
  EXPECT_EQ(leaseOf(id).container_name, "third");
}

}  // namespace
}  // namespace ds01::daemon::test
