#include "daemon/adapters.h"

#include <array>
#include <filesystem>

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "support/asio_runner.h"
#include "support/fake_clock.h"
#include "support/temp_dir.h"

namespace ds01::daemon {
namespace {

using namespace std::chrono_literals;

// The callers here live in none.
class NoContainers final : public identity::posix::Containers {
 public:
  std::optional<EngineFacts> engine() const override { return EngineFacts{}; }
  boost::asio::awaitable<Result<std::optional<identity::posix::EngineContainer>>> find(ContainerId) override {
    co_return std::nullopt;
  }
};

class AdaptersTest : public testing::Test {
 protected:
  std::int64_t count(const std::string& name) const { return failures_.counters().at(name); }

  ds01::test::FakeClock clock_;
  Failures failures_{clock_};
  net::BlockingPool pool_{1, 8};
  NoContainers containers_;
  ds01::test::AsioRunner runner_;
};

TEST_F(AdaptersTest, AUserDatabaseThatDoesNotAnswerIsCounted) {
  bool away = true;
  identity::posix::UserDb users(
      pool_, clock_, {},
      [&away](std::uint32_t uid) -> Result<std::optional<User>> {
        if (away) return fail(ErrorCode::Unavailable, "directory away");
        User user;
        user.uid = uid;
        user.login = "ada";
        return std::optional<User>(std::move(user));
      },
      [](const std::string&) -> Result<std::optional<User>> { return fail(ErrorCode::Timeout, "directory hangs"); });
  identity::posix::Identifier identifier(users, containers_);
  KernelIdentities identities(identifier, users, failures_);
  std::array<int, 2> ends{};
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), 0);
  const Fd ours(ends[0]);
  const Fd theirs(ends[1]);

  EXPECT_FALSE(runner_.run(identities.identify(ours.get())));
  EXPECT_EQ(count("unanswered_user_database"), 1);
  EXPECT_FALSE(runner_.run(identities.findUser("bob")));
  EXPECT_EQ(count("unanswered_user_database"), 2);
  away = false;
  EXPECT_TRUE(runner_.run(identities.identify(ours.get())));
  EXPECT_EQ(count("unanswered_user_database"), 2);
  away = true;
  identifier.allowStale(true);
  clock_.advance(std::chrono::minutes(1));
  EXPECT_TRUE(runner_.run(identities.identify(ours.get())));
  EXPECT_EQ(count("unanswered_user_database"), 3) << "though the caller may look";
}

TEST_F(AdaptersTest, AFileSystemThatDoesNotAnswerIsCountedARefusalIsNot) {
  User ada;
  ada.uid = ::geteuid();
  ada.home = "/nowhere/ada";
  const SocketPaths sockets{.listen = "/nowhere/docker.sock", .engine = "/nowhere/engine.sock"};
  net::FairPool pool(1, 8);
  mounts::pins::Helper hung(pool, {.program = "/bin/sleep", .arguments = {"sleep", "600"}, .limit = 20ms});
  FolderPaths hung_paths(hung, sockets, failures_);
  const std::vector<std::string> sources{"/etc"};
  EXPECT_EQ(runner_.run(hung_paths.look(ada, sources)).error().code(), ErrorCode::Timeout);
  EXPECT_EQ(count("unanswered_file_system"), 1);
  mounts::pins::Helper helper(pool, {.program = DS01_PIN_CHILD, .arguments = {"pin_child"}, .limit = 60s});
  FolderPaths paths(helper, sockets, failures_);
  const auto facts = runner_.run(paths.look(ada, sources));
  ASSERT_TRUE(facts);
  EXPECT_FALSE(facts->at("/etc").refusal.empty());
  EXPECT_EQ(count("unanswered_file_system"), 1);
}

TEST_F(AdaptersTest, WhoOwnsAFolderIsSaidOfWhatIsReallyBelowTheHome) {
  const ds01::test::TempDir dir;
  const std::string home = dir.makeDir("home");
  dir.makeDir("home/code");
  dir.makeDir("elsewhere");
  std::filesystem::create_symlink(dir.file("elsewhere"), dir.file("home/link"));
  std::filesystem::create_symlink(home, dir.file("alias"));
  User ada;
  ada.uid = ::geteuid();
  ada.gid = ::getegid();
  ada.home = home;
  const SocketPaths sockets{.listen = "/nowhere/docker.sock", .engine = "/nowhere/engine.sock"};
  net::FairPool pool(1, 8);
  mounts::pins::Helper hung(pool, {.program = "/bin/sleep", .arguments = {"sleep", "600"}, .limit = 20ms});
  FolderPaths hung_paths(hung, sockets, failures_);
  EXPECT_EQ(runner_.run(hung_paths.ownerOf(ada, home)).error().code(), ErrorCode::Timeout);
  EXPECT_EQ(count("unanswered_file_system"), 1);

  mounts::pins::Helper helper(pool, {.program = DS01_PIN_CHILD, .arguments = {"pin_child"}, .limit = 60s});
  FolderPaths paths(helper, sockets, failures_);
  const std::optional<std::uint32_t> own = ::geteuid();
  for (const std::string& folder : {home, home + "/code", home + "/code/not/there/yet"}) {
    const auto owner = runner_.run(paths.ownerOf(ada, folder));
    ASSERT_TRUE(owner) << owner.error().message();
    EXPECT_EQ(*owner, own) << folder;
  }
  for (const std::string& folder : {dir.file("elsewhere"), home + "/link", home + "/link/x", home + "/../elsewhere",
                                    std::string("/etc"), std::string("relative")}) {
    const auto owner = runner_.run(paths.ownerOf(ada, folder));
    ASSERT_TRUE(owner) << owner.error().message();
    EXPECT_EQ(*owner, std::nullopt) << folder;
  }
  // A home that is reached through a link.
  ada.home = dir.file("alias");
  EXPECT_EQ(*runner_.run(paths.ownerOf(ada, dir.file("alias/code"))), own);
  EXPECT_EQ(count("unanswered_file_system"), 1);
}

}  // namespace
}  // namespace ds01::daemon
