#include "identity/posix/peer.h"

#include <filesystem>
#include <string>

#include <gtest/gtest.h>
#include <sys/fsuid.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "child_peer.h"
#include "fake_proc.h"
#include "identity/posix/process.h"

namespace ds01::identity::posix {
namespace {

namespace fs = std::filesystem;

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

// Kernels before 6.5 have no SO_PEERPIDFD; the answers must be the same.
TEST(ReadPeer, ByNumberTheSameHolds) {
  const PeerSource by_number{.use_peer_pidfd = false};
  ChildPeer child({});
  ASSERT_TRUE(child.connected());
  const PosixPeer peer = readPeer(child.socket(), by_number);
  EXPECT_EQ(peer.facts.proof, Proof::Proven);
  EXPECT_EQ(peer.facts.pid, child.pid());
  EXPECT_TRUE(processAlive(peer.pidfd));
  child.exit(false);
  EXPECT_FALSE(processAlive(peer.pidfd));
  EXPECT_EQ(readPeer(child.socket(), by_number).facts.proof, Proof::Gone) << "a zombie";
  child.exit(true);
  EXPECT_EQ(readPeer(child.socket(), by_number).facts.proof, Proof::Gone);
}

TEST(ReadPeer, Root_ByNumberAnotherUsersProcessIsNotThePeer) {
  SKIP_UNLESS_ROOT();
  const PeerSource by_number{.use_peer_pidfd = false};
  ChildPeer child({.uid = 54321});
  ASSERT_TRUE(child.connected());
  EXPECT_EQ(readPeer(child.socket(), by_number).facts.proof, Proof::Proven);
  // As if the number had gone to somebody else: the process runs as another user than the one that connected.
  FakeProcDir proc(std::to_string(child.pid()));
  proc.write("status", "Name:\tx\nUid:\t54322\t54322\t54322\t54322\nGid:\t0\t0\t0\t0\n");
  EXPECT_EQ(readPeer(child.socket(), {.proc = proc.path(), .use_peer_pidfd = false}).facts.proof, Proof::Unreadable);
  proc.write("status", "Name:\tx\nUid:\t54322\t54321\t54322\t54322\nGid:\t0\t0\t0\t0\n");
  EXPECT_EQ(readPeer(child.socket(), {.proc = proc.path(), .use_peer_pidfd = false}).facts.proof, Proof::Proven);
}

TEST(ReadPeer, Root_AUserNamespaceIsOfWhoMadeIt) {
  SKIP_UNLESS_ROOT();
  ChildPeer child({.uid = 54321, .unshare_as_user = true});
  if (!child.connected()) GTEST_SKIP() << "user namespaces are forbidden here";
  const PosixPeer peer = readPeer(child.socket());
  ASSERT_EQ(peer.facts.proof, Proof::Proven);
  EXPECT_NE(peer.facts.user_namespace, peer.facts.host_user_namespace);
  EXPECT_EQ(peer.facts.user_namespace_owner, 54321U);
  ChildPeer nested({.uid = 54321, .unshare_as_user = true, .nested = true, .uid_map = "0 54321 1"});
  ASSERT_TRUE(nested.connected()) << "a namespace in a namespace";
  EXPECT_EQ(readPeer(nested.socket()).facts.user_namespace_owner, 54321U);
}

TEST(SeemingPeer, Root_OnTheHostAndInAPidNamespaceOfItsOwn) {
  SKIP_UNLESS_ROOT();
  ChildPeer child({.uid = 54321});
  ASSERT_TRUE(child.connected());
  const SeemingPeer on_host = seemingPeer(child.socket());
  EXPECT_EQ(on_host.uid, 54321U);
  EXPECT_TRUE(on_host.on_host);
  EXPECT_NE(on_host.pid_namespace, 0U);
  ChildPeer inside({.unshare = CLONE_NEWPID});
  if (!inside.connected()) GTEST_SKIP() << "pid namespaces are forbidden here";
  const SeemingPeer root = seemingPeer(inside.socket());
  EXPECT_EQ(root.uid, 0U);
  EXPECT_FALSE(root.on_host) << "not the host's root, as far as one sees";
  EXPECT_NE(root.pid_namespace, 0U);
  EXPECT_NE(root.pid_namespace, on_host.pid_namespace);
}

TEST(SeemingPeer, WhoeverHasGoneIsNotOnTheHost) {
  ChildPeer child({});
  ASSERT_TRUE(child.connected());
  child.exit(true);
  const SeemingPeer gone = seemingPeer(child.socket());
  EXPECT_EQ(gone.uid, ::geteuid());
  EXPECT_FALSE(gone.on_host);
  EXPECT_EQ(gone.pid_namespace, 0U);
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
    EXPECT_EQ(decide(peer.facts, std::nullopt, {}).error().reason, "foreign_namespace");
  }
  ChildPeer child({.unshare = CLONE_NEWPID});
  if (!child.connected()) GTEST_SKIP() << "pid namespaces are forbidden here";
  const PosixPeer peer = readPeer(child.socket());
  ASSERT_EQ(peer.facts.proof, Proof::Proven);
  EXPECT_NE(peer.facts.pid_namespace, peer.facts.host_pid_namespace);
  EXPECT_EQ(decide(peer.facts, std::nullopt, {}).error().reason, "foreign_namespace");
}

TEST(ReadPeer, WhatIsNoUnixSocketProvesNothing) {
  EXPECT_EQ(readPeer(-1).facts.proof, Proof::Unreadable);
  const Fd tcp(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  EXPECT_NE(readPeer(tcp.get()).facts.proof, Proof::Proven);
  const Fd unconnected(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  EXPECT_NE(readPeer(unconnected.get()).facts.proof, Proof::Proven);
}

TEST_F(FakeProc, IsProvenWhenAllIsThere) {
  const PeerFacts facts = read();
  EXPECT_EQ(facts.proof, Proof::Proven);
  EXPECT_EQ(facts.pid, ::getpid());
  EXPECT_EQ(facts.login_uid, 1001U);
  EXPECT_TRUE(inHostNamespaces(facts));
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

TEST_F(FakeProc, TheCgroupIsReadWhole) {
  std::string text;
  for (int i = 0; i < 13; ++i) text += "4:memory:/" + std::string(4000, 'a') + "\n";
  dir_.write(self_ + "/cgroup", text);
  EXPECT_EQ(read().cgroup, text);
  dir_.write(self_ + "/cgroup", std::string(300'000, 'x'));
  EXPECT_EQ(read().proof, Proof::Unreadable) << "half of it would mislead";
  dir_.write(self_ + "/cgroup", "");
  EXPECT_EQ(read().proof, Proof::Unreadable);
  fs::remove(dir_.file(self_ + "/cgroup"));
  EXPECT_EQ(read().proof, Proof::Unreadable);
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
  EXPECT_TRUE(inHostNamespaces(readAsSomebody()));
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
    EXPECT_FALSE(inHostNamespaces(read())) << kind;
    fs::remove(dir_.file(name));
    fs::rename(dir_.file("aside"), dir_.file(name));
  }
}

}  // namespace
}  // namespace ds01::identity::posix
