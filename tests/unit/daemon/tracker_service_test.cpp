#include "daemon/tracker_service.h"

#include <set>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <gtest/gtest.h>

#include "support/asio_runner.h"
#include "support/fake_clock.h"
#include "unit/daemon/fake_engine.h"

namespace ds01::daemon::test {
namespace {

using ownership::Method;

ContainerId idOf(char digit) {
  return ContainerId(std::string(64, digit));
}

ContainerView foreign(char digit, std::string name, std::map<std::string, std::string> labels = {}) {
  ContainerView view;
  view.id = idOf(digit);
  view.name = std::move(name);
  view.status = "exited";
  view.created = "2025-01-01T00:00:00Z";
  view.image_id = "sha256:1";
  view.labels = std::move(labels);
  return view;
}

class TrackerServiceTest : public testing::Test {
 protected:
  TrackerServiceTest() : service(runner.executor(), parts()) {
    asio::co_spawn(runner.executor(), service.run(), asio::detached);
  }

  TrackerParts parts() {
    return {.engine = engine,
            .clock = clock,
            .proven_owner = [this](const ContainerView& view) -> std::optional<std::string> {
              const auto found = proven.find(view.id);
              return found == proven.end() ? std::nullopt : std::optional(found->second);
            },
            .is_gone = [this](const ContainerId& id) { return removed.contains(id); },
            .has_gpu = [](const ContainerView& view) { return view.privileged; },
            .find_login = [this](std::string login) { return findLogin(std::move(login)); },
            .find_uid = [this](std::uint32_t uid) { return findUid(uid); },
            .folder_owner = [this](User user, std::string folder) { return ownerOf(std::move(user), folder); },
            .on_change = [this] { ++changes; }};
  }
  asio::awaitable<Result<std::optional<User>>> findLogin(std::string login) {
    ++questions;
    if (names_away) co_return fail(ErrorCode::Timeout, "no answer");
    if (login != "alice" && login != "bob") co_return std::nullopt;
    User user;
    user.login = login;
    user.uid = login == "alice" ? 1001 : 1002;
    co_return user;
  }
  asio::awaitable<Result<std::optional<User>>> findUid(std::uint32_t uid) {
    std::string login = uid == 1001 ? "alice" : uid == 1002 ? "bob" : "nobody";
    co_return co_await findLogin(std::move(login));
  }
  asio::awaitable<Result<std::optional<std::uint32_t>>> ownerOf(User user, std::string) {
    if (files_away) co_return fail(ErrorCode::Timeout, "the file system does not answer");
    co_return user.uid;
  }

  void settle() {
    runner.turn([this] { return service.idle(); });
  }
  std::optional<std::string> ownerOf(char digit) {
    const ownership::DocumentEntry* entry = service.find(idOf(digit));
    return entry == nullptr ? "(not known)" : entry->owner.owner;
  }

