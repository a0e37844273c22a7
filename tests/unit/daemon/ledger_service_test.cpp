#include "daemon/ledger_service.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "scene.h"

namespace ds01::daemon::test {
namespace {

using testing::HasSubstr;

TEST(LedgerService, ALeaseIsOnDiskBeforeTheEngineIsAskedAndEndsWithItsContainer) {
  Scene scene;
  scene.ready();
  Answer grant = scene.create("alice", oneGpu());
  ASSERT_TRUE(grant);
  ASSERT_EQ(grant->slots().size(), 1u);
  EXPECT_EQ(grant->slots()[0].uuid, "GPU-0");
  const std::vector<Lease> saved = scene.disk.leases();
  ASSERT_EQ(saved.size(), 1u);
  EXPECT_EQ(saved[0].id, grant->lease()->id);
  EXPECT_EQ(saved[0].state, Lease::State::Reserved);

  scene.engine.add(Scene::viewFor(*grant, containerId('a'), "alice"));
  scene.bind(*grant, containerId('a'), "alice");
  const Lease* lease = scene.ledger.findByContainer(containerId('a'));
  ASSERT_NE(lease, nullptr);
  EXPECT_EQ(lease->state, Lease::State::Bound);
  EXPECT_EQ(scene.owners.index().count("alice"), 1u);

  scene.runner.run(scene.owners.removed(containerId('a')));
  EXPECT_EQ(scene.free(), 2u);
  EXPECT_EQ(scene.owners.index().count("alice"), 0u);
  EXPECT_TRUE(scene.disk.comesToHold(0));
  EXPECT_EQ(scene.events.count("gpu.allocate"), 1u);
  EXPECT_EQ(scene.events.count("gpu.release"), 1u);
  scene.owners.forget(containerId('a'));  // its event comes later
  EXPECT_EQ(scene.events.count("gpu.release"), 1u);
}

// Whoever made it may start it before the Engine has told us of it.
TEST(LedgerService, WhoMadeAContainerForSomebodyIsKnownAtOnce) {
  Scene scene;
  scene.ready();
  Answer grant = scene.create("alice");
  ASSERT_TRUE(grant);
  grant->forwarded();
  scene.runner.run(grant->bind(containerId('a'), "job", {.owner = "alice", .made_by = "hub"}));
  const auto found = scene.runner.run(scene.owners.find(containerId('a').str()));
  ASSERT_TRUE(found);
  EXPECT_EQ(found->owner, "alice");
  EXPECT_EQ(found->made_by, "hub");
}

TEST(LedgerService, NothingIsGrantedBeforeTheEngineWasAskedWhatExists) {
  Scene scene;
  const Answer early = scene.create("alice");
  ASSERT_FALSE(early);
  EXPECT_EQ(early.error().http_status, 503);
  EXPECT_EQ(early.error().reason, "not_ready");

  scene.ready();
  EXPECT_TRUE(scene.create("alice"));
  scene.grants.connectionLost();
  EXPECT_FALSE(scene.create("alice"));
  scene.ready();
  EXPECT_TRUE(scene.create("alice"));
}

TEST(LedgerService, AQuotaRefusalSaysWhatIsHeldAndChangesNothing) {
  Scene scene;
  scene.limits.max_gpu_equivalents = GpuEq::whole(1);
  scene.ready().run("alice", 'a', oneGpu());
  const Answer second = scene.create("alice", oneGpu());
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().http_status, 409);
  EXPECT_EQ(second.error().reason, "gpu_quota");
  EXPECT_THAT(second.error().text, HasSubstr("job"));
  EXPECT_EQ(scene.free(), 1u);
  EXPECT_EQ(scene.events.count("gpu.reject"), 1u);
  EXPECT_TRUE(scene.create("bob", oneGpu()));
}

TEST(LedgerService, ARefusalLooksAgainAndFindsTheContainerGoneBehindOurBack) {
  Scene scene;
  scene.limits.max_gpu_equivalents = GpuEq::whole(1);
  const ContainerId first = scene.ready().run("alice", 'a', oneGpu());
  scene.engine.containers.erase(first);
  const Answer second = scene.create("alice", oneGpu());
  ASSERT_TRUE(second) << second.error().text;
  EXPECT_EQ(scene.ledger.findByContainer(first), nullptr);
  EXPECT_EQ(scene.events.count("gpu.reject"), 0u);
}

TEST(LedgerService, ALookThatFailsLeavesTheRefusalAndTheLease) {
  Scene scene;
  scene.limits.max_gpu_equivalents = GpuEq::whole(1);
  const ContainerId first = scene.ready().run("alice", 'a', oneGpu());
  scene.engine.containers.erase(first);
  scene.engine.away = true;
  EXPECT_FALSE(scene.create("alice", oneGpu()));
  EXPECT_NE(scene.ledger.findByContainer(first), nullptr);
}

TEST(LedgerService, AContainerThatIsBoundWhileTheListIsOnItsWayIsNotTakenForGone) {
  Scene scene;
  scene.ready();
  Answer grant = scene.create("alice", oneGpu());
  ASSERT_TRUE(grant);
  scene.engine.hold("list ds01.user");
  const auto look = scene.runUntilHeld(scene.grants.dropVanished());
  scene.engine.add(Scene::viewFor(*grant, containerId('a'), "alice"));
  scene.bind(*grant, containerId('a'), "alice");
  const Result<bool> dropped = scene.finish(look);
  ASSERT_TRUE(dropped);
  EXPECT_FALSE(*dropped);
  EXPECT_NE(scene.ledger.findByContainer(containerId('a')), nullptr);
  EXPECT_EQ(scene.owners.index().count("alice"), 1u);
}

TEST(LedgerService, OfTwoCreatesAtTheContainerLimitExactlyOnePasses) {
  Scene scene;
  scene.limits.max_containers_per_user = 2;
  scene.ready().run("alice", 'a');
  std::vector<Answer> answers;
  const auto ask = [&](gateway::GrantRequest request) -> asio::awaitable<void> {
    answers.push_back(co_await scene.grants.reserve(std::move(request)));
  };
  asio::co_spawn(scene.runner.context(), ask(scene.request("alice")), asio::detached);
  asio::co_spawn(scene.runner.context(), ask(scene.request("alice")), asio::detached);
  scene.runner.turn([&] { return answers.size() == 2; });
  EXPECT_EQ(std::ranges::count_if(answers, [](const Answer& answer) { return answer.has_value(); }), 1);
  const auto refused = std::ranges::find_if(answers, [](const Answer& answer) { return !answer; });
  ASSERT_NE(refused, answers.end());
  EXPECT_EQ(refused->error().reason, "container_limit");
  EXPECT_THAT(refused->error().text, HasSubstr("you have 2 containers (job, 1 being created)"));
  EXPECT_TRUE(scene.create("bob"));
}

TEST(LedgerService, TheContainerLimitCountsOnlyWhatStillExists) {
  Scene scene;
  scene.limits.max_containers_per_user = 1;
  const ContainerId first = scene.ready().run("alice", 'a');
  EXPECT_FALSE(scene.create("alice"));
  scene.engine.containers.erase(first);
  EXPECT_TRUE(scene.create("alice"));
  EXPECT_TRUE(scene.create("alice"));  // the grant before it was dropped before it was forwarded
}

TEST(LedgerService, TheContainerLimitCountsWhatWasThereBeforeAStart) {
  Scene scene;
  scene.limits.max_containers_per_user = 1;
  scene.engine.add(ownedView(containerId('a'), "alice", "old"));
  scene.ready();
  const Answer second = scene.create("alice");
  ASSERT_FALSE(second);
  EXPECT_THAT(second.error().text, HasSubstr("you have 1 container (old)"));
}

TEST(LedgerService, AReservationThatIsNotOnDiskIsNone) {
  Scene scene;
  scene.limits.max_containers_per_user = 1;
  scene.ready();
  scene.disk.full = true;
  const Answer refused = scene.create("alice", oneGpu());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().http_status, 503);
  EXPECT_EQ(refused.error().reason, "state_unwritable");
  EXPECT_EQ(scene.free(), 2u);
  EXPECT_EQ(scene.events.count("gpu.allocate"), 0u);
  scene.disk.full = false;
  EXPECT_TRUE(scene.create("alice", oneGpu()));  // neither the slot nor the container is counted
}

