#include "daemon/owner_service.h"

#include <gtest/gtest.h>

#include "scene.h"

namespace ds01::daemon::test {
namespace {

TEST(OwnerService, NamesAndPrefixesAreTheEnginesToResolve) {
  Scene scene;
  scene.engine.add(ownedView(containerId('a'), "alice", "train"));
  for (const std::string& ref : {std::string("train"), std::string("aaaaaa"), containerId('a').str()}) {
    const Result<gateway::OwnedContainer> found = scene.runner.run(scene.owners.find(ref));
    ASSERT_TRUE(found) << ref;
    EXPECT_EQ(found->id, containerId('a'));
    EXPECT_EQ(found->name, "train");
    EXPECT_EQ(found->owner, "alice");
  }
  // A full id that is known needs no question; a name is asked each time, because it may mean another one by now.
  EXPECT_EQ(scene.engine.calls.size(), 2u);
  scene.engine.containers.clear();
  scene.engine.add(ownedView(containerId('b'), "bob", "train"));
  EXPECT_EQ(scene.runner.run(scene.owners.find("train"))->owner, "bob");
}

TEST(OwnerService, ALabelWithoutTheSliceIsNobodys) {
  Scene scene;
  ContainerView view = ownedView(containerId('a'), "alice", "train");
  view.cgroup_parent = "ds01-student-bob.slice";
  scene.engine.add(view);
  const Result<gateway::OwnedContainer> found = scene.runner.run(scene.owners.find("train"));
  ASSERT_TRUE(found);
  EXPECT_FALSE(found->owner);
  EXPECT_EQ(scene.owners.index().count("alice"), 0u);
}

TEST(OwnerService, ErrorsAreTheEngines) {
  Scene scene;
  const Result<gateway::OwnedContainer> missing = scene.runner.run(scene.owners.find("nothing"));
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code(), ErrorCode::NotFound);
  EXPECT_EQ(missing.error().message(), "No such container: nothing");
  scene.engine.away = true;
  EXPECT_EQ(scene.runner.run(scene.owners.find("nothing")).error().code(), ErrorCode::Unavailable);
}

TEST(OwnerService, WhatWasRemovedKeepsItsOwnerByItsIdAndLosesItsName) {
  Scene scene;
  scene.engine.add(ownedView(containerId('a'), "alice", "train"));
  ASSERT_TRUE(scene.runner.run(scene.owners.find("train")));
  scene.engine.containers.clear();
  scene.runner.run(scene.owners.removed(containerId('a')));
  const Result<gateway::OwnedContainer> found = scene.runner.run(scene.owners.find(containerId('a').str()));
  ASSERT_TRUE(found);
  EXPECT_EQ(found->owner, "alice");
  EXPECT_FALSE(scene.runner.run(scene.owners.find("train")));
}

TEST(OwnerService, AnInspectThatADestroyEventOvertakesRevivesNothing) {
  Scene scene;
  scene.engine.add(ownedView(containerId('a'), "alice"));
  scene.engine.hold("inspect");
  const auto learnt = scene.runUntilHeld(scene.owners.learn(containerId('a')));
  scene.owners.forget(containerId('a'));
  EXPECT_TRUE(scene.finish(learnt));
  EXPECT_EQ(scene.owners.index().size(), 0u);
}

TEST(OwnerService, TellsOnceThatAContainerIsGoneWhenTheEngineSaysSo) {
  ds01::test::AsioRunner runner;
  FakeEngine engine(runner.executor());
  SliceNames names(runner.executor(), [](const std::string&, const std::function<void(Status)>& done) { done({}); });
  std::vector<ContainerId> gone;
  OwnerService owners(engine, names, {.removed = [&](const ContainerId& id) { gone.push_back(id); }});
  engine.add(ownedView(containerId('a'), "alice"));
  ASSERT_TRUE(runner.run(owners.learn(containerId('a'))));
  engine.away = true;
  EXPECT_FALSE(runner.run(owners.learn(containerId('a'))));
  EXPECT_TRUE(gone.empty());
  engine.away = false;
  engine.containers.clear();
  EXPECT_FALSE(runner.run(owners.learn(containerId('a'))));
  EXPECT_FALSE(runner.run(owners.learn(containerId('a'))));
  EXPECT_EQ(gone, std::vector<ContainerId>{containerId('a')});
}

TEST(OwnerService, RememberedExecsNeedNoQuestion) {
  Scene scene;
  scene.engine.add(ownedView(containerId('a'), "alice"));
  scene.engine.execs = {{"e1", containerId('a')}};
  for (int i = 0; i < 2; ++i) {
    const Result<gateway::OwnedContainer> found = scene.runner.run(scene.owners.findExec("e1"));
    ASSERT_TRUE(found);
    EXPECT_EQ(found->owner, "alice");
  }
  EXPECT_EQ(scene.engine.asked("exec"), 1u);
  scene.owners.rememberExec("e2", {containerId('a'), "job", "alice"});
  EXPECT_TRUE(scene.runner.run(scene.owners.findExec("e2")));
  EXPECT_EQ(scene.engine.asked("exec"), 1u);
  EXPECT_EQ(scene.runner.run(scene.owners.findExec("e3")).error().code(), ErrorCode::NotFound);
}

}  // namespace
}  // namespace ds01::daemon::test
