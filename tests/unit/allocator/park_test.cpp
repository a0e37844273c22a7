// Slots that a stopped container gives back, and what its next start gets.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "allocator/start.h"
#include "unit/allocator/scene.h"

namespace ds01::allocator::test {
namespace {

using std::chrono::seconds;
using testing::HasSubstr;

const TimePoint kNow{seconds{1'795'467'310}};

// A lease of a container "c-NAME" whose slots come at each start.
Lease holdAtStart(Scene& scene, const std::string& login, const std::string& name, const GpuRequest& gpu,
                  const Limits& limits = unlimited()) {
  const auto lease = scene.ledger.reserve({.id = LeaseId("L-" + name),
                                           .uid = scene.uid(login),
                                           .login = login,
                                           .group = limits.group,
                                           .container_name = name,
                                           .decision = DecisionId("D1"),
                                           .gpu = gpu,
                                           .limits = limits,
                                           .now = kNow,
                                           .delivery = Lease::Delivery::AtStart});
  if (!lease) throw std::runtime_error(lease.error().text);
  if (!scene.ledger.bind(lease->id, ContainerId("c-" + name), name)) throw std::runtime_error("not bound");
  return *scene.ledger.find(lease->id);
}

std::expected<Lease, Refusal> resume(Scene& scene, const std::string& name, const Limits& limits = unlimited()) {
  return scene.ledger.resume(
      {.id = LeaseId("L-" + name), .decision = DecisionId("D2"), .limits = limits, .now = kNow + seconds{60}});
}

TEST(Park, GivesTheSlotsBackAndRemembersTheLease) {
  Scene scene(siteMachine());
  const Lease before = holdAtStart(scene, "alice", "train", count(1, "2g.20gb"));
  const auto parked = scene.ledger.park(before.id);
  ASSERT_TRUE(parked);
  EXPECT_EQ(parked->uuids, before.uuids);
  EXPECT_EQ(scene.ledger.heldBy(before.uid), GpuEq{});
  for (const SlotView& view : scene.ledger.slots()) EXPECT_EQ(view.state, SlotState::Free);
  const Lease* lease = scene.ledger.findByContainer(ContainerId("c-train"));
  ASSERT_NE(lease, nullptr);
  EXPECT_EQ(lease->state, Lease::State::Parked);
  EXPECT_EQ(lease->profile, "2g.20gb");
  EXPECT_EQ(lease->count, 1);
  EXPECT_TRUE(scene.ledger.violations().empty());
  EXPECT_FALSE(scene.ledger.park(before.id));
}

TEST(Park, RemembersSlotsThatAreWrittenIntoTheContainer) {
  Scene scene(machine({{"full"}, {"full"}, {"full"}}));
  const Lease before = scene.hold("alice", "train", count(2));
  ASSERT_EQ(before.uuids, (std::vector<std::string>{"GPU-0", "GPU-1"}));
  EXPECT_TRUE(scene.ledger.setStopped(before.id, kNow));
  ASSERT_TRUE(scene.ledger.park(before.id));
  const Lease& parked = *scene.ledger.find(before.id);
  EXPECT_EQ(parked.state, Lease::State::Parked);
  EXPECT_TRUE(parked.uuids.empty());
  EXPECT_EQ(parked.written, (std::vector<std::string>{"GPU-0", "GPU-1"}));
  EXPECT_EQ(parked.stopped, std::nullopt);
  EXPECT_EQ(scene.ledger.heldBy(before.uid), GpuEq{});
  EXPECT_TRUE(scene.ledger.violations().empty());
}

TEST(Park, IsForBoundLeasesOnly) {
  Scene scene(siteMachine());
  const auto reserved = scene.ask("alice", count(1));
  ASSERT_TRUE(reserved);
  EXPECT_FALSE(scene.ledger.park(reserved->id));
  EXPECT_FALSE(scene.ledger.setStopped(reserved->id, kNow));
  EXPECT_FALSE(scene.ledger.park(LeaseId("Lnone")));
  EXPECT_EQ(scene.ledger.heldBy(reserved->uid), reserved->weight);
}

TEST(Park, KeepsBackARestartPolicy) {
  Scene scene(siteMachine());
  const Lease lease = scene.hold("alice", "train", count(1));
  EXPECT_TRUE(scene.ledger.setRestart(lease.id, RestartPolicy{"always", 0}));
  EXPECT_FALSE(scene.ledger.setRestart(lease.id, RestartPolicy{"always", 0}));
  EXPECT_EQ(scene.ledger.find(lease.id)->restart, (RestartPolicy{"always", 0}));
  EXPECT_TRUE(scene.ledger.setRestart(lease.id, std::nullopt));
  EXPECT_FALSE(scene.ledger.setRestart(LeaseId("Lnone"), RestartPolicy{"always", 0}));
}

TEST(Resume, OfWrittenSlotsTakesTheSameOnesInTheirOrder) {
  Scene scene(machine({{"full"}, {"full"}, {"full"}}));
  const Lease before = scene.hold("alice", "train", devices({"2", "0"}));
  ASSERT_EQ(before.uuids, (std::vector<std::string>{"GPU-2", "GPU-0"}));
  scene.ledger.park(before.id);
  const auto resumed =
      scene.ledger.resume({.id = before.id, .decision = DecisionId("D2"), .limits = unlimited(), .now = kNow});
  ASSERT_TRUE(resumed) << resumed.error().text;
  EXPECT_EQ(resumed->uuids, before.uuids);
  EXPECT_EQ(resumed->weight, before.weight);
  EXPECT_TRUE(resumed->written.empty());
  EXPECT_TRUE(scene.ledger.violations().empty());
}

TEST(Resume, OfAWrittenSlotThatAnotherHoldsSaysWhoHoldsItAndWhatWorks) {
  Scene scene(machine({{"full"}, {"full"}}));
  const Lease before = scene.hold("alice", "train", devices({"0"}));
  scene.ledger.park(before.id);
  scene.hold("bob", "taker", devices({"0"}));
  const auto again =
      scene.ledger.resume({.id = before.id, .decision = DecisionId("D2"), .limits = unlimited(), .now = kNow});
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, RefusalCode::DeviceHeld);
  EXPECT_EQ(
      again.error().text,
      "You hold no GPU and asked for slot 0; held: 0 by bob since 2026-11-23 08:01 UTC. That slot is written into "
      "this container and cannot be changed: start it again when it is free, or remove it (docker rm train) and "
      "create it anew, which takes what is free then.");
  EXPECT_EQ(scene.ledger.find(before.id)->state, Lease::State::Parked);
  EXPECT_TRUE(scene.ledger.violations().empty());
}

TEST(Resume, OfAWrittenSlotThatTheMachineLostSaysThatItIsWritten) {
  Scene scene(machine({{"full"}, {"full"}}));
  const Lease before = scene.hold("alice", "train", devices({"1"}));
  scene.ledger.park(before.id);
  scene.ledger.setInventory(machine({{"full"}}));
  const auto again =
      scene.ledger.resume({.id = before.id, .decision = DecisionId("D2"), .limits = unlimited(), .now = kNow});
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, RefusalCode::NoSuchDevice);
  EXPECT_THAT(again.error().text, HasSubstr("There is no GPU \"GPU-1\". The slots are 0 (full). That slot is written"));
}

TEST(Resume, OfWrittenSlotsIsWithinTheQuotaOfNow) {
  Scene scene(machine({{"full"}, {"full"}}));
  const Lease before = scene.hold("alice", "train", devices({"0"}), quota(1));
  scene.ledger.park(before.id);
  scene.hold("alice", "other", devices({"1"}), quota(1));
  const auto again =
      scene.ledger.resume({.id = before.id, .decision = DecisionId("D2"), .limits = quota(1), .now = kNow});
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, RefusalCode::Quota);
  EXPECT_THAT(again.error().text, HasSubstr("other"));
}

TEST(Park, AFixedParkedLeaseComesBackFromDiskAndMaySlotsThatAnotherHoldsBeNamed) {
  Scene scene(machine({{"full"}}));
  const Lease before = scene.hold("alice", "train", count(1));
  scene.ledger.park(before.id);
  scene.hold("bob", "taker", count(1));
  Ledger restored(machine({{"full"}}));
  ASSERT_TRUE(restored.restore(scene.ledger.leases()));
  EXPECT_TRUE(restored.violations().empty());
  EXPECT_EQ(restored.find(before.id)->written, std::vector<std::string>{"GPU-0"});
}

TEST(Resume, TakesAnotherSlotOfTheSameKind) {
  Scene scene(machine({{"full"}, {"full"}, {"2g.20gb"}}));
  const Lease before = holdAtStart(scene, "alice", "train", count(1, "full"));
  ASSERT_EQ(before.uuids, std::vector<std::string>{"GPU-0"});
  scene.ledger.park(before.id);
  ASSERT_EQ(scene.slots(scene.ask("bob", devices({"0"}))), "0");
  const auto again = resume(scene, "train");
  ASSERT_TRUE(again) << again.error().text;
  EXPECT_EQ(again->uuids, std::vector<std::string>{"GPU-1"});
  EXPECT_EQ(again->state, Lease::State::Bound);
  EXPECT_EQ(again->container, ContainerId("c-train"));
  EXPECT_EQ(again->since, kNow + seconds{60});
  EXPECT_EQ(scene.ledger.heldBy(before.uid), GpuEq::whole(1));
  EXPECT_TRUE(scene.ledger.violations().empty());
}

TEST(Resume, AsksForAsManyAsItHad) {
  Scene scene(machine({{"full"}, {"full"}, {"full"}}));
  holdAtStart(scene, "alice", "train", count(2));
  scene.ledger.park(LeaseId("L-train"));
  ASSERT_TRUE(scene.ask("bob", count(1)));
  ASSERT_TRUE(scene.ask("bob", count(1)));
  const auto again = resume(scene, "train");
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, RefusalCode::NoneFree);
  EXPECT_EQ(scene.ledger.find(LeaseId("L-train"))->state, Lease::State::Parked);
  EXPECT_TRUE(scene.ledger.violations().empty());
}

