// One user's connection to the Engine serves the next one, and only when nothing of the first is left on it.
#include <atomic>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "harness.h"

namespace ds01::gateway::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr std::string_view kPing = "GET /_ping HTTP/1.1\r\nHost: d\r\n\r\n";

// Answers each request with its target, and says how many connections there were.
struct Echo {
  ds01::test::FakeDockerd::Handler handler() {
    return [this](ds01::test::FakeDockerd::Connection& peer) {
      ++connections;
      while (const auto request = peer.read()) {
        if (!peer.reply(200, "\"" + request->target + "\"")) return;
      }
    };
  }
  std::atomic<int> connections = 0;
};

// The gateway has seen that the client has gone.
void leave(Harness& h, Client& client) {
  client.close();
  while (h.connections() > 0) std::this_thread::yield();
}

TEST(IdleEngines, theNextSessionUsesTheConnection) {
  Echo echo;
  Harness h(echo.handler());
  for (int i = 0; i < 5; ++i) {
    Client client = h.connect();
    EXPECT_EQ(client.get(fmt::format("/info?n={}", i))->status, 200);
    EXPECT_EQ(client.get("/_ping")->status, 200);
    leave(h, client);
  }
  EXPECT_EQ(echo.connections, 1);
}

// What a connection that dies swallows may have been read: a header that is good once is made anew.
TEST(IdleEngines, aHeaderOfOursIsMadeForEachTimeThatARequestIsSent) {
  std::mutex mutex;
  std::vector<std::string> seen;
  GatewayOptions options;
  options.engine_headers = [count = 0](std::string_view method, std::string_view target, auto) mutable {
    return OwnHeaders{{.name = "X-Ds01-Ticket", .value = fmt::format("{} {} {}", method, target, ++count)}};
  };
  Harness h(
      [&](ds01::test::FakeDockerd::Connection& peer) {
        for (int answered = 0; const auto request = peer.read(); ++answered) {
          {
            const std::lock_guard lock(mutex);
            seen.push_back(request->header("x-ds01-ticket"));
          }
          if (answered == 1 || !peer.reply(200, "{}")) return;
        }
      },
      options);
  Client client = h.connect();
  EXPECT_EQ(client.get("/info")->status, 200);
  client.send("GET /version?a=%62 HTTP/1.1\r\nHost: d\r\nX-Ds01-Ticket: the client's\r\n\r\n");
  EXPECT_EQ(client.read()->status, 200);
  const std::lock_guard lock(mutex);
  ASSERT_EQ(seen.size(), 3U);
  EXPECT_EQ(seen[0], "GET /info 1");
  EXPECT_THAT(seen[1], testing::AllOf(testing::StartsWith("GET /version"), testing::EndsWith(" 2")));
  EXPECT_EQ(seen[2], seen[1].substr(0, seen[1].size() - 1) + "3");
}

TEST(IdleEngines, anAnswerThatNobodyWaitedForGoesToNobody) {
  // Answers /version late, when its client has gone.
  std::atomic<int> connections = 0;
  std::atomic<bool> late = false;
  Harness h([&](ds01::test::FakeDockerd::Connection& peer) {
    ++connections;
    while (const auto request = peer.read()) {
      while (request->target == "/version" && !late) std::this_thread::yield();
      if (!peer.reply(200, "\"" + request->target + "\"")) return;
    }
  });
  Client first = h.connect();
  EXPECT_TRUE(first.send("GET /version HTTP/1.1\r\nHost: d\r\n\r\n"));
  while (connections == 0) std::this_thread::yield();
  leave(h, first);
  late = true;
  Client second = h.connect();
  EXPECT_EQ(second.get("/_ping")->body, "\"/_ping\"");
  EXPECT_EQ(connections, 2);
}

TEST(IdleEngines, bytesThatNobodyAskedForSpoilAConnection) {
  std::atomic<int> connections = 0;
  std::atomic<bool> sent = false;
  Harness h([&](ds01::test::FakeDockerd::Connection& peer) {
    const int number = ++connections;
    while (const auto request = peer.read()) {
      if (!peer.reply(200, "\"" + request->target + "\"")) return;
      if (number == 1) {
        while (!sent) std::this_thread::yield();
        peer.send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwrong");
        ++connections;
        peer.waitForClose();
      }
    }
  });
  Client first = h.connect();
  EXPECT_EQ(first.get("/info")->status, 200);
  leave(h, first);
  sent = true;
  while (connections < 2) std::this_thread::yield();
  Client second = h.connect();
  EXPECT_EQ(second.get("/_ping")->body, "\"/_ping\"");
  EXPECT_EQ(connections, 3);
}

TEST(IdleEngines, anEngineThatWasRestartedIsConnectedToAnew) {
  Harness h;
  h.engine().answer("GET", "/_ping", 200, "OK");
  Client first = h.connect();
  EXPECT_EQ(first.get("/_ping")->status, 200);
  leave(h, first);
  h.stopEngine();
  h.startEngine();
  h.engine().answer("GET", "/_ping", 200, "OK");
  Client second = h.connect();
  EXPECT_EQ(second.get("/_ping")->status, 200);
}

// The Engine may answer before it has read the request: what is missing of that must not be read from the next one.
class EarlyAnswer : public testing::TestWithParam<std::string> {};

TEST_P(EarlyAnswer, leavesNoHalfRequestForOthers) {
  std::atomic<int> connections = 0;
  std::mutex mutex;
  std::vector<std::string> heads;
  Harness h([&](ds01::test::FakeDockerd::Connection& peer) {
    ++connections;
    std::string bytes;
    while (true) {
      while (bytes.find("\r\n\r\n") == std::string::npos) {
        const std::string piece = peer.readSome();
        if (piece.empty()) return;
        bytes += piece;
      }
      {
        const std::lock_guard lock(mutex);
        heads.push_back(bytes.substr(0, bytes.find(' ', 5)));
      }
      bytes.clear();  // whatever has come of the body
      if (!peer.reply(404, R"({"message":"No such container"})")) return;
    }
  });
  h.ownership.add("mine", fullId('a'), "alice");
  Client first = h.connect();
  EXPECT_TRUE(first.send("PUT /containers/mine/archive?path=/ HTTP/1.1\r\nHost: d\r\n" + GetParam()));
  EXPECT_EQ(first.read()->status, 404);
  leave(h, first);
  Client second = h.connect();
  EXPECT_TRUE(second.send(kPing));
  EXPECT_EQ(second.read()->status, 404);
  EXPECT_EQ(connections, 2);
  const std::lock_guard lock(mutex);
  EXPECT_THAT(heads, ElementsAre(HasSubstr("/archive"), "GET /_ping"));
}

INSTANTIATE_TEST_SUITE_P(Bodies, EarlyAnswer,
                         testing::Values("Content-Length: 1024\r\n\r\n" + std::string(512, '\0'),
                                         "Transfer-Encoding: chunked\r\n\r\n200\r\n" + std::string(512, '\0') +
                                             "\r\n"));

}  // namespace
}  // namespace ds01::gateway::test
