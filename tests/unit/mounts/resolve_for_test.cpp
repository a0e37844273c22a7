#include <algorithm>
#include <functional>
#include <future>
#include <string>
#include <vector>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/fsuid.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"
#include "mounts/posix/borrowed_credentials.h"
#include "mounts/posix/resolve_below.h"
#include "support/temp_dir.h"

namespace ds01::mounts::posix {
namespace {

constexpr std::uint32_t kAlice = 54321;
constexpr std::uint32_t kProject = 54400;

#define SKIP_UNLESS_ROOT() \
  if (::geteuid() != 0) GTEST_SKIP() << "only root can look with somebody else's rights"

class ResolveForTest : public testing::Test {
 protected:
  ResolveForTest() {
    ::chmod(dir_.path().c_str(), 0755);
    alice_.uid = kAlice;
    alice_.gid = kAlice;
    alice_.gids = {kAlice};
    alice_.login = "alice";
    alice_.home = dir_.makeDir("alice");
    own("alice", kAlice, kAlice, 0700);
  }
  void own(const std::string& name, uid_t uid, gid_t gid, mode_t mode) {
    if (::geteuid() == 0) {
      EXPECT_EQ(::chown(dir_.file(name).c_str(), uid, gid), 0);
    }
    EXPECT_EQ(::chmod(dir_.file(name).c_str(), mode), 0);
  }
  Result<Source> resolveSource(const std::string& name) {
    const auto borrowed = BorrowedCredentials::take(alice_);
    return borrowed ? resolveFor(alice_, roots_, dir_.file(name)) : fail(borrowed.error());
  }
  Result<std::string> resolve(const std::string& name) {
    const auto source = resolveSource(name);
    return source ? Result<std::string>(source->path) : fail(source.error());
  }

  test::TempDir dir_;
  User alice_;
  Roots roots_;
};

TEST_F(ResolveForTest, Root_AHomeOfSomebodyElsesIsNotToBeMounted) {
  SKIP_UNLESS_ROOT();
  dir_.makeDir("alice/data");
  EXPECT_TRUE(resolve("alice/data"));
  own("alice", 0, 0, 0755);
  const auto refused = resolve("alice/data");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), ErrorCode::PermissionDenied);
}

TEST_F(ResolveForTest, Root_LooksWithTheUsersRights) {
  SKIP_UNLESS_ROOT();
  dir_.makeDir("alice/mine");
  own("alice/mine", kAlice, kAlice, 0700);
  dir_.makeDir("alice/roots/inner");
  own("alice/roots", 0, 0, 0700);
  dir_.makeDir("alice/projects/inner");
  own("alice/projects", 0, kProject, 0750);

  EXPECT_EQ(resolve("alice/mine/new").value(), dir_.file("alice/mine/new"))
      << "a private home, as on root-squashed NFS";
  EXPECT_FALSE(resolve("alice/roots/inner")) << "root could enter it, alice cannot";
  EXPECT_FALSE(resolve("alice/projects/inner"));
  alice_.gids.push_back(kProject);
  EXPECT_EQ(resolve("alice/projects/inner").value(), dir_.file("alice/projects/inner"));
  alice_.gids.pop_back();
  EXPECT_FALSE(resolve("alice/projects/inner")) << "groups of an earlier look do not stay";
}

