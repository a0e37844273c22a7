#include "daemon/pin_service.h"

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mounts/pins/pin_directory.h"
#include "support/asio_runner.h"
#include "support/fake_clock.h"
#include "support/temp_dir.h"
#include "unit/daemon/fake_engine.h"

namespace ds01::daemon {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

constexpr std::uint32_t kAlice = 54321;

#define SKIP_UNLESS_ROOT() \
  if (::geteuid() != 0) GTEST_SKIP() << "only root can mount"

// The service with a real disk and the real process that mounts; the Engine is a fake.
class PinServiceTest : public testing::Test {
 protected:
  PinServiceTest() {
    ::chmod(dir_.path().c_str(), 0755);
    alice_.uid = kAlice;
    alice_.gid = kAlice;
    alice_.gids = {kAlice};
    alice_.login = "alice";
    alice_.home = dir_.makeDir("alice");
    dir_.makeDir("alice/data");
    for (const char* name : {"alice", "alice/data"}) {
      if (::geteuid() == 0) {
        EXPECT_EQ(::chown(dir_.file(name).c_str(), kAlice, kAlice), 0);
      }
    }
    EXPECT_TRUE(files_.read());
    service_.emplace(runner_.executor(), parts(), settings());
  }
  ~PinServiceTest() override {
    const std::string pins = dir_.file("pins");
    for (const std::string& token : mounts::pins::tokensIn(pins)) mounts::pins::removeToken(pins, token);
    if (fs::exists(pins)) mounts::pins::unmountAll(pins);
  }
  PinServiceTest(const PinServiceTest&) = delete;
  PinServiceTest& operator=(const PinServiceTest&) = delete;

  PinParts parts() {
    return {helper_,
            engine_,
            disk_,
            [this](std::string) -> boost::asio::awaitable<Result<std::optional<User>>> {
              ++looked_up_;
              if (away_) co_return fail(ErrorCode::Timeout, "the directory is away");
              co_return gone_ ? std::nullopt : std::optional(alice_);
            },
            clock_,
            [this](std::string_view) { ++unanswered_; }};
  }
  PinSettings settings() {
    return {.listen = dir_.file("docker.sock"),
            .engine = dir_.file("engine.sock"),
            .directory = dir_.file("pins"),
            .files = files_};
  }
  // A daemon that starts on what the last one left.
  void restart() {
    service_.emplace(runner_.executor(), parts(), settings());
    service_->restore(files_.read().value().records);
  }
  std::expected<gateway::PinHold, Denial> hold(std::vector<std::string> users = {""}, std::size_t count = 1) {
    std::vector<admission::PinnedBind> binds(count, {.source = dir_.file("alice/data"), .bind = "the bind"});
    return runner_.run(service_->hold(alice_, std::move(binds), std::move(users)));
  }
  std::size_t records() { return files_.read().value().records.size(); }
  // What the service does beside its answers.
  void settle() {
    runner_.turn([this] { return mounts::pins::tokensIn(dir_.file("pins")).empty() && records() == 0; });
  }
  ContainerView container(const std::string& id, const std::string& pin) {
    ContainerView view;
    view.id = ContainerId(id);
    view.bind_mounts = {"/elsewhere", pin};
    return view;
  }
  std::uint32_t shownUid(const std::string& pin) {
    struct stat there{};
    EXPECT_EQ(::stat(pin.c_str(), &there), 0);
    return there.st_uid;
  }

