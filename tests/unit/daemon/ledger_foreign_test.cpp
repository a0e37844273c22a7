// Containers that use GPUs past the leases: when they are seen, what they occupy, and what is told of them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/time_text.h"
#include "daemon/ledger_service.h"
#include "scene.h"

namespace ds01::daemon::test {
namespace {

using allocator::SlotState;
using testing::ElementsAre;

const ContainerId kRoots = containerId('f');

class Foreign : public testing::Test {
 protected:
  Foreign() { scene.ready(); }

  // Made by root on the Engine's socket.
  ContainerView& add(const std::string& status, std::vector<std::string> devices) {
    ContainerView view;
    view.id = kRoots;
    view.name = "roots";
    view.status = status;
    view.started = "2026-11-23T08:00:00.123456789Z";
    view.device_requests = {{"nvidia", 0, std::move(devices), true}};
    scene.engine.add(std::move(view));
    return scene.engine.containers.at(kRoots);
  }
  void start() {
    scene.engine.containers.at(kRoots).status = "running";
    scene.grants.containerStarted(kRoots);
    scene.drain();
  }
  void die(const std::string& status = "exited") {
    scene.engine.containers.at(kRoots).status = status;
    scene.grants.containerStopped(kRoots);
    scene.drain();
  }
  std::vector<SlotState> states() const {
    std::vector<SlotState> out;
    for (const allocator::SlotView& view : scene.ledger.slots()) out.push_back(view.state);
    return out;
  }
  void reconnect() {
    scene.grants.connectionLost();
    scene.ready();
    scene.drain();
  }

