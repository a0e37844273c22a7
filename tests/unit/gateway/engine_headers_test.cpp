// Headers of ours on what goes to the Engine: whose each request is, whatever connection carries it and whatever the
// client sends of the same name.
#include <atomic>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "harness.h"

namespace ds01::gateway::test {
namespace {

using testing::ElementsAre;

GatewayOptions tellingUsers() {
  GatewayOptions options;
  options.engine_headers = [](std::string_view, std::string_view, std::optional<std::string_view> login) {
    return OwnHeaders{{.name = "X-Ds01-Ticket", .value = "t"},
                      {.name = "Authz-User", .value = std::string(login.value_or("(ours)"))}};
  };
  return options;
}

// "METHOD TARGET: value", with all values of that name.
std::vector<std::string> told(const std::vector<ds01::test::FakeDockerd::Request>& requests) {
  std::vector<std::string> out;
  for (const auto& request : requests) {
    std::vector<std::string> values;
    for (const auto& [name, value] : request.headers) {
      if (name == "authz-user" || name == "authz_user") values.push_back(value);
    }
    EXPECT_EQ(request.header("x-ds01-ticket"), "t");
    out.push_back(fmt::format("{} {}: {}", request.method, request.target, fmt::join(values, " and ")));
  }
  return out;
}

// The gateway has seen that the client has gone.
void leave(Harness& h, Client& client) {
  client.close();
  while (h.connections() > 0) std::this_thread::yield();
}

TEST(EngineHeaders, AClientsOwnGoesNowhere) {
  Harness h(tellingUsers());
  h.engine().answer("GET", "/_ping", 200, "OK");
  Client client = h.connect();
  for (const char* const own : {"Authz-User: root", "authz-user: root", "AUTHZ-USER:root", "Authz_User: root",
                                "Authz-User: root\r\nauthz-user: admin", "Connection: Authz-User\r\nAuthz-User: root",
                                "X-Docker-A: b\r\nAuthz-User: root"}) {
    EXPECT_TRUE(client.send(fmt::format("GET /_ping HTTP/1.1\r\nHost: d\r\n{}\r\n\r\n", own)));
    EXPECT_EQ(client.read()->status, 200) << own;
  }
  const auto seen = told(h.engine().requests());
  EXPECT_EQ(seen, std::vector<std::string>(7, "GET /_ping: alice"));
}

// Where one reader sees the header and another does not.
TEST(EngineHeaders, AHeadThatIsReadInTwoWaysGoesNowhere) {
  Harness h(tellingUsers());
  h.engine().answer("GET", "/_ping", 200, "OK");
  for (const char* const own : {"X-Docker-A: b\r\n Authz-User: root", "X-Docker-A: b\nAuthz-User: root",
                                "X-Docker-A: b\rAuthz-User: root", "Authz-User : root", "Authz-User\r\n: root"}) {
    Client client = h.connect();
    EXPECT_TRUE(client.send(fmt::format("GET /_ping HTTP/1.1\r\nHost: d\r\n{}\r\n\r\n", own)));
    EXPECT_EQ(client.read()->status, 400) << own;
  }
  EXPECT_TRUE(h.engine().requests().empty());
}

TEST(EngineHeaders, EachUserOfAKeptConnectionHasTheirOwn) {
  std::atomic<int> connections = 0;
  std::mutex mutex;
  std::vector<ds01::test::FakeDockerd::Request> requests;
  Harness h(
      [&](ds01::test::FakeDockerd::Connection& peer) {
        ++connections;
        while (const auto request = peer.read()) {
          {
            const std::lock_guard lock(mutex);
            requests.push_back(*request);
          }
          if (!peer.reply(200, "{}")) return;
        }
      },
      tellingUsers());
  for (const char* const login : {"alice", "bob", "alice"}) {
    h.identities.become({1001, true}, callerNamed(login, 1001));
    Client client = h.connect();
    EXPECT_EQ(client.get("/info")->status, 200);
    EXPECT_EQ(client.get("/_ping")->status, 200);
    leave(h, client);
  }
  EXPECT_EQ(connections, 1);
  const std::lock_guard lock(mutex);
  EXPECT_THAT(told(requests), ElementsAre("GET /info: alice", "GET /_ping: alice", "GET /info: bob", "GET /_ping: bob",
                                          "GET /info: alice", "GET /_ping: alice"));
}

TEST(EngineHeaders, QuestionsOfOursAreNobodys) {
  Harness h(tellingUsers());
  const std::string id = fullId('a');
  h.ownership.add("mine", id, "alice");
  h.engine().answer("GET", "/v1.41/containers/json", 200,
                    fmt::format(R"([{{"Id":"{}","Labels":{{"ds01.user":"alice"}}}}])", id));
  h.engine().answer("DELETE", "/v1.41/containers/" + id, 204, "");
  EXPECT_EQ(h.connect().request("POST", "/v1.41/containers/prune")->status, 200);
  const auto seen = told(h.engine().requests());
  ASSERT_EQ(seen.size(), 2U);
  EXPECT_THAT(seen[0],
              testing::AllOf(testing::StartsWith("GET /v1.41/containers/json"), testing::EndsWith(": (ours)")));
  EXPECT_THAT(seen[1], testing::AllOf(testing::StartsWith("DELETE "), testing::EndsWith(": alice")));
}

TEST(EngineHeaders, UpgradesHaveThemToo) {
  std::mutex mutex;
  std::vector<ds01::test::FakeDockerd::Request> requests;
  Harness h(
      [&](ds01::test::FakeDockerd::Connection& peer) {
        const auto request = peer.read();
        if (!request) return;
        {
          const std::lock_guard lock(mutex);
          requests.push_back(*request);
        }
        peer.send("HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\nhello");
        peer.shutdownWrite();
        peer.waitForClose();
      },
      tellingUsers());
  h.ownership.add("mine", fullId('a'), "alice");
  Client client = h.connect();
  EXPECT_TRUE(
      client.send("POST /containers/mine/attach?stream=1 HTTP/1.1\r\nHost: d\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n"
                  "Authz-User: root\r\nContent-Length: 0\r\n\r\n"));
  EXPECT_EQ(client.read(true)->status, 101);
  EXPECT_EQ(client.readSome(), "hello");
  const std::lock_guard lock(mutex);
  ASSERT_EQ(requests.size(), 1U);
  EXPECT_THAT(told(requests)[0], testing::EndsWith("/attach?stream=1: alice"));
}

}  // namespace
}  // namespace ds01::gateway::test
