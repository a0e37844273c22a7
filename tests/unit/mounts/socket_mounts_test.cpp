#include "mounts/posix/socket_mounts.h"

#include <filesystem>
#include <string>

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/fd.h"
#include "support/temp_dir.h"

namespace ds01::mounts::posix {
namespace {

namespace fs = std::filesystem;

constexpr std::uint32_t kAlice = 54321;

Fd listenAt(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  EXPECT_EQ(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0) << path;
  return socket;
}

// Temporary folders are below /tmp, which has the sticky bit, as /run/user has not.
class SocketMountsTest : public testing::Test {
 protected:
  SocketMountsTest() {
    ::chmod(dir_.path().c_str(), 0755);
    dir_.makeDir("run");
    dir_.makeDir("engine");
    alice_.home = dir_.makeDir("alice");
    alice_.uid = ::geteuid() == 0 ? kAlice : ::geteuid();
    alice_.gid = ::geteuid() == 0 ? kAlice : ::getegid();
    alice_.gids = {alice_.gid};
    if (::geteuid() == 0) {
      EXPECT_EQ(::chown(alice_.home.c_str(), kAlice, kAlice), 0);
    }
    ours_ = listenAt(dir_.file("run/docker.sock"));
    engine_ = listenAt(dir_.file("engine/engine.sock"));
    EXPECT_EQ(::chmod(dir_.file("engine").c_str(), 0700), 0);
  }
  // "ours", "replaced", "-" for what is neither, or the error.
  std::string find(const std::string& source) {
    const auto found = findSocket(dir_.file("run/docker.sock"), dir_.file("engine/engine.sock"), alice_, source);
    if (!found) return std::string(toString(found.error().code()));
    if (!*found) return "-";
    EXPECT_EQ((*found)->path, fs::canonical(dir_.file("run/docker.sock")).native());
    return (*found)->replaced ? "replaced" : "ours";
  }

  test::TempDir dir_;
  User alice_;
  Fd ours_;
  Fd engine_;
};

TEST_F(SocketMountsTest, OursMayBeMountedByAnyName) {
  EXPECT_EQ(find(dir_.file("run/docker.sock")), "ours");
  EXPECT_EQ(find(dir_.file("run//./docker.sock")), "ours");
  fs::create_symlink(dir_.file("run/docker.sock"), dir_.file("alice/link"));
  fs::create_symlink(dir_.file("run"), dir_.file("alice/dir"));
  EXPECT_EQ(find(dir_.file("alice/link")), "ours");
  EXPECT_EQ(find(dir_.file("alice/dir/docker.sock")), "ours");
}

TEST_F(SocketMountsTest, TheEnginesIsReplacedByAnyName) {
  EXPECT_EQ(find(dir_.file("engine/engine.sock")), "replaced");
  EXPECT_EQ(find(dir_.file("engine/.//engine.sock")), "replaced");
  EXPECT_EQ(find("/var/run/docker.sock"), "replaced");
  EXPECT_EQ(find("/run/docker.sock"), "replaced");
  EXPECT_EQ(find("//var//run/./docker.sock/"), "replaced");
  EXPECT_EQ(::chmod(dir_.file("engine").c_str(), 0755), 0);
  fs::create_symlink(dir_.file("engine/engine.sock"), dir_.file("alice/link"));
  EXPECT_EQ(find(dir_.file("alice/link")), "replaced");
  engine_.reset();
  fs::remove(dir_.file("engine/engine.sock"));
  EXPECT_EQ(find(dir_.file("engine/engine.sock")), "replaced") << "also while it is away";
}

TEST_F(SocketMountsTest, WhatHoldsTheEnginesIsRefused) {
  EXPECT_EQ(find("/"), "permission denied");
  EXPECT_EQ(find(dir_.file("engine")), "permission denied");
  EXPECT_EQ(find(dir_.path()), "permission denied");
  fs::create_symlink(dir_.file("engine"), dir_.file("alice/dir"));
  EXPECT_EQ(find(dir_.file("alice/dir")), "permission denied");
  EXPECT_EQ(find(dir_.file("run/../engine/engine.sock")), "permission denied");
}

TEST_F(SocketMountsTest, EverythingElseIsNotItsBusiness) {
  for (const char* name : {"run", "alice", "alice/missing", "run/docker.sock2", "run/docker.sock/x"}) {
    EXPECT_EQ(find(dir_.file(name)), "-") << name;
  }
  const Fd other = listenAt(dir_.file("alice/docker.sock"));
  EXPECT_EQ(find(dir_.file("alice/docker.sock")), "-") << "a socket of her own is a file of her home";
}

TEST_F(SocketMountsTest, ASocketThatOthersCouldSwapIsNotMounted) {
  EXPECT_EQ(::chmod(dir_.file("run").c_str(), 0777), 0);
  EXPECT_EQ(find(dir_.file("run/docker.sock")), "-");
  EXPECT_EQ(find("/var/run/docker.sock"), "permission denied");
  EXPECT_EQ(::chmod(dir_.file("run").c_str(), 0775), 0);
  EXPECT_EQ(find(dir_.file("run/docker.sock")), "-") << "a group could";
  EXPECT_EQ(::chmod(dir_.file("run").c_str(), 01777), 0);
  EXPECT_EQ(find(dir_.file("run/docker.sock")), "ours") << "in such a directory everybody has his own entries";
}

TEST_F(SocketMountsTest, Root_NorOneInADirectoryOfSomebodys) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can give directories away";
  EXPECT_EQ(::chown(dir_.file("run").c_str(), kAlice, kAlice), 0);
  EXPECT_EQ(find(dir_.file("run/docker.sock")), "-");
  EXPECT_EQ(::chown(dir_.file("run").c_str(), 0, 0), 0);
  EXPECT_EQ(::lchown(dir_.file("run/docker.sock").c_str(), kAlice, kAlice), 0);
  EXPECT_EQ(find(dir_.file("run/docker.sock")), "-");
}

TEST_F(SocketMountsTest, WhatIsNoSocketIsNotOurs) {
  fs::remove(dir_.file("run/docker.sock"));
  EXPECT_EQ(find(dir_.file("run/docker.sock")), "-");
  dir_.write("run/docker.sock", "");
  EXPECT_EQ(find(dir_.file("run/docker.sock")), "-");
  EXPECT_EQ(find("/var/run/docker.sock"), "permission denied");
}

}  // namespace
}  // namespace ds01::mounts::posix