  ds01::test::AsioRunner runner;
  ds01::test::FakeClock clock;
  FakeEngine engine{runner.executor()};
  std::map<ContainerId, std::string> proven;
  std::set<ContainerId> removed;
  bool names_away = false;
  bool files_away = false;
  int changes = 0;
  int questions = 0;
  TrackerService service;
};

TEST_F(TrackerServiceTest, FindsAllThatTheEngineHasAlsoStoppedOnes) {
  engine.add(foreign('a', "torch._.1001"));
  engine.add(foreign('b', "web", {{"ds01.user", "bob"}}));
  engine.add(foreign('c', "roots"));
  service.lookAtAll();
  settle();
  EXPECT_EQ(ownerOf('a'), "alice");
  EXPECT_EQ(ownerOf('b'), "bob");
  EXPECT_EQ(ownerOf('c'), std::nullopt);
  EXPECT_EQ(service.namedFor("alice"), std::vector{idOf('a')});
  EXPECT_EQ(service.namedOwner(idOf('b')), "bob");
  EXPECT_EQ(service.namedOwner(idOf('c')), std::nullopt);
  EXPECT_EQ(service.all().size(), 3u);
  // What has vanished meanwhile is gone with the next look.
  engine.containers.erase(idOf('a'));
  service.lookAtAll();
  settle();
  EXPECT_EQ(ownerOf('a'), "(not known)");
  EXPECT_TRUE(service.namedFor("alice").empty());
}

TEST_F(TrackerServiceTest, WhatIsProvenIsNotNamed) {
  ContainerView view = foreign('a', "x._.1002", {{"ds01.user", "alice"}, {"ds01.container_type", "compose"}});
  view.labels["ds01.lease"] = "L1";
  proven[view.id] = "alice";
  service.noticed(view);
  settle();
  const ownership::DocumentEntry* entry = service.find(view.id);
  ASSERT_NE(entry, nullptr);
  EXPECT_TRUE(entry->proven);
  EXPECT_TRUE(entry->has_gpu);
  EXPECT_EQ(entry->interface, "compose");
  EXPECT_EQ(entry->owner, (ownership::Tracked{.owner = "alice", .uid = 1001, .method = Method::Ds01Label}));
  EXPECT_EQ(service.namedOwner(view.id), std::nullopt);
  EXPECT_TRUE(service.namedFor("alice").empty());
  EXPECT_TRUE(service.namedFor("bob").empty());
}

TEST_F(TrackerServiceTest, WhatTheImageSaysCountsForNothing) {
  engine.images["sha256:1"].labels = {{"ds01.user", "bob"}};
  service.noticed(foreign('a', "web", {{"ds01.user", "bob"}}));
  settle();
  EXPECT_EQ(ownerOf('a'), std::nullopt);
}

TEST_F(TrackerServiceTest, AFolderGivesAnOwnerAndNoRights) {
  ContainerView view = foreign('a', "web");
  view.binds = {"/home/alice/code"};
  service.noticed(view);
  settle();
  EXPECT_EQ(ownerOf('a'), "alice");
  EXPECT_EQ(service.find(view.id)->owner.method, Method::MountPath);
  EXPECT_EQ(service.namedOwner(view.id), std::nullopt);
  EXPECT_TRUE(service.namedFor("alice").empty());
}

TEST_F(TrackerServiceTest, WhatIsReservedToAdministratorsNamesNobody) {
  service.noticed(foreign('a', "x._.1001", {{"ds01.protected", "true"}}));
  service.noticed(foreign('b', "y._.1001", {{"ds01.monitoring", "true"}}));
  settle();
  EXPECT_EQ(ownerOf('a'), "alice");
  EXPECT_EQ(service.namedOwner(idOf('a')), std::nullopt);
  EXPECT_EQ(service.namedOwner(idOf('b')), std::nullopt);
}

TEST_F(TrackerServiceTest, WhatDoesNotAnswerIsNotVerifiedAndAskedAgain) {
  names_away = true;
  engine.add(foreign('a', "x._.1001", {{"ds01.user", "alice"}}));
  service.lookAtAll();
  settle();
  EXPECT_EQ(ownerOf('a'), std::nullopt);
  EXPECT_FALSE(service.find(idOf('a'))->owner.certain);
  names_away = false;
  service.lookAtAll();
  settle();
  EXPECT_EQ(ownerOf('a'), "alice");
}

// A later claim must not win because an earlier one could not be asked about.
TEST_F(TrackerServiceTest, AFolderThatHangsIsNobodys) {
  files_away = true;
  ContainerView view = foreign('a', "web", {{"com.docker.compose.project.working_dir", "/home/bob/x"}});
  view.binds = {"/home/alice/code"};
  service.noticed(view);
  settle();
  EXPECT_EQ(ownerOf('a'), std::nullopt);
  EXPECT_FALSE(service.find(view.id)->owner.certain);
}

TEST_F(TrackerServiceTest, ARenameCanNameAnotherOwner) {
  engine.add(foreign('a', "x._.1001"));
  service.appeared(idOf('a'));
  settle();
  EXPECT_EQ(ownerOf('a'), "alice");
  engine.containers.at(idOf('a')).name = "x._.1002";
  service.renamed(idOf('a'), "x._.1002");
  EXPECT_EQ(service.find(idOf('a'))->name, "x._.1002");
  settle();
  EXPECT_EQ(ownerOf('a'), "bob");
  EXPECT_TRUE(service.namedFor("alice").empty());
  EXPECT_EQ(service.namedFor("bob"), std::vector{idOf('a')});
}

TEST_F(TrackerServiceTest, AnAnswerThatComesAfterTheRemovalRevivesNothing) {
  engine.add(foreign('a', "x._.1001"));
  engine.hold("inspect");
  service.appeared(idOf('a'));
  runner.turn([this] { return engine.holds(); });
  removed.insert(idOf('a'));
  service.gone(idOf('a'));
  engine.letGo();
  settle();
  EXPECT_EQ(ownerOf('a'), "(not known)");
}

TEST_F(TrackerServiceTest, TellsOfChangesAndOfNothingElse) {
  service.noticed(foreign('a', "x._.1001"));
  settle();
  EXPECT_EQ(changes, 1);
  const int asked = questions;
  for (int i = 0; i < 3; ++i) service.noticed(foreign('a', "x._.1001"));
  settle();
  EXPECT_EQ(changes, 1);
  EXPECT_EQ(questions, asked);
  service.gone(idOf('a'));
  service.gone(idOf('a'));
  EXPECT_EQ(changes, 2);
}

}  // namespace
}  // namespace ds01::daemon::test
