// Requests that wait for a GPU, in the daemon: who wakes them, and every way of leaving the line.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "daemon/ledger_service.h"
#include "scene.h"

namespace ds01::daemon::test {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using Permit = std::expected<gateway::StartPermit, Denial>;

template <typename T>
struct Asker {
  bool waits = false;
  gateway::Patience patience{[this] { waits = true; }};
  std::optional<T> answer;
};
using Create = std::unique_ptr<Asker<Answer>>;
using Start = std::unique_ptr<Asker<Permit>>;

template <typename T>
asio::awaitable<void> keep(asio::awaitable<T> job, Asker<T>& asker) {
  asker.answer.emplace(co_await std::move(job));
}

class WaitingInLine : public testing::Test {
 protected:
  explicit WaitingInLine(Lease::Delivery way = Lease::Delivery::Fixed) {
    scene.devices.way = way;
    scene.limits.gpu_hold_after_stop = seconds{0};
    scene.ready();
    scene.grants.setQueueWait(hours{1});
  }
  // A create that has been decided on or waits.
  Create ask(const std::string& login, GpuRequest gpu = oneGpu()) {
    auto asker = std::make_unique<Asker<Answer>>();
    gateway::GrantRequest request = scene.request(login, std::move(gpu));
    request.patience = &asker->patience;
    asio::co_spawn(scene.runner.context(), keep(scene.grants.reserve(std::move(request)), *asker), asio::detached);
    scene.runner.turn([&] { return asker->waits || asker->answer; });
    return asker;
  }
  Start start(const ContainerId& id) {
    auto asker = std::make_unique<Asker<Permit>>();
    asio::co_spawn(scene.runner.context(),
                   keep(scene.grants.admitStart(id, DecisionId("Dstart"), &asker->patience), *asker), asio::detached);
    scene.runner.turn([&] { return asker->waits || asker->answer; });
    return asker;
  }
  template <typename T>
  T& answerOf(Asker<T>& asker) {
    scene.runner.turn([&] { return asker.answer.has_value(); });
    return *asker.answer;
  }
  void remove(const ContainerId& id) {
    scene.engine.containers.erase(id);
    scene.owners.forget(id);
  }
  std::vector<std::string> line() const {
    std::vector<std::string> out;
    for (const auto& waiter : scene.grants.queue().waiters()) out.push_back(waiter.ask.login);
    return out;
  }
  // "queue.left granted", … in order.
  std::vector<std::string> told() const {
    std::vector<std::string> out;
    for (const events::Event& event : scene.events.events) {
      if (!event.type.starts_with("queue.")) continue;
      const auto* reason = event.details.if_contains("reason");
      out.push_back(event.type + " " + event.user +
                    (event.type == "queue.left" ? " " + std::string(reason->as_string()) : ""));
    }
    return out;
  }
  static GpuRequest twoWhole() { return {.kind = GpuRequest::Kind::Count, .count = 2, .devices = {}, .profile = {}}; }

