#include "net/unix_listener.h"

#include <atomic>
#include <cerrno>
#include <filesystem>
#include <latch>
#include <optional>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "support/temp_dir.h"

namespace ds01::net {
namespace {

namespace fs = std::filesystem;
using test::TempDir;

sockaddr_un addressOf(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  return address;
}

bool canConnect(const std::string& path) {
  const sockaddr_un address = addressOf(path);
  const Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  return ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
}

// A socket made without UnixListener: dead once the returned descriptor is closed.
Fd foreignSocket(const std::string& path, int type = SOCK_STREAM) {
  const sockaddr_un address = addressOf(path);
  Fd socket(::socket(AF_UNIX, type | SOCK_CLOEXEC, 0));
  EXPECT_EQ(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  if (type == SOCK_STREAM) {
    EXPECT_EQ(::listen(socket.get(), 8), 0);
  }
  return socket;
}

UnixListenerOptions at(const std::string& path, mode_t mode = 0600) {
  UnixListenerOptions options;
  options.path = path;
  options.mode = mode;
  return options;
}

struct stat statOf(const std::string& path) {
  struct stat there{};
  EXPECT_EQ(::lstat(path.c_str(), &there), 0);
  return there;
}

void expectConflict(const Result<UnixListener>& listener, const std::string& part) {
  ASSERT_FALSE(listener);
  EXPECT_EQ(listener.error().code(), ErrorCode::Conflict);
  EXPECT_NE(listener.error().message().find(part), std::string::npos) << listener.error().message();
}

TEST(UnixListener, ListensWithTheModeWhateverTheUmask) {
  const TempDir dir;
  const std::string path = dir.file("s");
  const mode_t before = ::umask(0077);
  const auto listener = UnixListener::open(at(path, 0666));
  ::umask(before);
  ASSERT_TRUE(listener) << listener.error().message();
  EXPECT_TRUE(canConnect(path));
  EXPECT_EQ(statOf(path).st_mode & 07777U, 0666U);
  EXPECT_TRUE(S_ISSOCK(statOf(path).st_mode));
  EXPECT_EQ(::fcntl(listener->fd(), F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
  EXPECT_EQ(::fcntl(listener->fd(), F_GETFL) & O_NONBLOCK, O_NONBLOCK);
}

TEST(UnixListener, Root_SetsTheGroup) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root may give a file to any group";
  const TempDir dir;
  UnixListenerOptions options = at(dir.file("s"), 0660);
  options.gid = 12345;
  const auto listener = UnixListener::open(options);
  ASSERT_TRUE(listener) << listener.error().message();
  EXPECT_EQ(statOf(dir.file("s")).st_gid, 12345U);
  EXPECT_EQ(statOf(dir.file("s")).st_mode & 07777U, 0660U);
}

TEST(UnixListener, LeavesNothingBehind) {
  const TempDir dir;
  {
    const auto listener = UnixListener::open(at(dir.file("s")));
    ASSERT_TRUE(listener);
    EXPECT_FALSE(fs::is_empty(dir.path()));
  }
  EXPECT_TRUE(fs::is_empty(dir.path()));
}

TEST(UnixListener, ALiveSocketIsAnError) {
  const TempDir dir;
  const std::string path = dir.file("s");
  {
    const auto first = UnixListener::open(at(path));
    ASSERT_TRUE(first);
    expectConflict(UnixListener::open(at(path)), "s: another process listens there");
    EXPECT_TRUE(canConnect(path)) << "the first is untouched";
  }
  const Fd foreign = foreignSocket(path);
  expectConflict(UnixListener::open(at(path)), "s: another process listens there");
  EXPECT_TRUE(canConnect(path));
  EXPECT_FALSE(fs::exists(path + ".lock"));
}

TEST(UnixListener, ALiveSocketOfAnotherKindIsAnErrorToo) {
  const TempDir dir;
  const Fd foreign = foreignSocket(dir.file("s"), SOCK_DGRAM);
  expectConflict(UnixListener::open(at(dir.file("s"))), "another process listens there");
}

TEST(UnixListener, ADeadSocketIsReplaced) {
  const TempDir dir;
  const std::string path = dir.file("s");
  foreignSocket(path).reset();
  dir.write("s.lock", "");  // left by a process that was killed
  ASSERT_TRUE(fs::exists(path));
  ASSERT_FALSE(canConnect(path));
  const auto listener = UnixListener::open(at(path));
  ASSERT_TRUE(listener) << listener.error().message();
  EXPECT_TRUE(canConnect(path));
}

TEST(UnixListener, WhatIsNoSocketStays) {
  const TempDir dir;
  const std::string file = dir.write("file", "precious");
  expectConflict(UnixListener::open(at(file)), "something else");
  EXPECT_EQ(test::readFile(file), "precious");

  expectConflict(UnixListener::open(at(dir.makeDir("directory"))), "something else");

  foreignSocket(dir.file("dead")).reset();
  fs::create_symlink(dir.file("dead"), dir.file("link"));
  expectConflict(UnixListener::open(at(dir.file("link"))), "something else");
  EXPECT_TRUE(fs::exists(dir.file("dead"))) << "a link is not followed";
}

TEST(UnixListener, DoesNotFollowALinkInPlaceOfItsLock) {
  const TempDir dir;
  fs::create_symlink(dir.file("elsewhere"), dir.file("s.lock"));
  EXPECT_FALSE(UnixListener::open(at(dir.file("s"))));
  EXPECT_FALSE(fs::exists(dir.file("elsewhere")));
}

TEST(UnixListener, RemovesOnlyItsOwnSocket) {
  const TempDir dir;
  const std::string path = dir.file("s");
  std::optional<Fd> foreign;
  {
    const auto listener = UnixListener::open(at(path));
    ASSERT_TRUE(listener);
    fs::rename(path, dir.file("moved"));  // keeps the inode number in use
    foreign = foreignSocket(path);
  }
  EXPECT_TRUE(canConnect(path)) << "somebody else's by now";
}

TEST(UnixListener, TheSocketCanBeHandedOver) {
  const TempDir dir;
  auto listener = UnixListener::open(at(dir.file("s")));
  ASSERT_TRUE(listener);
  Fd socket = listener->takeSocket();
  EXPECT_TRUE(canConnect(dir.file("s")));
  socket.reset();
  EXPECT_FALSE(canConnect(dir.file("s")));
}

TEST(UnixListener, SaysWhatIsWrongWithAPath) {
  for (const std::string& path : {std::string(), std::string("relative"), "/" + std::string(107, 'x')}) {
    const auto listener = UnixListener::open(at(path));
    ASSERT_FALSE(listener) << path;
    EXPECT_EQ(listener.error().code(), ErrorCode::InvalidArgument);
  }
  EXPECT_FALSE(UnixListener::open(at("/nonexistent/s")));
}

TEST(UnixListener, OfManyStartersOneWins) {
  const TempDir dir;
  foreignSocket(dir.file("s")).reset();
  constexpr int kStarters = 8;
  std::latch start(kStarters);
  std::latch tried(kStarters);
  std::atomic<int> winners = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < kStarters; ++i) {
    threads.emplace_back([&] {
      start.arrive_and_wait();
      const auto listener = UnixListener::open(at(dir.file("s")));
      if (listener) ++winners;
      tried.arrive_and_wait();  // the winner stays until all have tried
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(winners, 1);
  EXPECT_TRUE(fs::is_empty(dir.path()));
}

}  // namespace
}  // namespace ds01::net
