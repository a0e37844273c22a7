#include "identity/posix/peer.h"

#include <filesystem>
#include <string>

#include <gtest/gtest.h>
#include <sys/fsuid.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "child_peer.h"
#include "support/temp_dir.h"

namespace ds01::identity::posix {
namespace {

namespace fs = std::filesystem;
using test::TempDir;

#define SKIP_UNLESS_ROOT() \
  if (::geteuid() != 0) GTEST_SKIP() << "only root can become somebody else"

TEST(ReadPeer, AProcessIsProvenWhileItLives) {
  ChildPeer child({});
  ASSERT_TRUE(child.connected());
  const PosixPeer peer = readPeer(child.socket());
  EXPECT_EQ(peer.facts.proof, Proof::Proven);
  EXPECT_EQ(peer.facts.uid, ::geteuid());
  EXPECT_EQ(peer.facts.gid, ::getegid());
  EXPECT_EQ(peer.facts.pid, child.pid());
  EXPECT_EQ(peer.facts.user_namespace, peer.facts.host_user_namespace);
  EXPECT_EQ(peer.facts.pid_namespace, peer.facts.host_pid_namespace);
  EXPECT_NE(peer.facts.user_namespace, peer.facts.pid_namespace);
  EXPECT_TRUE(processAlive(peer.pidfd));
  child.exit(false);
  EXPECT_FALSE(processAlive(peer.pidfd));
  child.exit(true);
  EXPECT_FALSE(processAlive(peer.pidfd));
}

TEST(ReadPeer, AProcessThatHasExitedIsGone) {
  for (const bool reaped : {false, true}) {
    ChildPeer child({});
    ASSERT_TRUE(child.connected());
    child.exit(reaped);
    const PosixPeer peer = readPeer(child.socket());
    EXPECT_EQ(peer.facts.proof, Proof::Gone) << (reaped ? "reaped" : "zombie");
    EXPECT_FALSE(peer.pidfd.valid());
  }
}

TEST(ReadPeer, Root_AnotherUsersProcess) {
  SKIP_UNLESS_ROOT();
  ChildPeer child({.uid = 54321});
  ASSERT_TRUE(child.connected());
  const PosixPeer peer = readPeer(child.socket());
  EXPECT_EQ(peer.facts.proof, Proof::Proven);
  EXPECT_EQ(peer.facts.uid, 54321U);
}

TEST(ReadPeer, Root_ANamespaceOfItsOwnShows) {
  SKIP_UNLESS_ROOT();
  {
    ChildPeer child({.unshare = CLONE_NEWUSER});
    if (!child.connected()) GTEST_SKIP() << "user namespaces are forbidden here";
    const PosixPeer peer = readPeer(child.socket());
    ASSERT_EQ(peer.facts.proof, Proof::Proven);
    EXPECT_NE(peer.facts.user_namespace, peer.facts.host_user_namespace);
    EXPECT_EQ(refusePeer(peer.facts)->reason, "foreign_namespace");
  }
  ChildPeer child({.unshare = CLONE_NEWPID});
  if (!child.connected()) GTEST_SKIP() << "pid namespaces are forbidden here";
  const PosixPeer peer = readPeer(child.socket());
  ASSERT_EQ(peer.facts.proof, Proof::Proven);
  EXPECT_NE(peer.facts.pid_namespace, peer.facts.host_pid_namespace);
  EXPECT_EQ(refusePeer(peer.facts)->reason, "foreign_namespace");
}

TEST(ReadPeer, WhatIsNoUnixSocketProvesNothing) {
  EXPECT_EQ(readPeer(-1).facts.proof, Proof::Unreadable);
  const Fd tcp(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  EXPECT_NE(readPeer(tcp.get()).facts.proof, Proof::Proven);
  const Fd unconnected(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  EXPECT_NE(readPeer(unconnected.get()).facts.proof, Proof::Proven);
}

// A /proc in which the peer (this process, over a socket pair) and PID 1 share their namespaces.
class FakeProc : public testing::Test {
 protected:
  FakeProc() {
    int pair[2];
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    near_ = Fd(pair[0]);
    far_ = Fd(pair[1]);
    for (const char* kind : {"user", "pid"}) {
      dir_.write(std::string("1/ns/") + kind, "");
      dir_.makeDir(self_ + "/ns");
      fs::create_hard_link(dir_.file(std::string("1/ns/") + kind), dir_.file(self_ + "/ns/" + kind));
    }
    dir_.write(self_ + "/loginuid", "1001");
    dir_.write(self_ + "/uid_map", "         0          0 4294967295\n");
    fs::create_symlink(self_, dir_.file("self"));
  }
  PeerFacts read() { return readPeer(near_.get(), dir_.path()).facts; }

  TempDir dir_;
  std::string self_ = std::to_string(::getpid());
  Fd near_;
  Fd far_;
};

TEST_F(FakeProc, IsProvenWhenAllIsThere) {
  const PeerFacts facts = read();
  EXPECT_EQ(facts.proof, Proof::Proven);
  EXPECT_EQ(facts.pid, ::getpid());
  EXPECT_EQ(facts.login_uid, 1001U);
  EXPECT_FALSE(refusePeer(facts).has_value());
}

TEST_F(FakeProc, NobodyLoggedIn) {
  dir_.write(self_ + "/loginuid", "4294967295");
  EXPECT_EQ(read().login_uid, std::nullopt);
  EXPECT_EQ(read().proof, Proof::Proven);
  fs::remove(dir_.file(self_ + "/loginuid"));
  EXPECT_EQ(read().login_uid, std::nullopt);
  EXPECT_EQ(read().proof, Proof::Proven) << "a kernel without audit";
}

TEST_F(FakeProc, ALoginUidThatIsNoNumberIsUnreadable) {
  for (const char* text : {"", "x", "-1", "1001x", "1001 1002", "99999999999"}) {
    dir_.write(self_ + "/loginuid", text);
    EXPECT_EQ(read().proof, Proof::Unreadable) << text;
  }
  dir_.write(self_ + "/loginuid", "7\n");
  EXPECT_EQ(read().login_uid, 7U);
}

TEST_F(FakeProc, AMissingNamespaceIsUnreadable) {
  for (const std::string& name :
       {self_ + "/ns/user", self_ + "/ns/pid", std::string("1/ns/user"), std::string("1/ns/pid")}) {
    fs::rename(dir_.file(name), dir_.file("aside"));
    EXPECT_EQ(read().proof, Proof::Unreadable) << name;
    fs::rename(dir_.file("aside"), dir_.file(name));
  }
  fs::remove_all(dir_.file(self_));
  EXPECT_EQ(read().proof, Proof::Unreadable);
}

TEST_F(FakeProc, Root_WhereThePidOneIsHiddenOurOwnNamespacesCount) {
  SKIP_UNLESS_ROOT();
  EXPECT_EQ(::chmod(dir_.path().c_str(), 0755), 0);
  EXPECT_EQ(::chmod(dir_.file("1").c_str(), 0700), 0);
  const auto readAsSomebody = [&] {
    ::setfsuid(54321);
    const PeerFacts facts = read();
    ::setfsuid(0);
    return facts;
  };
  EXPECT_EQ(readAsSomebody().proof, Proof::Proven);
  EXPECT_FALSE(refusePeer(readAsSomebody()).has_value());
  // Ids that are translated: not the host's user namespace, so its root is not the host's.
  for (const char* map : {"", "0 100000 65536\n", "0 0 65536\n", "1000 1000 1\n"}) {
    dir_.write(self_ + "/uid_map", map);
    EXPECT_EQ(readAsSomebody().proof, Proof::Unreadable) << map;
  }
}

TEST_F(FakeProc, AProcOfAnotherPidNamespaceIsUnreadable) {
  fs::remove(dir_.file("self"));
  EXPECT_EQ(read().proof, Proof::Unreadable);
  fs::create_symlink("1", dir_.file("self"));
  EXPECT_EQ(read().proof, Proof::Unreadable);
}

TEST_F(FakeProc, AnotherNamespaceIsForeign) {
  for (const char* kind : {"user", "pid"}) {
    const std::string name = self_ + "/ns/" + kind;
    fs::rename(dir_.file(name), dir_.file("aside"));
    dir_.write(name, "");
    EXPECT_EQ(refusePeer(read())->reason, "foreign_namespace") << kind;
    fs::remove(dir_.file(name));
    fs::rename(dir_.file("aside"), dir_.file(name));
  }
}

}  // namespace
}  // namespace ds01::identity::posix