  Scene scene;
};

class StartsInLine : public WaitingInLine {
 protected:
  StartsInLine() : WaitingInLine(Lease::Delivery::AtStart) {}
  // A container that has run, is stopped, and has given its slots back.
  ContainerId parked(const std::string& login, char digit) {
    const ContainerId id = scene.run(login, digit, oneGpu());
    scene.engine.containers.at(id).status = "exited";
    scene.grants.containerStopped(id);
    scene.runner.run(scene.grants.parkDue());
    return id;
  }
};

TEST_F(WaitingInLine, ServesInOrderWhenContainersGo) {
  scene.run("bob", 'a', oneGpu());
  scene.run("bob", 'b', oneGpu());
  const Create first = ask("alice");
  const Create second = ask("carol");
  EXPECT_TRUE(first->waits);
  EXPECT_THAT(line(), ElementsAre("alice", "carol"));
  remove(containerId('a'));
  ASSERT_TRUE(answerOf(*first)) << first->answer->error().text;
  EXPECT_EQ((*first->answer)->slots().at(0).slot, "0");
  EXPECT_FALSE(second->answer);
  EXPECT_THAT(line(), ElementsAre("carol"));
  remove(containerId('b'));
  ASSERT_TRUE(answerOf(*second));
  EXPECT_EQ(scene.disk.leases().size(), 2U);
  EXPECT_THAT(told(), ElementsAre("queue.joined alice", "queue.joined carol", "queue.left alice granted",
                                  "queue.left carol granted"));
  EXPECT_EQ(scene.events.events.back().type, "gpu.allocate");
}

TEST_F(WaitingInLine, ANewcomerDoesNotTakeWhatSomebodyWaitsFor) {
  scene.run("bob", 'a', oneGpu());
  scene.run("bob", 'b', oneGpu());
  const Create two = ask("alice", twoWhole());
  remove(containerId('a'));
  scene.drain();
  const Create one = ask("carol");
  EXPECT_TRUE(one->waits);
  EXPECT_EQ(scene.free(), 1U);
  remove(containerId('b'));
  ASSERT_TRUE(answerOf(*two));
  EXPECT_FALSE(one->answer);
  two->answer.reset();  // the create was given up: both come back
  ASSERT_TRUE(answerOf(*one));
}

TEST_F(WaitingInLine, WhoGivesUpLeavesAtOnce) {
  scene.run("bob", 'a', oneGpu());
  scene.run("bob", 'b', oneGpu());
  const Create two = ask("alice", twoWhole());
  const Create one = ask("carol");
  remove(containerId('a'));
  scene.drain();
  two->patience.giveUp();
  EXPECT_THAT(line(), testing::IsEmpty()) << "carol is served by it";
  EXPECT_EQ(answerOf(*two).error().reason, "client_gone");
  ASSERT_TRUE(answerOf(*one));
  one->answer.reset();
  scene.drain();
  EXPECT_EQ(scene.free(), 1U);
  EXPECT_THAT(told(), ElementsAre("queue.joined alice", "queue.joined carol", "queue.left alice client_gone",
                                  "queue.left carol granted"));
  EXPECT_EQ(scene.events.count("gpu.reject"), 0U);
}

TEST_F(WaitingInLine, WhoGivesUpInTheInstantOfTheGrantLeaksNothing) {
  scene.run("bob", 'a', twoWhole());
  const Create one = ask("alice");
  remove(containerId('a'));  // granted, and nobody has been told yet
  one->patience.giveUp();
  ASSERT_TRUE(answerOf(*one));
  EXPECT_TRUE(one->patience.givenUp());
  one->answer.reset();
  scene.drain();
  EXPECT_EQ(scene.free(), 2U);
  EXPECT_TRUE(scene.ledger.leases().empty());
}

TEST_F(WaitingInLine, WhoseTimeIsUpIsToldPlaceAndHolders) {
  scene.run("bob", 'a', twoWhole());
  const Create first = ask("carol");
  scene.grants.setQueueWait(milliseconds{1});
  const Create second = ask("alice");
  const Answer& answer = answerOf(*second);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().http_status, 409);
  EXPECT_EQ(answer.error().reason, "gpu_wait_timeout");
  EXPECT_THAT(answer.error().text, HasSubstr("0 by bob since"));
  EXPECT_THAT(answer.error().text, HasSubstr("was number 2 of 2 in the queue; no end is known of what is held"));
  EXPECT_THAT(answer.error().text, Not(HasSubstr("job")));
  EXPECT_FALSE(answer.error().remedy.empty());
  EXPECT_THAT(line(), ElementsAre("carol"));
  EXPECT_THAT(told(), ElementsAre("queue.joined carol", "queue.joined alice", "queue.left alice timeout"));
  EXPECT_EQ(scene.events.count("gpu.reject"), 1U);
  first->patience.giveUp();
  answerOf(*first);
}

TEST_F(WaitingInLine, WithoutWaitingTheRefusalComesAtOnce) {
  scene.grants.setQueueWait(milliseconds{0});
  scene.run("bob", 'a', twoWhole());
  const Create one = ask("alice");
  EXPECT_FALSE(one->waits);
  EXPECT_EQ(one->answer->error().reason, "gpu_none_free");
  EXPECT_THAT(one->answer->error().text, Not(HasSubstr("waited")));
  EXPECT_THAT(line(), testing::IsEmpty());
  EXPECT_THAT(told(), testing::IsEmpty());
}