TEST(Resume, IsWithinTheQuotaOfNowInTheSentencesOfACreate) {
  Scene scene(machine({{"full"}, {"full"}}));
  holdAtStart(scene, "alice", "train", count(1), quota(1));
  scene.ledger.park(LeaseId("L-train"));
  scene.hold("alice", "other", count(1), quota(1));
  const auto again = resume(scene, "train", quota(1));
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, RefusalCode::Quota);
  const auto created = scene.ask("alice", count(1, "full"), quota(1));
  ASSERT_FALSE(created);
  EXPECT_EQ(again.error().text, created.error().text);
  EXPECT_THAT(again.error().text, HasSubstr("other"));
}

TEST(Resume, OnlyOnceAndOnlyWhatIsParked) {
  Scene scene(machine({{"full"}, {"full"}}));
  holdAtStart(scene, "alice", "train", count(1));
  EXPECT_FALSE(resume(scene, "train"));
  scene.ledger.park(LeaseId("L-train"));
  EXPECT_TRUE(resume(scene, "train"));
  EXPECT_FALSE(resume(scene, "train"));
  EXPECT_FALSE(resume(scene, "nobody"));
  EXPECT_EQ(scene.ledger.heldBy(scene.uid("alice")), GpuEq::whole(1));
}

TEST(Park, AParkedLeaseEndsWithItsContainerAndComesBackFromDisk) {
  Scene scene(machine({{"full"}}));
  holdAtStart(scene, "alice", "train", count(1));
  scene.ledger.park(LeaseId("L-train"));
  Ledger restored(machine({{"full"}}));
  ASSERT_TRUE(restored.restore(scene.ledger.leases()));
  EXPECT_TRUE(restored.violations().empty());
  ASSERT_NE(restored.findByContainer(ContainerId("c-train")), nullptr);
  EXPECT_TRUE(restored.release(LeaseId("L-train")));
  EXPECT_EQ(restored.findByContainer(ContainerId("c-train")), nullptr);
  EXPECT_TRUE(restored.violations().empty());
}