  Scene scene;
};

TEST_F(Foreign, IsSeenAtItsStartAndEndsWithIt) {
  add("created", {"GPU-0"});
  EXPECT_THAT(states(), ElementsAre(SlotState::Free, SlotState::Free));
  start();
  EXPECT_THAT(states(), ElementsAre(SlotState::Foreign, SlotState::Free));
  EXPECT_EQ(scene.events.count("detection.unmanaged_container"), 1u);
  EXPECT_EQ(scene.events.count("state.validation"), 0u);
  const Answer grant = scene.create("alice", oneGpu());
  ASSERT_TRUE(grant);
  EXPECT_EQ(grant->lease()->uuids, std::vector<std::string>{"GPU-1"});
  die();
  EXPECT_EQ(states().front(), SlotState::Free);
  EXPECT_EQ(scene.events.count("detection.container_exited"), 1u);
  // Known now: the next start asks nobody.
  const std::size_t asked = scene.engine.asked("inspect");
  start();
  EXPECT_EQ(states().front(), SlotState::Foreign);
  EXPECT_EQ(scene.engine.asked("inspect"), asked);
  EXPECT_EQ(scene.events.count("detection.unmanaged_container"), 2u);
}

TEST_F(Foreign, EndsWithItsRemovalAlsoIfNobodyHeardItDie) {
  add("running", {"GPU-0"});
  start();
  scene.engine.containers.erase(kRoots);
  scene.owners.forget(kRoots);
  EXPECT_EQ(states().front(), SlotState::Free);
}

TEST_F(Foreign, KeepsItsSlotsBetweenTwoAttemptsOfItsPolicy) {
  add("running", {"GPU-0"});
  start();
  die("restarting");
  EXPECT_EQ(states().front(), SlotState::Foreign);
  start();
  die("exited");
  EXPECT_EQ(states().front(), SlotState::Free);
}

TEST_F(Foreign, AnAnswerThatALaterEventHasOvertakenIsNotBelieved) {
  add("running", {"GPU-0"});
  scene.engine.hold("inspect");
  scene.grants.containerStarted(kRoots);
  scene.runner.turn([&] { return scene.engine.holds(); });
  die();  // its slots are not known yet, so nothing is asked
  scene.engine.letGo();
  scene.drain();
  EXPECT_EQ(states().front(), SlotState::Free);
}

TEST_F(Foreign, FromBeforeWeCameIsFoundWithTheTimeOfItsStart) {
  add("running", {"GPU-1"});
  reconnect();
  EXPECT_THAT(states(), ElementsAre(SlotState::Free, SlotState::Foreign));
  EXPECT_EQ(scene.ledger.slots()[1].use->since, parseRfc3339("2026-11-23T08:00:00.123456Z"));
  reconnect();
  EXPECT_EQ(scene.events.count("detection.unmanaged_container"), 1u);
  scene.engine.containers.at(kRoots).status = "exited";
  reconnect();
  EXPECT_THAT(states(), ElementsAre(SlotState::Free, SlotState::Free));
}

TEST_F(Foreign, OfALeasedSlotIsReportedAndTheLeaseStays) {
  const ContainerId train = scene.run("alice", 'a', oneGpu());
  add("running", {"GPU-0"});
  start();
  EXPECT_EQ(states().front(), SlotState::Held);
  ASSERT_EQ(scene.events.count("state.validation"), 1u);
  EXPECT_EQ(scene.engine.containers.at(kRoots).status, "running");
  scene.owners.forget(train);
  EXPECT_EQ(states().front(), SlotState::Foreign);
}

TEST_F(Foreign, AContainerOfOursThatMayMoreThanItsLeaseOccupiesTheRest) {
  Answer grant = scene.create("alice", oneGpu());
  ASSERT_TRUE(grant);
  ContainerView view = Scene::viewFor(*grant, containerId('a'), "alice");  // alice is an admin
  view.privileged = true;
  scene.engine.add(view);
  scene.bind(*grant, containerId('a'), "alice");
  scene.drain();
  scene.engine.containers.at(containerId('a')).status = "running";
  scene.grants.containerStarted(containerId('a'));
  scene.drain();
  EXPECT_THAT(states(), ElementsAre(SlotState::Held, SlotState::Foreign));
  EXPECT_EQ(scene.ledger.slots()[1].use->login, "alice");
}

TEST_F(Foreign, AContainerOnItsOwnSlotIsNotForeign) {
  Answer grant = scene.create("alice", oneGpu());
  ASSERT_TRUE(grant);
  ContainerView view = Scene::viewFor(*grant, containerId('a'), "alice");
  view.device_requests = {{"nvidia", 0, grant->lease()->uuids, true}};
  scene.engine.add(view);
  scene.bind(*grant, containerId('a'), "alice");
  scene.drain();
  scene.engine.containers.at(containerId('a')).status = "running";
  scene.grants.containerStarted(containerId('a'));
  reconnect();
  EXPECT_THAT(states(), ElementsAre(SlotState::Held, SlotState::Free));
  EXPECT_EQ(scene.events.count("detection.unmanaged_container"), 0u);
  EXPECT_EQ(scene.events.count("state.validation"), 0u);
}

TEST_F(Foreign, IsToldWhenTheDriverAnswersAfterTheEngine) {
  scene.grants.setInventory({});
  add("running", {"GPU-0"});
  reconnect();
  EXPECT_EQ(scene.events.count("detection.unmanaged_container"), 0u);
  scene.grants.setInventory(twoGpus());
  EXPECT_THAT(states(), ElementsAre(SlotState::Foreign, SlotState::Free));
  EXPECT_EQ(scene.events.count("detection.unmanaged_container"), 1u);
}

TEST_F(Foreign, TheDefaultRuntimeOfTheEngineCounts) {
  ContainerView& view = add("running", {});
  view.device_requests.clear();
  view.env = {"NVIDIA_VISIBLE_DEVICES=0"};
  reconnect();
  EXPECT_EQ(states().front(), SlotState::Free);
  scene.grants.setDefaultRuntime("nvidia");
  reconnect();
  EXPECT_EQ(states().front(), SlotState::Foreign);
}

TEST_F(Foreign, AnEngineThatDoesNotAnswerForOneContainerStopsNothing) {
  add("running", {"GPU-0"});
  scene.engine.damaged.insert(kRoots);
  reconnect();
  EXPECT_TRUE(scene.create("alice", oneGpu()));
}

}  // namespace
}  // namespace ds01::daemon::test