TEST_F(WaitingInLine, WhatTimeCannotGiveIsRefusedAtOnce) {
  scene.run("bob", 'a', twoWhole());
  scene.limits.max_gpu_equivalents = GpuEq{};
  const Create one = ask("alice");
  EXPECT_FALSE(one->waits);
  EXPECT_EQ(one->answer->error().reason, "gpu_quota");
  const Create named = ask("bob", {.kind = GpuRequest::Kind::Devices, .count = 0, .devices = {"0"}, .profile = {}});
  EXPECT_FALSE(named->waits);
}

TEST_F(WaitingInLine, ReloadedLimitsHoldForThoseWhoWait) {
  scene.run("bob", 'a', twoWhole());
  const Create gone = ask("carol");
  const Create over = ask("alice");
  scene.limits.max_gpu_equivalents = GpuEq{};
  scene.archived = "carol";
  scene.grants.limitsChanged();
  EXPECT_EQ(answerOf(*gone).error().reason, "archived");
  EXPECT_EQ(answerOf(*over).error().reason, "gpu_quota");
  EXPECT_THAT(line(), testing::IsEmpty());
  EXPECT_THAT(told(), ElementsAre("queue.joined carol", "queue.joined alice", "queue.left carol refused",
                                  "queue.left alice refused"));
}

TEST_F(WaitingInLine, NobodyIsServedWhileTheEngineIsAway) {
  scene.run("bob", 'a', twoWhole());
  const Create one = ask("alice");
  scene.grants.connectionLost();
  remove(containerId('a'));
  scene.drain();
  EXPECT_FALSE(one->answer);
  EXPECT_EQ(scene.free(), 2U);
  scene.ready();
  ASSERT_TRUE(answerOf(*one));
}

TEST_F(WaitingInLine, AReconcileThatBeginsBetweenGrantAndAnswerTakesNothingBack) {
  scene.run("bob", 'a', twoWhole());
  const Create one = ask("alice");
  std::optional<Status> reconciled;
  const auto reconcile = [&]() -> asio::awaitable<void> { reconciled = co_await scene.grants.reconcile(); };
  asio::co_spawn(scene.runner.context(), reconcile(), asio::detached);
  remove(containerId('a'));
  scene.runner.turn([&] { return reconciled.has_value(); });
  ASSERT_TRUE(answerOf(*one));
  scene.drain();
  EXPECT_NE(scene.ledger.find((*one->answer)->lease()->id), nullptr);
  EXPECT_EQ(scene.engine.asked("list ds01.lease"), 0U) << "it is known whose it is";
}

TEST_F(WaitingInLine, ANewGpuServes) {
  scene.run("bob", 'a', twoWhole());
  const Create one = ask("alice");
  Inventory more = twoGpus();
  more.slots.push_back({"2", "GPU-2", "Fake", "full", 2, GpuEq::whole(1), 1024, {}, {}});
  scene.grants.setInventory(std::move(more));
  ASSERT_TRUE(answerOf(*one));
  EXPECT_EQ((*one->answer)->slots().at(0).slot, "2");
}

TEST_F(WaitingInLine, WhoWaitsCountsAsAContainer) {
  scene.run("bob", 'a', twoWhole());
  scene.limits.max_containers_per_user = 1;
  const Create one = ask("alice");
  EXPECT_TRUE(one->waits);
  EXPECT_EQ(scene.create("alice").error().reason, "container_limit");
  one->patience.giveUp();
  answerOf(*one);
  EXPECT_TRUE(scene.create("alice"));
}

TEST_F(WaitingInLine, TheLineIsBounded) {
  scene.run("bob", 'a', twoWhole());
  std::vector<Create> all;
  for (std::size_t i = 0; i < allocator::Queue::kMostWaitingPerUser; ++i) all.push_back(ask("alice"));
  const Create more = ask("alice");
  EXPECT_FALSE(more->waits);
  EXPECT_EQ(more->answer->error().reason, "queue_full");
  EXPECT_EQ(more->answer->error().http_status, 503);
  EXPECT_EQ(line().size(), allocator::Queue::kMostWaitingPerUser);
  const Create other = ask("bob");
  EXPECT_TRUE(other->waits);
  for (const Create& one : all) one->patience.giveUp();
  other->patience.giveUp();
  for (const Create& one : all) answerOf(*one);
  answerOf(*other);
}