TEST(StartRule, SaysWhoMayStart) {
  Scene scene(machine({{"full"}, {"full"}}));
  holdAtStart(scene, "alice", "train", count(1));
  const ContainerId train("c-train");
  const LeaseId lease("L-train");
  EXPECT_EQ(startRule(scene.ledger, ContainerId("c-plain"), std::nullopt), StartRule::NoGpu);
  EXPECT_EQ(startRule(scene.ledger, train, lease), StartRule::Held);
  // Another container cannot start on it, whatever its label says.
  EXPECT_EQ(startRule(scene.ledger, ContainerId("c-copy"), lease), StartRule::Ended);
  EXPECT_EQ(startRule(scene.ledger, train, LeaseId("L-other")), StartRule::Ended);
  scene.ledger.park(lease);
  EXPECT_EQ(startRule(scene.ledger, train, lease), StartRule::Resume);
  scene.ledger.release(lease);
  EXPECT_EQ(startRule(scene.ledger, train, lease), StartRule::Ended);

  const auto reserved = scene.ask("bob", count(1));
  ASSERT_TRUE(reserved);
  EXPECT_EQ(startRule(scene.ledger, ContainerId("c-new"), reserved->id), StartRule::Held);
}

Lease stoppedFor(const std::string& id, seconds ago) {
  Lease lease;
  lease.id = LeaseId(id);
  lease.login = id;
  lease.stopped = kNow - ago;
  return lease;
}

