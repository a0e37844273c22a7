// A /proc of a test's own, in which one process and PID 1 share their namespaces.
#pragma once

#include <filesystem>
#include <string>

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "identity/posix/peer.h"
#include "support/temp_dir.h"

namespace ds01::identity::posix {

class FakeProcDir {
 public:
  // `peer` is the pid of the process that connects.
  explicit FakeProcDir(std::string peer) : peer_(std::move(peer)), self_(std::to_string(::getpid())) {
    namespace fs = std::filesystem;
    for (const std::string& pid : {peer_, self_}) {
      dir_.makeDir(pid + "/ns");
      for (const std::string kind : {"user", "pid"}) {
        if (!fs::exists(dir_.file("1/ns/" + kind))) dir_.write("1/ns/" + kind, "");
        if (fs::exists(dir_.file(pid + "/ns/" + kind))) continue;
        fs::create_hard_link(dir_.file("1/ns/" + kind), dir_.file(pid + "/ns/" + kind));
      }
      dir_.write(pid + "/loginuid", "1001");
      dir_.write(pid + "/cgroup", "0::/system.slice/some.service\n");
    }
    dir_.write(self_ + "/uid_map", "         0          0 4294967295\n");
    fs::create_symlink(self_, dir_.file("self"));
  }

  std::string path() const { return dir_.path(); }
  // A file of the peer's.
  void write(const std::string& name, const std::string& text) { dir_.write(peer_ + "/" + name, text); }
  test::TempDir& dir() { return dir_; }

 private:
  test::TempDir dir_;
  std::string peer_;
  std::string self_;
};

// The peer is this process, over a socket pair.
class FakeProc : public testing::Test {
 protected:
  FakeProc() {
    int pair[2];
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    near_ = Fd(pair[0]);
    far_ = Fd(pair[1]);
  }
  PeerFacts read() { return readPeer(near_.get(), {.proc = dir_.path()}).facts; }

  std::string self_ = std::to_string(::getpid());
  FakeProcDir proc_{self_};
  test::TempDir& dir_ = proc_.dir();
  Fd near_;
  Fd far_;
};

}  // namespace ds01::identity::posix