TEST_F(WaitingInLine, ThePreviewTellsThePlace) {
  EXPECT_FALSE(scene.grants.preview(scene.request("carol", oneGpu()))->wait);
  scene.run("bob", 'a', twoWhole());
  const Create one = ask("alice");
  const auto preview = scene.grants.preview(scene.request("carol", oneGpu()));
  ASSERT_TRUE(preview);
  ASSERT_TRUE(preview->wait);
  EXPECT_EQ(preview->wait->place, 2);
  EXPECT_EQ(preview->wait->at_most, hours{1});
  EXPECT_EQ(preview->wait->denial.reason, "gpu_none_free");
  EXPECT_THAT(line(), ElementsAre("alice"));
  scene.grants.setQueueWait(milliseconds{0});
  EXPECT_EQ(scene.grants.preview(scene.request("carol", oneGpu())).error().reason, "gpu_none_free");
  one->patience.giveUp();
  answerOf(*one);
}

TEST_F(StartsInLine, AHoldThatEndsServes) {
  const ContainerId first = scene.run("bob", 'a', oneGpu());
  scene.run("bob", 'b', oneGpu());
  const Create one = ask("alice");
  scene.engine.containers.at(first).status = "exited";
  scene.grants.containerStopped(first);
  scene.runner.run(scene.grants.parkDue());
  ASSERT_TRUE(answerOf(*one));
}

TEST_F(StartsInLine, AStartWaitsBehindThoseWhoCameFirst) {
  const ContainerId mine = parked("alice", 'a');
  scene.run("bob", 'b', oneGpu());
  scene.run("bob", 'c', oneGpu());
  const Create create = ask("carol");
  const Start start_of_mine = start(mine);
  EXPECT_TRUE(start_of_mine->waits);
  EXPECT_THAT(line(), ElementsAre("carol", "alice"));
  remove(containerId('b'));
  ASSERT_TRUE(answerOf(*create));
  EXPECT_FALSE(start_of_mine->answer);
  remove(containerId('c'));
  ASSERT_TRUE(answerOf(*start_of_mine));
  EXPECT_TRUE((*start_of_mine->answer)->fresh());
  const Lease* lease = scene.ledger.findByContainer(mine);
  EXPECT_EQ(scene.devices.entries.at(lease->id), lease->uuids);
  EXPECT_TRUE(std::ranges::any_of(scene.disk.leases(), [&](const Lease& on_disk) {
    return on_disk.id == lease->id && on_disk.uuids == lease->uuids;
  }));
  EXPECT_EQ(scene.events.count("gpu.allocate"), 5U);
}

TEST_F(StartsInLine, NothingElseOfTheLeaseIsHeldUpMeanwhile) {
  const ContainerId mine = parked("alice", 'a');
  scene.run("bob", 'b', twoWhole());
  const Start waiting = start(mine);
  EXPECT_TRUE(scene.runner.run(scene.grants.reconcile())) << "reconciling goes through every lease";
  remove(mine);
  EXPECT_EQ(answerOf(*waiting).error().reason, "lease_ended");
  EXPECT_THAT(line(), testing::IsEmpty());
}

TEST_F(StartsInLine, TwoStartsOfOneContainerShareWhatIsFound) {
  const ContainerId mine = parked("alice", 'a');
  scene.run("bob", 'b', twoWhole());
  const Start one = start(mine);
  const Start two = start(mine);
  remove(containerId('b'));
  ASSERT_TRUE(answerOf(*one));
  ASSERT_TRUE(answerOf(*two));
  EXPECT_EQ(scene.free(), 1U);
}

TEST_F(StartsInLine, AStartWhoseClientGoesGivesBackWhatItGot) {
  const ContainerId mine = parked("alice", 'a');
  scene.run("bob", 'b', twoWhole());
  const Start gone = start(mine);
  gone->patience.giveUp();
  EXPECT_EQ(answerOf(*gone).error().reason, "client_gone");
  gone->answer.reset();

  const Start late = start(mine);
  remove(containerId('b'));  // granted, and nobody has been told yet
  late->patience.giveUp();
  ASSERT_TRUE(answerOf(*late));
  late->answer.reset();
  scene.runner.turn([&] { return scene.free() == 2U; });
  EXPECT_EQ(scene.ledger.findByContainer(mine)->state, Lease::State::Parked);
  EXPECT_TRUE(answerOf(*start(mine)));
}

}  // namespace
}  // namespace ds01::daemon::test