TEST(HoldsDue, AtOnceLaterAndNever) {
  Lease running;
  running.id = LeaseId("running");
  const std::vector<Lease> leases{stoppedFor("zero", seconds{0}), stoppedFor("over", seconds{900}),
                                  stoppedFor("soon", seconds{890}), stoppedFor("forever", seconds{1'000'000}), running};
  const auto hold = [](const Lease& lease) -> std::optional<seconds> {
    if (lease.login == "zero") return seconds{0};
    if (lease.login == "forever") return std::nullopt;
    return seconds{900};
  };
  const HoldsDue due = holdsDue(leases, hold, kNow);
  EXPECT_EQ(due.park, (std::vector<LeaseId>{LeaseId("zero"), LeaseId("over")}));
  EXPECT_EQ(due.next, seconds{10});
}

TEST(HoldsDue, ALeaseFromTheFutureWaitsNoLongerThanItsHold) {
  const auto hold = [](const Lease&) { return std::optional(seconds{900}); };
  const HoldsDue due = holdsDue({stoppedFor("set back", seconds{-100'000})}, hold, kNow);
  EXPECT_TRUE(due.park.empty());
  EXPECT_EQ(due.next, seconds{900});
}

TEST(StoppedByNow, TheHoldOfALeaseFromTheFutureBeginsNow) {
  Scene scene(machine({{"full"}, {"full"}}));
  holdAtStart(scene, "alice", "future", count(1));
  holdAtStart(scene, "bob", "past", count(1));
  const LeaseId future("L-future");
  const LeaseId past("L-past");
  scene.ledger.setStopped(future, kNow + seconds{86'400});
  scene.ledger.setStopped(past, kNow - seconds{60});
  EXPECT_TRUE(scene.ledger.stoppedByNow(kNow));
  EXPECT_EQ(scene.ledger.find(future)->stopped, kNow);
  EXPECT_EQ(scene.ledger.find(past)->stopped, kNow - seconds{60});
  EXPECT_FALSE(scene.ledger.stoppedByNow(kNow + seconds{1}));
}

}  // namespace
}  // namespace ds01::allocator::test