TEST(LedgerService, AGrantThatIsDroppedBeforeItIsForwardedGivesEverythingBack) {
  Scene scene;
  scene.limits.max_containers_per_user = 1;
  scene.ready();
  scene.create("alice", oneGpu());
  EXPECT_EQ(scene.free(), 2u);
  EXPECT_EQ(scene.events.count("gpu.release"), 1u);
  EXPECT_TRUE(scene.create("alice", oneGpu()));
}

TEST(LedgerService, ARefusalOfTheEngineGivesEverythingBackAtOnce) {
  Scene scene;
  scene.ready();
  Answer grant = scene.create("alice", oneGpu());
  ASSERT_TRUE(grant);
  grant->forwarded();
  grant->refused();
  EXPECT_EQ(scene.free(), 2u);
}

TEST(LedgerService, ABrokenCreateIsFoundByItsLabel) {
  Scene scene;
  scene.ready();
  {
    Answer grant = scene.create("alice", oneGpu());
    ASSERT_TRUE(grant);
    scene.engine.add(Scene::viewFor(*grant, containerId('a'), "alice"));
    grant->forwarded();
  }
  EXPECT_EQ(scene.free(), 1u);
  scene.runner.turn([&] { return scene.ledger.findByContainer(containerId('a')) != nullptr; });
  EXPECT_EQ(scene.owners.index().count("alice"), 1u);
}

