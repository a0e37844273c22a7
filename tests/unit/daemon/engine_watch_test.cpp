#include "daemon/engine_watch.h"

#include <gtest/gtest.h>

#include "scene.h"

namespace ds01::daemon::test {
namespace {

// The watch never ends by itself: it goes with the runner, last of all.
struct Watched : Scene {
  Watched() : Scene(neverLooks()) {}
  void start() {
    asio::co_spawn(runner.context(), watch.run([this] { ++settled; }), asio::detached);
  }
  bool grants_now() { return create("alice").has_value(); }
  void untilCompared() {
    runner.turn([&] { return engine.followed() && grants_now(); });
  }

  static WatchPauses noWait() { return {std::chrono::milliseconds{0}, std::chrono::milliseconds{0}}; }

  Site site{std::make_shared<const config::Config>(), admission::Emitter::Sim, names};
  bool confines = false;  // the kernel's part of it
  EngineWatch watch{runner.executor(), engine, site, owners, grants, [this] { return confines; }, noWait()};
  int settled = 0;
};

TEST(EngineWatch, ComparesBeforeAnythingIsGranted) {
  Watched scene;
  scene.engine.add(leasedView(containerId('a'), "alice", "L1", "GPU-0"));
  scene.start();
  scene.runner.turn([&] { return scene.settled > 0; });
  EXPECT_TRUE(scene.site.engineFacts());
  EXPECT_NE(scene.ledger.find(LeaseId("L1")), nullptr);
  EXPECT_TRUE(scene.grants_now());
}

TEST(EngineWatch, SettlesWithoutAnEngineAndComparesWhenItComes) {
  Watched scene;
  scene.engine.away = true;
  scene.engine.add(leasedView(containerId('a'), "alice", "L1", "GPU-0"));
  scene.start();
  scene.runner.turn([&] { return scene.settled > 0; });
  EXPECT_FALSE(scene.site.engineFacts());
  EXPECT_FALSE(scene.grants_now());
  scene.engine.away = false;
  scene.untilCompared();
  EXPECT_NE(scene.ledger.find(LeaseId("L1")), nullptr);
  EXPECT_EQ(scene.settled, 1);
}

TEST(EngineWatch, GrantsNothingFromTheLossOfTheStreamToTheNextComparison) {
  Watched scene;
  scene.engine.add(leasedView(containerId('a'), "alice", "L1", "GPU-0"));
  scene.start();
  scene.untilCompared();
  scene.engine.hold("facts");
  scene.engine.breakStream();
  scene.runner.turn([&] { return scene.engine.holds(); });
  EXPECT_FALSE(scene.site.engineFacts());
  EXPECT_FALSE(scene.grants_now());
  scene.engine.containers.clear();  // its destroy event is among those that are lost
  scene.engine.letGo();
  scene.untilCompared();
  EXPECT_EQ(scene.ledger.find(LeaseId("L1")), nullptr);
}

TEST(EngineWatch, AComparisonFromBeforeALossIsNotBelieved) {
  Watched scene;
  scene.engine.add(leasedView(containerId('a'), "alice", "L1", "GPU-0"));
  scene.engine.hold("inspect");
  scene.start();
  scene.runner.turn([&] { return scene.engine.holds(); });
  scene.engine.containers.clear();
  scene.engine.breakStream();
  scene.untilCompared();
  scene.engine.letGo();
  scene.runner.context().poll();
  EXPECT_EQ(scene.ledger.find(LeaseId("L1")), nullptr);
}

TEST(EngineWatch, AComparisonThatFailsIsRepeatedWhileTheStreamLasts) {
  Watched scene;
  scene.engine.lists = false;
  scene.start();
  scene.runner.turn([&] { return scene.engine.asked("list") > 3; });
  EXPECT_EQ(scene.settled, 1);  // reads go on
  EXPECT_FALSE(scene.grants_now());
  scene.engine.lists = true;
  scene.untilCompared();
  EXPECT_EQ(scene.engine.asked("events"), 1u);
}

// A dockerd that was stopped (SIGSTOP) takes questions and answers none: each ends by its limit, at any point.
TEST(EngineWatch, AnEngineThatFallsSilentLosesNoLeaseAndIsComparedOnceItAnswers) {
  for (const char* last_answer : {"facts", "list", "inspect", "running"}) {
    Watched scene;
    scene.engine.away_as = ErrorCode::Timeout;
    scene.engine.add(leasedView(containerId('a'), "alice", "L1", "GPU-0"));
    ContainerView foreign;
    foreign.id = containerId('e');
    foreign.status = "running";
    scene.engine.add(foreign);
    scene.start();
    scene.untilCompared();
    scene.engine.hold(last_answer);
    scene.engine.breakStream();
    scene.runner.turn([&] { return scene.engine.holds(); });
    scene.engine.away = true;
    scene.engine.letGo();
    const std::size_t asked = scene.engine.calls.size();
    scene.runner.turn([&] { return scene.engine.calls.size() > asked + 20; });
    EXPECT_NE(scene.ledger.find(LeaseId("L1")), nullptr) << last_answer;
    EXPECT_NE(scene.owners.index().find(containerId('a')), nullptr) << last_answer;
    EXPECT_FALSE(scene.grants_now()) << last_answer;
    scene.engine.away = false;
    scene.untilCompared();
    EXPECT_NE(scene.ledger.find(LeaseId("L1")), nullptr) << last_answer;
    EXPECT_EQ(scene.free(), 1u) << last_answer;
  }
}

TEST(EngineWatch, AnEngineHasAppArmorIfTheKernelConfinesToo) {
  for (const bool says : {false, true}) {
    for (const bool confines : {false, true}) {
      Watched scene;
      scene.engine.apparmor = says;
      scene.confines = confines;
      scene.start();
      scene.untilCompared();
      EXPECT_EQ(scene.site.engineFacts()->apparmor, says && confines);
    }
  }
}

TEST(EngineWatch, WhetherTheEngineHasAppArmorIsAskedAnewWhenItComesBack) {
  Watched scene;
  scene.engine.apparmor = true;
  scene.confines = true;
  scene.start();
  scene.untilCompared();
  EXPECT_TRUE(scene.site.engineFacts()->apparmor);
  scene.engine.apparmor = false;
  scene.engine.breakStream();
  scene.runner.turn([&] { return !scene.engine.followed(); });
  scene.untilCompared();
  EXPECT_FALSE(scene.site.engineFacts()->apparmor);
}

TEST(EngineWatch, EventsKeepTheIndexAndEndLeases) {
  Watched scene;
  scene.start();
  scene.untilCompared();
  const ContainerId id = containerId('a');
  scene.engine.add(leasedView(id, "alice", "L1", "GPU-0"));
  scene.engine.send("create", id, {{"ds01.user", "alice"}});
  scene.runner.turn([&] { return scene.ledger.find(LeaseId("L1")) != nullptr; });
  scene.engine.send("rename", id, {{"name", "/better"}});
  ASSERT_NE(scene.owners.index().find(id), nullptr);
  EXPECT_EQ(scene.owners.index().find(id)->name, "better");
  scene.engine.send("destroy", id);
  EXPECT_EQ(scene.owners.index().find(id), nullptr);
  EXPECT_EQ(scene.free(), 2u);
}

// On SIGHUP: what the events did not tell.
TEST(EngineWatch, ComparesAgainWhenAsked) {
  Watched scene;
  scene.watch.compareNow();  // without a stream there is nothing to compare
  scene.engine.add(leasedView(containerId('a'), "alice", "L1", "GPU-0"));
  scene.start();
  scene.untilCompared();
  scene.engine.containers.clear();
  scene.watch.compareNow();
  scene.runner.turn([&] { return scene.ledger.find(LeaseId("L1")) == nullptr; });
  EXPECT_EQ(scene.engine.asked("events"), 1u);
}

TEST(EngineWatch, ARequestWhileItComparesIsOneMoreComparison) {
  Watched scene;
  scene.start();
  scene.untilCompared();
  scene.engine.add(leasedView(containerId('a'), "alice", "L1", "GPU-0"));
  scene.engine.hold("running");
  scene.watch.compareNow();
  scene.runner.turn([&] { return scene.engine.holds(); });
  scene.engine.containers.clear();
  const std::size_t lists = scene.engine.asked("running");
  scene.watch.compareNow();
  scene.watch.compareNow();
  scene.engine.letGo();
  scene.runner.turn([&] { return scene.engine.asked("running") == lists + 1; });
  scene.drain();
  EXPECT_EQ(scene.engine.asked("running"), lists + 1);
  EXPECT_EQ(scene.ledger.find(LeaseId("L1")), nullptr);
}

TEST(EngineWatch, StopsAndUpdatesReachTheLedger) {
  Watched scene;
  scene.limits.gpu_hold_after_stop = std::chrono::seconds{0};
  scene.start();
  scene.untilCompared();
  const ContainerId id = containerId('a');
  ContainerView view = leasedView(id, "alice", "L1", "GPU-0");
  view.status = "exited";
  scene.engine.add(view);
  scene.engine.send("create", id, {{"ds01.user", "alice"}});
  scene.runner.turn([&] { return scene.ledger.find(LeaseId("L1")) != nullptr; });
  scene.engine.send("stop", id);
  scene.runner.run(scene.grants.parkDue());
  ASSERT_FALSE(scene.ledger.find(LeaseId("L1"))->holds());
  scene.engine.containers.at(id).restart = {"always", 0};
  scene.engine.send("update", id);
  scene.runner.turn([&] { return scene.engine.containers.at(id).restart.none(); });
  EXPECT_EQ(scene.ledger.find(LeaseId("L1"))->restart, (RestartPolicy{"always", 0}));
  scene.engine.send("rename", id, {{"name", "/better"}});
  EXPECT_EQ(scene.ledger.find(LeaseId("L1"))->container_name, "better");
}

}  // namespace
}  // namespace ds01::daemon::test
