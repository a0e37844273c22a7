// The waiting line: who comes first, what is kept for whom, and who is told at once.
#include "allocator/queue.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/allocator/scene.h"

namespace ds01::allocator::test {
namespace {

using std::chrono::seconds;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

const TimePoint kNow{seconds{1'795'467'310}};

Limits withPriority(std::int64_t priority, Limits limits = unlimited()) {
  limits.priority = priority;
  return limits;
}

// A machine, a line, and short names for what comes of those who join: "eve: 0" or "eve: gpu quota text".
class Line {
 public:
  explicit Line(Inventory inventory) : scene(std::move(inventory)) {}

  Queue::Ticket join(const std::string& login, const GpuRequest& gpu, const Limits& limits = unlimited()) {
    ReserveRequest ask;
    ask.id = LeaseId("W-" + std::to_string(++joined_));
    ask.uid = scene.uid(login);
    ask.login = login;
    ask.group = limits.group;
    ask.container_name = login + "-secret";
    ask.gpu = gpu;
    ask.limits = limits;
    return queue.join(std::move(ask), kNow);
  }
  // Joins and serves: what the newcomer is told at once; empty if it waits.
  std::string come(const std::string& login, const GpuRequest& gpu, const Limits& limits = unlimited()) {
    const Queue::Ticket ticket = join(login, gpu, limits);
    last = ticket;
    for (const Queue::Verdict& verdict : queue.serve(scene.ledger, kNow, false)) {
      if (verdict.ticket == ticket) return scene.slots(verdict.answer);
    }
    return {};
  }
  std::vector<std::string> serve() {
    std::vector<std::string> out;
    std::vector<std::pair<Queue::Ticket, std::string>> names;
    for (const Queue::Waiter& waiter : queue.waiters()) names.emplace_back(waiter.ticket, waiter.ask.login);
    for (const Queue::Verdict& verdict : queue.serve(scene.ledger, kNow, false)) {
      for (const auto& [ticket, name] : names) {
        if (ticket == verdict.ticket) out.push_back(name + ": " + scene.slots(verdict.answer));
      }
    }
    return out;
  }
  std::vector<std::string> order() const {
    std::vector<std::string> out;
    for (const Queue::Waiter& waiter : queue.waiters()) out.push_back(waiter.ask.login);
    return out;
  }
  std::string why(std::size_t place) const { return whyWaiting(scene.ledger.slots(), queue.waiters().at(place - 1)); }

  Scene scene;
  Queue queue;
  Queue::Ticket last = 0;

 private:
  int joined_ = 0;
};

Inventory wholeGpus(std::size_t number) {
  return machine(std::vector<std::vector<std::string>>(number, {"full"}));
}

TEST(Queue, GrantsAtOnceWhatIsFree) {
  Line line(wholeGpus(2));
  EXPECT_EQ(line.come("ada", count(1)), "0");
  EXPECT_THAT(line.order(), IsEmpty());
  EXPECT_NE(line.scene.ledger.find(LeaseId("W-1")), nullptr);
}

TEST(Queue, ServesByArrival) {
  Line line(wholeGpus(1));
  const Lease held = line.scene.hold("bob", "train", count(1));
  EXPECT_EQ(line.come("ada", count(1)), "");
  EXPECT_EQ(line.come("eve", count(1)), "");
  EXPECT_THAT(line.serve(), IsEmpty());
  line.scene.ledger.release(held.id);
  EXPECT_THAT(line.serve(), ElementsAre("ada: 0"));
  EXPECT_THAT(line.order(), ElementsAre("eve"));
  line.scene.ledger.release(LeaseId("W-1"));
  EXPECT_THAT(line.serve(), ElementsAre("eve: 0"));
}

TEST(Queue, ServesByPriorityBeforeArrival) {
  Line line(wholeGpus(1));
  const Lease held = line.scene.hold("bob", "train", count(1));
  line.come("ada", count(1), withPriority(10));
  line.come("eve", count(1), withPriority(50));
  line.come("ivy", count(1), withPriority(50));
  line.come("kim", count(1), withPriority(9));
  line.come("lou", count(1), withPriority(10));
  EXPECT_THAT(line.order(), ElementsAre("eve", "ivy", "ada", "lou", "kim"));
  EXPECT_EQ(line.queue.placeOf(2), 1);
  EXPECT_EQ(line.queue.placeOf(1), 3);
  EXPECT_EQ(line.queue.placeOf(99), std::nullopt);
  line.scene.ledger.release(held.id);
  EXPECT_THAT(line.serve(), ElementsAre("eve: 0"));
}

TEST(Queue, SeveralAreServedInOneGoAndInOrder) {
  Line line(wholeGpus(3));
  const Lease held = line.scene.hold("bob", "train", count(3));
  for (const char* login : {"ada", "eve", "ivy", "kim"}) line.come(login, count(1));
  line.scene.ledger.release(held.id);
  EXPECT_THAT(line.serve(), ElementsAre("ada: 0", "eve: 1", "ivy: 2"));
  EXPECT_THAT(line.order(), ElementsAre("kim"));
}

TEST(Queue, KeepsForSeveralGpusWhatOneCouldTake) {
  Line line(wholeGpus(3));
  const Lease one = line.scene.hold("bob", "a", count(1));
  const Lease two = line.scene.hold("bob", "b", count(1));
  const Lease three = line.scene.hold("bob", "c", count(1));
  line.come("ada", count(2));
  line.scene.ledger.release(one.id);
  EXPECT_THAT(line.serve(), IsEmpty());
  EXPECT_EQ(line.why(1), "1 of the 3 that would do is free");
  // GPU 0 is free, and is not for those who came later.
  EXPECT_EQ(line.come("eve", count(1)), "");
  EXPECT_EQ(line.why(2), "what is free is kept for those ahead");
  line.scene.ledger.release(two.id);
  EXPECT_THAT(line.serve(), ElementsAre("ada: 0,1"));
  EXPECT_EQ(line.why(1), "all 3 that would do are held");
  line.scene.ledger.release(three.id);
  EXPECT_THAT(line.serve(), ElementsAre("eve: 2"));
}

TEST(Queue, WhatNobodyAheadCouldUseGoesToWhoeverComes) {
  Line line(siteMachine());
  line.scene.hold("bob", "a", count(1, "full"));
  line.scene.hold("bob", "b", count(1, "full"));
  EXPECT_EQ(line.come("ada", count(2)), "");
  EXPECT_EQ(line.come("eve", count(1, "full")), "");
  EXPECT_EQ(line.come("ivy", count(1)), "2:0") << "the GPU with the fewest free slots";
  EXPECT_EQ(line.come("kim", count(1, "2g.20gb")), "1:0");
  EXPECT_THAT(line.order(), ElementsAre("ada", "eve"));
}

TEST(Queue, ALaterHigherPriorityGoesAheadOfWhatWasKept) {
  Line line(wholeGpus(2));
  const Lease one = line.scene.hold("bob", "a", count(1));
  line.scene.hold("bob", "b", count(1));
  line.come("ada", count(2), withPriority(10));
  line.scene.ledger.release(one.id);
  EXPECT_EQ(line.come("eve", count(1), withPriority(20)), "0");
  EXPECT_THAT(line.order(), ElementsAre("ada"));
}

TEST(Queue, WhoLeavesKeepsNothing) {
  Line line(wholeGpus(2));
  const Lease one = line.scene.hold("bob", "a", count(1));
  line.scene.hold("bob", "b", count(1));
  line.come("ada", count(2));
  line.come("eve", count(1));
  line.scene.ledger.release(one.id);
  EXPECT_THAT(line.serve(), IsEmpty());
  EXPECT_TRUE(line.queue.leave(1));
  EXPECT_FALSE(line.queue.leave(1));
  EXPECT_THAT(line.serve(), ElementsAre("eve: 0"));
}

TEST(Queue, WhatTimeCannotGiveIsToldAtOnce) {
  Line line(siteMachine());
  line.scene.hold("ada", "mine", count(1, "2g.20gb"));
  Limits small = quota(0.3);
  EXPECT_THAT(line.come("ada", count(1), small), HasSubstr("your limit is 0.3"));
  EXPECT_THAT(line.come("eve", devices({"1:0"})), HasSubstr("held: 1:0 by ada"));
  EXPECT_THAT(line.come("eve", devices({"9"})), HasSubstr("There is no GPU \"9\""));
  EXPECT_THAT(line.come("eve", count(5)), HasSubstr("this machine has 2"));
  small.max_gpu_equivalents.reset();
  small.aggregate.gpu_limit.reset();
  small.max_gpu_slots_per_container = 1;
  EXPECT_THAT(line.come("eve", count(2), small), HasSubstr("in one container"));
  small.allow_full_gpu = false;
  EXPECT_THAT(line.come("eve", count(1, "full"), small), HasSubstr("allow_full_gpu"));
  line.scene.ledger.markStale("the driver does not answer");
  EXPECT_THAT(line.come("eve", count(1)), HasSubstr("No GPU can be given at the moment: the driver does not answer"));
  EXPECT_THAT(line.order(), IsEmpty());
}

TEST(Queue, ANamedSlotThatIsKeptForWhoCameFirstIsRefused) {
  Line line(wholeGpus(2));
  const Lease one = line.scene.hold("bob", "a", count(1));
  line.scene.hold("bob", "b", count(1));
  line.come("ada", count(2));
  line.scene.ledger.release(one.id);
  const std::string told = line.come("eve", devices({"0"}));
  EXPECT_THAT(told, HasSubstr("held: 0 kept for who came first"));
  EXPECT_THAT(told, Not(HasSubstr("is free")));
}

TEST(Queue, AllGpusWaitForTheFirstOnly) {
  Line line(wholeGpus(3));
  const Lease one = line.scene.hold("bob", "a", count(1));
  line.scene.hold("bob", "b", count(2));
  Limits limits = unlimited();
  ReserveRequest ask;
  ask.id = LeaseId("W-all");
  ask.uid = 1;
  ask.login = "ada";
  ask.gpu = all();
  ask.limits = limits;
  ask.gpus_for_all = GpusForAll::Available;
  line.queue.join(ask, kNow);
  EXPECT_THAT(line.serve(), IsEmpty());
  EXPECT_EQ(slotsAsked(ask.gpu), 1);
  line.scene.ledger.release(one.id);
  EXPECT_THAT(line.serve(), ElementsAre("ada: 0"));
}

TEST(Queue, AWaiterWhoseQuotaIsUsedUpMeanwhileIsTold) {
  Line line(wholeGpus(1));
  const Lease held = line.scene.hold("bob", "a", count(1));
  line.come("ada", count(1), quota(1));
  line.come("ada", count(1), quota(1));
  line.come("eve", count(1));
  line.scene.ledger.release(held.id);
  const auto told = line.serve();
  ASSERT_EQ(told.size(), 2U);
  EXPECT_EQ(told[0], "ada: 0");
  EXPECT_THAT(told[1], HasSubstr("your limit is 1 (max_gpu_equivalents"));
  EXPECT_THAT(line.order(), ElementsAre("eve"));
}

TEST(Queue, NewLimitsMoveRefuseAndExpel) {
  Line line(wholeGpus(2));
  const Lease held = line.scene.hold("bob", "a", count(2));
  line.come("ada", count(2), withPriority(10));
  line.come("eve", count(1), withPriority(10));
  line.come("ivy", count(1), withPriority(10));
  const auto without = line.queue.setLimits([](const std::string& login) -> std::optional<Limits> {
    if (login == "eve") return std::nullopt;
    return login == "ada" ? withPriority(10, quota(1)) : withPriority(90);
  });
  EXPECT_THAT(without, ElementsAre(2));
  EXPECT_THAT(line.order(), ElementsAre("ivy", "ada", "eve"));
  const auto told = line.serve();
  ASSERT_EQ(told.size(), 1U);
  EXPECT_THAT(told[0], HasSubstr("ada: refused: You hold no GPU and asked for 2; your limit is 1"));
  line.scene.ledger.release(held.id);
  EXPECT_THAT(line.serve(), ElementsAre("ivy: 0", "eve: 1"));
}

TEST(Queue, WaitsOnWhileTheInventoryIsNotKnown) {
  Line line(wholeGpus(1));
  const Lease held = line.scene.hold("bob", "a", count(1));
  line.come("ada", count(1));
  line.scene.ledger.markStale("the driver does not answer");
  line.scene.ledger.release(held.id);
  EXPECT_THAT(line.serve(), IsEmpty());
  EXPECT_EQ(line.why(1), "it is not known which GPUs there are");
  EXPECT_THAT(line.queue.refusal(line.scene.ledger, 1)->text, HasSubstr("the driver does not answer"));
  line.scene.ledger.setInventory(wholeGpus(1));
  EXPECT_THAT(line.serve(), ElementsAre("ada: 0"));
}

TEST(Queue, ASickGpuIsToldToWhoNeedsIt) {
  Line line(wholeGpus(2));
  line.scene.hold("bob", "a", count(1));
  line.scene.hold("bob", "b", count(1));
  line.come("ada", count(2));
  line.come("eve", count(1));
  Inventory inventory = wholeGpus(2);
  inventory.slots[1].sick = "Xid 79";
  line.scene.ledger.setInventory(std::move(inventory));
  const auto told = line.serve();
  ASSERT_EQ(told.size(), 1U);
  EXPECT_THAT(told[0], HasSubstr("ada: refused: You hold no GPU and asked for 2 whole GPUs; out of order: 1 (Xid 79)"));
  EXPECT_THAT(line.order(), ElementsAre("eve"));
}

TEST(Queue, TheInventoryMayShrinkUnderThoseWhoWait) {
  Line line(wholeGpus(3));
  const Lease held = line.scene.hold("bob", "a", count(3));
  line.come("ada", count(1));
  line.scene.ledger.setInventory(wholeGpus(1));
  EXPECT_EQ(line.queue.preview(line.scene.ledger, line.queue.waiters()[0].ask).place, 2);
  EXPECT_THAT(line.serve(), IsEmpty());
  EXPECT_EQ(line.why(1), "the only one that would do is held");
  line.scene.ledger.release(held.id);
  EXPECT_THAT(line.serve(), ElementsAre("ada: 0"));
}

TEST(Queue, AParkedLeaseWaitsLikeANewOne) {
  Line line(wholeGpus(1));
  const auto lease = line.scene.ledger.reserve({.id = LeaseId("L-train"),
                                                .uid = line.scene.uid("ada"),
                                                .login = "ada",
                                                .group = "student",
                                                .container_name = "train",
                                                .decision = DecisionId("D1"),
                                                .gpu = count(1),
                                                .limits = unlimited(),
                                                .now = kNow,
                                                .delivery = Lease::Delivery::AtStart});
  ASSERT_TRUE(lease);
  ASSERT_TRUE(line.scene.ledger.bind(lease->id, ContainerId("c-train"), "train"));
  ASSERT_TRUE(line.scene.ledger.park(lease->id));
  const Lease held = line.scene.hold("bob", "a", count(1));
  line.come("eve", count(1));
  const auto again =
      line.scene.ledger.resumption({.id = lease->id, .decision = DecisionId("D2"), .limits = unlimited(), .now = kNow});
  ASSERT_TRUE(again);
  line.queue.join(*again, kNow);
  line.queue.join(*again, kNow);  // started twice
  EXPECT_THAT(line.serve(), IsEmpty());
  EXPECT_THAT(line.order(), ElementsAre("eve", "ada", "ada"));
  line.scene.ledger.release(held.id);
  EXPECT_THAT(line.serve(), ElementsAre("eve: 0"));
  line.scene.ledger.release(LeaseId("W-1"));
  EXPECT_THAT(line.serve(),
              ElementsAre("ada: 0", "ada: refused: The lease \"L-train\" does not wait for a GPU. Please try again."));
  EXPECT_EQ(line.scene.ledger.find(lease->id)->state, Lease::State::Bound);
  EXPECT_FALSE(line.scene.ledger.resumption({.id = lease->id, .decision = {}, .limits = {}, .now = kNow}));
}

TEST(Queue, TellsThePlaceBeforeAnybodyJoins) {
  Line line(wholeGpus(1));
  ReserveRequest ask;
  ask.id = LeaseId("P");
  ask.uid = 7;
  ask.login = "zoe";
  ask.gpu = count(1);
  ask.limits = unlimited();
  EXPECT_EQ(line.scene.slots(line.queue.preview(line.scene.ledger, ask).answer), "0");
  line.scene.hold("bob", "a", count(1));
  EXPECT_EQ(line.queue.preview(line.scene.ledger, ask).place, 1);
  line.come("ada", count(1));
  line.come("eve", count(1), withPriority(5));
  EXPECT_EQ(line.queue.preview(line.scene.ledger, ask).place, 2);
  ask.limits.max_gpu_equivalents = GpuEq{};
  const Queue::Preview refused = line.queue.preview(line.scene.ledger, ask);
  EXPECT_EQ(refused.place, std::nullopt);
  EXPECT_EQ(refused.answer.error().code, RefusalCode::Quota);
  EXPECT_THAT(line.order(), ElementsAre("ada", "eve"));
}

TEST(Queue, TheRefusalAtTheEndNamesHoldersAndNoContainerOfOthers) {
  Line line(siteMachine());
  const Lease one = line.scene.hold("bob", "bobs-secret", count(1, "full"));
  line.scene.hold("bob", "bobs-other", count(1, "full"));
  line.come("ada", count(2));
  line.come("eve", count(1, "full"));
  line.scene.ledger.release(one.id);
  line.serve();
  const Refusal last = line.queue.refusal(line.scene.ledger, 2).value();
  EXPECT_EQ(last.code, RefusalCode::NoneFree);
  EXPECT_EQ(last.text,
            "You hold no GPU and asked for one whole GPU; all 2 slots that would do are held: 0 kept for who came "
            "first, 3 by bob since 2026-11-23 08:01 UTC. Ask for a MIG slice (--gpus 1): 3g.40gb in slot 2:0 is free "
            "and 0.428571 would fit.");
  EXPECT_FALSE(line.queue.refusal(line.scene.ledger, 77));
}

TEST(Queue, IsBounded) {
  Line line(wholeGpus(1));
  line.scene.hold("bob", "a", count(1));
  for (std::size_t i = 0; i < Queue::kMostWaitingPerUser; ++i) line.join("ada", count(1));
  EXPECT_EQ(line.queue.crowd(line.scene.uid("ada")), Queue::Crowd::UserHasTooMany);
  EXPECT_EQ(line.queue.crowd(line.scene.uid("eve")), Queue::Crowd::Room);
  for (std::size_t i = line.queue.waiters().size(); i < Queue::kMostWaiting; ++i) {
    line.join("u" + std::to_string(i), count(1));
  }
  EXPECT_EQ(line.queue.crowd(line.scene.uid("eve")), Queue::Crowd::TooMany);
}

}  // namespace
}  // namespace ds01::allocator::test