TEST(LedgerService, ABrokenCreateWithoutContainerIsGivenBackAfterAllLooks) {
  Scene scene;
  scene.ready();
  {
    Answer grant = scene.create("alice", oneGpu());
    ASSERT_TRUE(grant);
    grant->forwarded();
  }
  scene.runner.turn([&] { return scene.free() == 2; });
  EXPECT_EQ(scene.engine.asked("list ds01.lease="), 3u);
}

TEST(LedgerService, AContainerThatOnlyClaimsALeaseDoesNotGetIt) {
  Scene scene;
  scene.ready();
  {
    Answer grant = scene.create("alice", oneGpu());
    ASSERT_TRUE(grant);
    ContainerView forged = Scene::viewFor(*grant, containerId('f'), "alice");
    forged.cgroup_parent.clear();  // started beside us, from an image with our labels
    scene.engine.add(forged);
    grant->forwarded();
  }
  scene.runner.turn([&] { return scene.free() == 2; });
  EXPECT_EQ(scene.ledger.findByContainer(containerId('f')), nullptr);
}

TEST(LedgerService, AnEngineThatIsAwayDecidesNothingAboutABrokenCreate) {
  Scene scene;
  scene.ready();
  LeaseId lease;
  {
    Answer grant = scene.create("alice", oneGpu());
    ASSERT_TRUE(grant);
    lease = grant->lease()->id;
    scene.engine.add(Scene::viewFor(*grant, containerId('a'), "alice"));
    grant->forwarded();
    scene.engine.away = true;
  }
  scene.runner.turn([&] { return scene.engine.asked("list ds01.lease=") > 10; });
  ASSERT_NE(scene.ledger.find(lease), nullptr);
  scene.engine.away = false;
  scene.runner.turn([&] { return scene.ledger.find(lease)->state == Lease::State::Bound; });
}

// As when the limit of a question is over: that is no word about what became of the create.
TEST(LedgerService, AnEngineThatFallsSilentDecidesNothingAboutACreateThatWasSent) {
  Scene scene;
  scene.engine.away_as = ErrorCode::Timeout;
  scene.ready();
  LeaseId lease;
  {
    Answer grant = scene.create("alice", oneGpu());
    ASSERT_TRUE(grant);
    lease = grant->lease()->id;
    grant->forwarded();
    scene.engine.away = true;
  }
  scene.runner.turn([&] { return scene.engine.asked("list ds01.lease=") > 10; });
  ASSERT_NE(scene.ledger.find(lease), nullptr);
  scene.engine.away = false;
  scene.runner.turn([&] { return scene.ledger.find(lease) == nullptr; });
}

