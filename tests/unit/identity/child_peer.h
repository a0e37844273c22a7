// A child process that connects to a socket and stays until it is told to go: the other end for identity tests.
#pragma once

#include <cerrno>
#include <csignal>
#include <cstring>
#include <optional>
#include <string>
#include <utility>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "support/temp_dir.h"

namespace ds01::identity::posix {

class ChildPeer {
 public:
  struct Wish {
    std::optional<uid_t> uid = {};  // becomes this user before it connects; needs root
    int unshare = 0;                // CLONE_NEWUSER, CLONE_NEWPID: connects from a namespace of its own
    bool unshare_as_user = false;   // a user namespace, made after it has become `uid`
    bool nested = false;            // and one more inside
    const char* uid_map = "";       // for that: of the outer one
  };

  // Check connected(): namespaces may be forbidden.
  explicit ChildPeer(Wish wish) {
    const std::string path = dir_.file("s");
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    const Fd listener(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    EXPECT_EQ(::bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(::listen(listener.get(), 1), 0);
    EXPECT_EQ(::chmod(dir_.path().c_str(), 0755), 0);
    EXPECT_EQ(::chmod(path.c_str(), 0666), 0);
    int orders[2];
    int news[2];
    EXPECT_EQ(::pipe(orders), 0);
    EXPECT_EQ(::pipe(news), 0);
    child_ = ::fork();
    if (child_ == 0) run(wish, address, orders, news);
    ::close(orders[0]);
    ::close(news[1]);
    orders_ = Fd(orders[1]);
    const Fd news_end(news[0]);
    char word = 0;
    if (::read(news_end.get(), &word, 1) == 1 && word == 'c') socket_ = Fd(::accept(listener.get(), nullptr, nullptr));
  }
  ChildPeer(const ChildPeer&) = delete;
  ChildPeer& operator=(const ChildPeer&) = delete;
  ~ChildPeer() { exit(true); }

  bool connected() const { return socket_.valid(); }
  int socket() const { return socket_.get(); }
  pid_t pid() const { return child_; }

  // Ends the child. Not reaped, it is a zombie: it has exited, but its number is still its own.
  void exit(bool reap) {
    if (child_ <= 0) return;
    orders_.reset();
    siginfo_t info{};
    ::waitid(P_PID, static_cast<id_t>(child_), &info, WEXITED | (reap ? 0 : WNOWAIT));
    if (reap) child_ = 0;
  }

 private:
  static bool put(const char* path, const char* text) {
    const int file = ::open(path, O_WRONLY | O_CLOEXEC);
    return ::write(file, text, std::strlen(text)) == static_cast<ssize_t>(std::strlen(text));
  }

  // Only who has a user and a group id in a user namespace may make one inside. The group is still root's here.
  static bool nest(const char* uid_map) {
    // Else /proc/self of a process that has changed its user or its namespace is root's.
    if (::prctl(PR_SET_DUMPABLE, 1) != 0) return false;
    return put("/proc/self/uid_map", uid_map) && put("/proc/self/setgroups", "deny") &&
           put("/proc/self/gid_map", "0 0 1") && ::unshare(CLONE_NEWUSER) == 0;
  }

  // Only calls that are allowed between fork and exec in a process with threads.
  [[noreturn]] static void run(const Wish& wish, const sockaddr_un& address, const int* orders, const int* news) {
    ::close(orders[1]);
    ::close(news[0]);
    if (wish.unshare != 0 && ::unshare(wish.unshare) != 0) ::_exit(1);
    if ((wish.unshare & CLONE_NEWPID) != 0) {
      // Only a child is in the new pid namespace.
      if (const pid_t inner = ::fork(); inner != 0) {
        ::close(orders[0]);
        ::close(news[1]);
        ::waitpid(inner, nullptr, 0);
        ::_exit(0);
      }
    }
    if (wish.uid && ::setresuid(*wish.uid, *wish.uid, *wish.uid) != 0) ::_exit(1);
    if (wish.unshare_as_user && ::unshare(CLONE_NEWUSER) != 0) ::_exit(1);
    if (wish.nested && !nest(wish.uid_map)) ::_exit(1);
    const int socket = ::socket(AF_UNIX, SOCK_STREAM, 0);
    if (::connect(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) ::_exit(1);
    char word = 'c';
    if (::write(news[1], &word, 1) != 1) ::_exit(1);
    (void)!::read(orders[0], &word, 1);
    ::_exit(0);
  }

  test::TempDir dir_;
  pid_t child_ = 0;
  Fd orders_;
  Fd socket_;
};

}  // namespace ds01::identity::posix
