#include <chrono>
#include <cstddef>
#include <set>

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/fd.h"
#include "net/notify.h"
#include "net/random_id.h"
#include "net/real_clock.h"
#include "support/temp_dir.h"

namespace ds01::net {
namespace {

using test::TempDir;

TEST(RealClock, ShowsTheTimeOfTheMachine) {
  const auto before = std::chrono::system_clock::now();
  const TimePoint now = RealClock().now();
  const auto after = std::chrono::system_clock::now();
  EXPECT_GE(now + std::chrono::microseconds(1), before);
  EXPECT_LE(now, after);
}

TEST(RandomHex, IsHexOfTheAskedLengthAndDiffers) {
  std::set<std::string> seen;
  for (int i = 0; i < 1000; ++i) {
    const std::string id = randomHex(8);
    EXPECT_EQ(id.size(), 16U);
    EXPECT_EQ(id.find_first_not_of("0123456789abcdef"), std::string::npos);
    seen.insert(id);
  }
  EXPECT_EQ(seen.size(), 1000U);
  EXPECT_EQ(randomHex(0), "");
  EXPECT_EQ(randomHex(1000).size(), 2000U) << "more than getrandom gives at once without interruption";
}

// The service manager's end. `name` is a path, or an abstract name that begins with NUL.
Fd receiver(const std::string& name) {
  Fd socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  name.copy(address.sun_path, sizeof address.sun_path);
  EXPECT_EQ(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address),
                   static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size())),
            0);
  return socket;
}

std::string received(const Fd& socket) {
  char buffer[256];
  const ssize_t got = ::recv(socket.get(), buffer, sizeof buffer, 0);
  return got < 0 ? "(nothing)" : std::string(buffer, static_cast<std::size_t>(got));
}

TEST(Notify, SendsOneDatagramToAPathOrAnAbstractName) {
  const TempDir dir;
  const Fd by_path = receiver(dir.file("notify"));
  EXPECT_TRUE(notify(dir.file("notify"), "READY=1"));
  EXPECT_EQ(received(by_path), "READY=1");

  const std::string name = "ds01-test-" + randomHex(8);
  const Fd abstract = receiver(std::string(1, '\0') + name);
  const Status sent = notify("@" + name, "READY=1\nSTATUS=fine");
  EXPECT_TRUE(sent) << sent.error().message();
  EXPECT_EQ(received(abstract), "READY=1\nSTATUS=fine");
}

TEST(Notify, DoesNothingWithoutAServiceManagerAndSaysWhenItIsGone) {
  const TempDir dir;
  EXPECT_TRUE(notify("", "READY=1"));
  EXPECT_FALSE(notify(dir.file("nobody"), "READY=1"));
  for (const std::string& bad : {std::string("relative"), "/" + std::string(200, 'x')}) {
    const Status status = notify(bad, "READY=1");
    ASSERT_FALSE(status);
    EXPECT_EQ(status.error().code(), ErrorCode::InvalidArgument);
  }
}

}  // namespace
}  // namespace ds01::net