TEST(LedgerService, AFoundContainerThatCannotBeInspectedKeepsItsLease) {
  Scene scene;
  scene.ready();
  LeaseId lease;
  {
    Answer grant = scene.create("alice", oneGpu());
    ASSERT_TRUE(grant);
    lease = grant->lease()->id;
    scene.engine.add(Scene::viewFor(*grant, containerId('a'), "alice"));
    scene.engine.damaged.insert(containerId('a'));
    grant->forwarded();
  }
  scene.runner.turn([&] { return scene.engine.asked("inspect " + containerId('a').str()) > 10; });
  ASSERT_NE(scene.ledger.find(lease), nullptr);
  scene.engine.damaged.clear();
  scene.runner.turn([&] { return scene.ledger.find(lease)->state == Lease::State::Bound; });
}

TEST(LedgerService, ABrokenCreateWithoutGpuCountsUntilItIsKnownThatThereIsNothing) {
  Scene scene(neverLooks());
  scene.limits.max_containers_per_user = 1;
  scene.ready();
  scene.create("alice")->forwarded();
  EXPECT_FALSE(scene.create("alice"));

  Scene later;
  later.limits.max_containers_per_user = 1;
  later.ready();
  later.create("alice")->forwarded();
  later.runner.turn([&] { return later.create("alice").has_value(); });
}

TEST(LedgerService, ABrokenCreateWithoutGpuIsFoundInTheList) {
  Scene scene;
  scene.limits.max_containers_per_user = 1;
  scene.ready();
  scene.create("alice")->forwarded();
  scene.engine.add(ownedView(containerId('a'), "alice", "late"));
  scene.runner.turn([&] { return scene.owners.index().count("alice") == 1; });
  const Answer second = scene.create("alice");
  ASSERT_FALSE(second);
  EXPECT_THAT(second.error().text, HasSubstr("you have 1 container (late)"));
}

TEST(LedgerService, ADestroyEventMayComeBeforeThe201) {
  Scene scene;
  scene.ready();
  Answer grant = scene.create("alice", oneGpu());
  ASSERT_TRUE(grant);
  scene.owners.forget(containerId('a'));
  scene.bind(*grant, containerId('a'), "alice");
  EXPECT_EQ(scene.free(), 2u);
  EXPECT_EQ(scene.owners.index().count("alice"), 0u);
}

TEST(LedgerService, ACreateEventBindsOnlyWhatNoRequestIsBusyWith) {
  Scene scene(neverLooks());
  scene.ready();
  LeaseId lease;
  {
    Answer grant = scene.create("alice", oneGpu());
    ASSERT_TRUE(grant);
    lease = grant->lease()->id;
    scene.engine.add(Scene::viewFor(*grant, containerId('a'), "alice"));
    scene.runner.run(scene.grants.containerCreated(containerId('a')));
    EXPECT_EQ(scene.ledger.find(lease)->state, Lease::State::Reserved);
    grant->forwarded();
  }
  scene.runner.run(scene.grants.containerCreated(containerId('a')));
  EXPECT_EQ(scene.ledger.find(lease)->state, Lease::State::Bound);
}

TEST(LedgerService, AContainerThatCameTooLateGetsItsLeaseBackIfItsGpuIsFree) {
  Scene scene;
  scene.ready();
  ContainerView late;
  {
    Answer grant = scene.create("alice", oneGpu());
    ASSERT_TRUE(grant);
    late = Scene::viewFor(*grant, containerId('a'), "alice");
    grant->forwarded();
  }
  scene.runner.turn([&] { return scene.free() == 2; });
  scene.engine.add(late);
  scene.runner.run(scene.grants.containerCreated(late.id));
  ASSERT_NE(scene.ledger.findByContainer(late.id), nullptr);
  EXPECT_EQ(scene.ledger.findByContainer(late.id)->login, "alice");
  EXPECT_EQ(scene.free(), 1u);
}

}  // namespace
}  // namespace ds01::daemon::test