TEST_F(ResolveForTest, Root_BelowASharedRootOneMountsWhatOneCanReadAndWritesWhereOneCanWrite) {
  SKIP_UNLESS_ROOT();
  dir_.makeDir("scratch/alice");
  dir_.makeDir("scratch/bob/open");
  dir_.makeDir("scratch/sets");
  dir_.write("scratch/sets/file", "x");
  own("scratch", 0, 0, 01777);
  own("scratch/alice", kAlice, kAlice, 0700);
  own("scratch/bob", kAlice + 1, kAlice + 1, 0700);
  own("scratch/bob/open", kAlice + 1, kAlice + 1, 0777);
  own("scratch/sets", 0, 0, 0755);
  own("scratch/sets/file", 0, 0, 0644);
  roots_ = {.home = true, .directories = {dir_.file("scratch")}};

  EXPECT_TRUE(resolveSource("scratch/alice").value().writable);
  EXPECT_TRUE(resolveSource("scratch/alice/new").value().writable);
  EXPECT_FALSE(resolveSource("scratch/sets").value().writable);
  EXPECT_FALSE(resolveSource("scratch/sets/file").value().writable);
  EXPECT_FALSE(resolve("scratch/sets/new")) << "the Engine would make it as root";
  EXPECT_FALSE(resolve("scratch/bob")) << "root in a container would read it";
  EXPECT_FALSE(resolve("scratch/bob/open"));
  EXPECT_FALSE(resolve("scratch")) << "bob's files are below it";
  EXPECT_TRUE(resolve("alice"));
}

TEST_F(ResolveForTest, Root_AHomeOfSomebodyElsesLeavesTheOtherRoots) {
  SKIP_UNLESS_ROOT();
  dir_.makeDir("scratch/alice");
  own("scratch/alice", kAlice, kAlice, 0700);
  own("alice", 0, 0, 0755);
  roots_ = {.home = true, .directories = {dir_.file("scratch")}};
  EXPECT_TRUE(resolve("scratch/alice"));
  EXPECT_FALSE(resolve("alice"));
}

TEST_F(ResolveForTest, Root_TheThreadIsRootAgainAfterwards) {
  SKIP_UNLESS_ROOT();
  ASSERT_TRUE(resolve("alice"));
  const std::string roots = dir_.makeDir("roots");
  own("roots", 0, 0, 0700);
  const std::string file = dir_.write("roots/file", "x");
  const Fd open(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
  EXPECT_TRUE(open.valid());
  EXPECT_EQ(::setfsuid(static_cast<uid_t>(-1)), 0);
  EXPECT_EQ(::setfsgid(static_cast<gid_t>(-1)), 0);
}

TEST_F(ResolveForTest, Root_NoOtherThreadNotices) {
  SKIP_UNLESS_ROOT();
  std::vector<gid_t> before(static_cast<std::size_t>(::getgroups(0, nullptr)));
  ::getgroups(static_cast<int>(before.size()), before.data());
  std::promise<void> taken;
  std::promise<void> looked;
  const std::function<Result<bool>()> work = [&, user = alice_]() -> Result<bool> {
    const auto borrowed = BorrowedCredentials::take(user);
    const bool mine = borrowed && ::setfsuid(static_cast<uid_t>(-1)) == static_cast<int>(kAlice);
    taken.set_value();
    looked.get_future().wait();
    return mine;
  };
  auto result = std::async(std::launch::async, work);
  taken.get_future().wait();
  EXPECT_EQ(::setfsuid(static_cast<uid_t>(-1)), 0);
  EXPECT_EQ(::geteuid(), 0U);
  std::vector<gid_t> during(static_cast<std::size_t>(::getgroups(0, nullptr)));
  ::getgroups(static_cast<int>(during.size()), during.data());
  EXPECT_EQ(during, before);
  looked.set_value();
  EXPECT_TRUE(result.get().value());
}

TEST_F(ResolveForTest, RootItselfAndOtherProcessesNeedNoSwitch) {
  User root;
  const auto borrowed = BorrowedCredentials::take(root);
  ASSERT_TRUE(borrowed);
  EXPECT_EQ(::setfsuid(static_cast<uid_t>(-1)), static_cast<int>(::geteuid()));
}

TEST_F(ResolveForTest, WhatIsNoPathIsNotLookedAt) {
  EXPECT_EQ(resolveFor(alice_, roots_, "relative").error().code(), ErrorCode::InvalidArgument);
  EXPECT_EQ(resolveFor(alice_, roots_, "/a/../b").error().code(), ErrorCode::PermissionDenied);
}

}  // namespace
}  // namespace ds01::mounts::posix