  ds01::test::TempDir dir_;
  User alice_;
  bool away_ = false;
  bool gone_ = false;
  int looked_up_ = 0;
  int unanswered_ = 0;
  ds01::test::AsioRunner runner_;
  test::FakeEngine engine_{runner_.executor()};
  net::FairPool pool_{2, 8};
  net::BlockingPool disk_{1, 64};
  mounts::pins::Helper helper_{pool_, {.program = DS01_PIN_CHILD, .arguments = {"pin_child"}, .limit = 60s}};
  ds01::test::FakeClock clock_;
  PinFiles files_{dir_.file("records")};
  std::optional<PinService> service_;
};

TEST_F(PinServiceTest, Root_WhatIsHeldIsMountedAndOnDisk) {
  SKIP_UNLESS_ROOT();
  auto held = hold({""}, 2);
  ASSERT_TRUE(held) << held.error().text;
  ASSERT_EQ(held->paths().size(), 2U);
  for (const std::string& path : held->paths()) EXPECT_TRUE(mounts::pins::isMounted(path)) << path;
  EXPECT_EQ(records(), 1U);
  const auto shown = service_->sourceOf(held->paths()[1], "alice");
  ASSERT_TRUE(shown);
  EXPECT_EQ(shown->source, dir_.file("alice/data"));
  EXPECT_EQ(shown->bind, "the bind");
  EXPECT_TRUE(service_->sourceOf(held->paths()[1], ""));
  EXPECT_FALSE(service_->sourceOf(held->paths()[1], "bob"));
  EXPECT_FALSE(service_->sourceOf(held->paths()[1] + "1", "alice"));
  EXPECT_FALSE(service_->sourceOf(held->paths()[1] + "/x", "alice"));
  EXPECT_FALSE(service_->sourceOf(service_->directory(), ""));
  held->refused();
  settle();
}

TEST_F(PinServiceTest, Root_AHoldThatIsDroppedGivesItsPinsBack) {
  SKIP_UNLESS_ROOT();
  {
    const auto held = hold();
  }
  settle();
}

TEST_F(PinServiceTest, Root_PinsGoWithTheirContainer) {
  SKIP_UNLESS_ROOT();
  auto held = hold();
  ASSERT_TRUE(held);
  held->forwarded();
  ASSERT_TRUE(runner_.run(held->bind(ContainerId("c1"), {""})));
  EXPECT_TRUE(service_->has(ContainerId("c1")));
  EXPECT_TRUE(service_->writable(ContainerId("c1")));
  EXPECT_FALSE(service_->unmapped(ContainerId("c1")));
  EXPECT_FALSE(runner_.run(service_->pinAgain(ContainerId("c1"), false)));
  EXPECT_FALSE(runner_.run(service_->pinAgain(ContainerId("another"), false)));
  service_->gone(ContainerId("c1"));
  EXPECT_FALSE(service_->has(ContainerId("c1")));
  settle();
}

TEST_F(PinServiceTest, Root_WhatBecameOfAnUnansweredCreateIsLearnedFromTheEngine) {
  SKIP_UNLESS_ROOT();
  std::string made;
  {
    auto first = hold();
    auto second = hold();
    made = first->paths()[0];
    first->forwarded();
    second->forwarded();
  }
  EXPECT_EQ(records(), 2U) << "nobody knows yet";
  service_->noticed(container("c1", made));
  service_->allNoticed();
  runner_.turn([this] { return records() == 1; });
  EXPECT_TRUE(service_->has(ContainerId("c1")));
  service_->gone(ContainerId("c1"));
  settle();
}

TEST_F(PinServiceTest, Root_TheNamedUserOfAContainerSeesItsOwnersFilesAsItsOwn) {
  SKIP_UNLESS_ROOT();
  engine_.files["/etc/passwd"] = "root:x:0:0::/:/bin/sh\njovyan:x:1000:100::/:/bin/sh\n";
  auto held = hold({"nobody-knows", "jovyan"});
  ASSERT_TRUE(held);
  const std::string pin = held->paths()[0];
  EXPECT_EQ(shownUid(pin), 0U);
  ASSERT_TRUE(runner_.run(held->bind(ContainerId("c1"), {"nobody-knows", "jovyan"})));
  EXPECT_EQ(shownUid(pin), 1000U);
  EXPECT_EQ(files_.read().value().records.at(0).view, (mounts::ViewIds{1000, 100})) << "and after a restart";
}

TEST_F(PinServiceTest, Root_AStartIsRefusedWhenTheFolderOrItsOwnerIsNoMore) {
  SKIP_UNLESS_ROOT();
  auto held = hold();
  ASSERT_TRUE(runner_.run(held->bind(ContainerId("c1"), {""})));
  away_ = true;
  EXPECT_EQ(runner_.run(service_->pinAgain(ContainerId("c1"), false))->http_status, 503);
  away_ = false;
  gone_ = true;
  EXPECT_EQ(runner_.run(service_->pinAgain(ContainerId("c1"), false))->http_status, 403);
  gone_ = false;
  fs::rename(dir_.file("alice/data"), dir_.file("alice/moved"));
  fs::create_symlink("/etc", dir_.file("alice/data"));
  EXPECT_EQ(runner_.run(service_->pinAgain(ContainerId("c1"), false))->http_status, 403);
  fs::remove(dir_.file("alice/data"));
  EXPECT_EQ(runner_.run(service_->pinAgain(ContainerId("c1"), false))->http_status, 400);
}

TEST_F(PinServiceTest, Root_ARestartFindsItsPinsAndMountsWhatIsNotMounted) {
  SKIP_UNLESS_ROOT();
  auto first = hold();
  auto second = hold();
  const std::string kept = first->paths()[0];
  const std::string lost = second->paths()[0];
  first->forwarded();
  second->forwarded();
  mounts::pins::unmountAll(lost);
  restart();
  runner_.run(service_->putInOrder());
  EXPECT_TRUE(mounts::pins::isMounted(kept));
  EXPECT_TRUE(mounts::pins::isMounted(lost));
  EXPECT_EQ(looked_up_, 1) << "what is mounted is left alone";
  service_->noticed(container("c1", kept));
  EXPECT_TRUE(service_->has(ContainerId("c1")));
  // The old service's holds must not outlive it.
  first->refused();
  second->refused();
}

TEST_F(PinServiceTest, AFolderThatDoesNotAnswerIsA503AndCountedARefusalIsNot) {
  mounts::pins::Helper hung(pool_, {.program = "/bin/sleep", .arguments = {"sleep", "600"}, .limit = 20ms});
  PinParts with_hung{hung, engine_, disk_, parts().find_user, clock_, [this](std::string_view) { ++unanswered_; }};
  PinService service(runner_.executor(), with_hung, settings());
  std::vector<admission::PinnedBind> binds{{.source = dir_.file("alice/data")}};
  const auto denied = runner_.run(service.hold(alice_, binds, {""}));
  ASSERT_FALSE(denied);
  EXPECT_EQ(denied.error().http_status, 503);
  EXPECT_EQ(unanswered_, 1);
  binds.front().source = "/etc";
  EXPECT_EQ(runner_.run(service_->hold(alice_, binds, {""})).error().http_status, ::geteuid() == 0 ? 403 : 503);
  EXPECT_EQ(unanswered_, ::geteuid() == 0 ? 1 : 2);
  // What is left to be unmounted fails beside this, and must not outlive the service.
  runner_.turn([this] { return records() <= 1; });
}

TEST_F(PinServiceTest, AContainerWithoutARecordDoesNotStart) {
  service_->noticed(container("c1", dir_.file("pins") + "/0af/0"));
  EXPECT_EQ(runner_.run(service_->pinAgain(ContainerId("c1"), false))->reason, "pins_lost");
  EXPECT_TRUE(service_->unmapped(ContainerId("c1"))) << "what it mounts is not known, so the worst is assumed";
  EXPECT_TRUE(service_->writable(ContainerId("c1")));
  service_->gone(ContainerId("c1"));
  EXPECT_FALSE(runner_.run(service_->pinAgain(ContainerId("c1"), false)));
}

TEST_F(PinServiceTest, AUsersContainerFromBeforeThereWerePinsIsStartedByAdminsOnly) {
  ContainerView view;
  view.id = ContainerId("c1");
  view.labels["ds01.user"] = "alice";
  view.binds = {dir_.file("docker.sock")};
  service_->noticed(view);
  EXPECT_FALSE(runner_.run(service_->pinAgain(view.id, false))) << "the socket is no folder";
  view.binds.push_back("/home/alice/x");
  service_->noticed(view);
  EXPECT_EQ(runner_.run(service_->pinAgain(view.id, false))->reason, "pins_missing");
  EXPECT_FALSE(runner_.run(service_->pinAgain(view.id, true)));
  EXPECT_TRUE(service_->has(view.id));
  ContainerView roots = view;
  roots.id = ContainerId("c2");
  roots.labels.clear();
  service_->noticed(roots);
  EXPECT_FALSE(runner_.run(service_->pinAgain(roots.id, false)));
  view.id = ContainerId("c3");
  view.labels[std::string(admission::kRunsAs)] = "";
  service_->noticed(view);
  EXPECT_FALSE(runner_.run(service_->pinAgain(view.id, false))) << "what an administrator has made since";
}

TEST_F(PinServiceTest, Root_ACreateThatIsAnsweredAfterItsContainerHasGoneKeepsNothing) {
  SKIP_UNLESS_ROOT();
  auto held = hold();
  service_->gone(ContainerId("c1"));
  ASSERT_TRUE(runner_.run(held->bind(ContainerId("c1"), {""})));
  EXPECT_FALSE(service_->has(ContainerId("c1")));
  settle();
}

TEST_F(PinServiceTest, NobodyHasMoreThanSoMany) {
  const auto denied = hold({""}, PinService::kMostPins + 1);
  ASSERT_FALSE(denied);
  EXPECT_EQ(denied.error().reason, "too_many_binds");
  EXPECT_EQ(records(), 0U);
}

TEST_F(PinServiceTest, FilesThatAreNotUnderstoodAreSetAside) {
  dir_.write("records/0af.json", "{");
  const auto saved = files_.read();
  ASSERT_TRUE(saved);
  EXPECT_TRUE(saved->records.empty());
  ASSERT_EQ(saved->warnings.size(), 1U);
  EXPECT_TRUE(files_.read().value().warnings.empty());
}

}  // namespace
}  // namespace ds01::daemon
