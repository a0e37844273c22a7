// What one user may occupy of the gateway, and that nobody else notices.
#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "harness.h"

namespace ds01::gateway::test {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::Not;

TEST(GatewayCaps, connectionsPerUidAndInAll) {
  GatewayOptions options;
  options.connections.of_users = 3;
  options.connections.per_account = 2;
  Harness h(options);
  h.engine().answer("GET", "/_ping", 200, "OK");
  Client first = h.connect();
  EXPECT_EQ(first.get("/_ping")->status, 200);
  Client second = h.connect();
  EXPECT_EQ(second.get("/_ping")->status, 200);
  Client third = h.connect();
  const auto per_uid = third.get("/_ping");
  EXPECT_EQ(per_uid->status, 503);
  EXPECT_THAT(per_uid->body, HasSubstr("you have 2 connections open"));
  EXPECT_EQ(first.get("/_ping")->status, 200);
}

TEST(GatewayCaps, whoIsRefusedMayNotStayInSilence) {
  GatewayOptions options;
  options.connections.per_account = 1;
  options.head_timeout = std::chrono::milliseconds(20);
  Harness h(options);
  h.engine().answer("GET", "/_ping", 200, "OK");
  Client first = h.connect();
  EXPECT_EQ(first.get("/_ping")->status, 200);
  Client second = h.connect();
  const auto refused = second.read();
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->status, 503);
  EXPECT_TRUE(second.atEnd());
  EXPECT_EQ(first.get("/_ping")->status, 200) << "silence on a good connection is no reason";
}

TEST(GatewayCaps, beyondWhatIsToldConnectionsAreClosedAtOnce) {
  GatewayOptions options;
  options.connections.per_account = 1;
  Harness h(options);
  h.engine().answer("GET", "/_ping", 200, "OK");
  std::vector<Client> clients;
  for (int i = 0; i < 40; ++i) clients.push_back(h.connect());
  EXPECT_EQ(clients.front().get("/_ping")->status, 200);
  EXPECT_TRUE(clients.back().atEnd());
  EXPECT_LE(h.connections(), 17U);
}

TEST(GatewayCaps, rootIsNotKeptOutByWhatUsersHaveOpen) {
  GatewayOptions options;
  options.connections.of_users = 2;
  Harness h(options);
  h.engine().answer("GET", "/_ping", 200, "OK");
  Client first = h.connect();
  EXPECT_EQ(first.get("/_ping")->status, 200);
  Client second = h.connect();
  EXPECT_EQ(second.get("/_ping")->status, 200);
  Client third = h.connect();
  EXPECT_EQ(third.get("/_ping")->status, 503);
  h.identities.become(kRootOnHost, callerNamed("root", 0, true));
  EXPECT_EQ(h.connect().get("/_ping")->status, 200);
}

// Root in a container has root's number.
TEST(GatewayCaps, whoeverIsRootInAContainerCountsForItsOwner) {
  GatewayOptions options;
  options.connections.per_account = 2;
  Harness h(options);
  h.engine().answer("GET", "/_ping", 200, "OK");
  h.identities.become({0, false}, callerNamed("alice", 1001));
  Client first = h.connect();
  EXPECT_EQ(first.get("/_ping")->status, 200);
  Client second = h.connect();
  EXPECT_EQ(second.get("/_ping")->status, 200);
  h.identities.become({1001, true}, callerNamed("alice", 1001));
  EXPECT_EQ(h.connect().get("/_ping")->status, 503);
  h.identities.become(kRootOnHost, callerNamed("root", 0, true));
  EXPECT_EQ(h.connect().get("/_ping")->status, 200);
  h.identities.become({0, false}, callerNamed("bob", 1002));
  EXPECT_EQ(h.connect().get("/_ping")->status, 200) << "another container";
}

TEST(GatewayCaps, whoeverIsRefusedKeepsNobodysPlace) {
  GatewayOptions options;
  options.connections = {.of_users = 2, .per_account = 2};
  Harness h(options);
  h.engine().answer("GET", "/_ping", 200, "OK");
  h.identities.denial = Denial{403, "foreign_namespace", "no"};
  std::vector<Client> strangers;
  for (const std::uint64_t container : {1U, 2U, 3U}) {
    h.identities.become({container, false}, callerNamed("mallory", 1003));
    strangers.push_back(h.connect());
    EXPECT_EQ(strangers.back().get("/_ping")->status, 403);
    strangers.push_back(h.connect());
  }
  while (h.connections() < strangers.size()) std::this_thread::yield();
  h.identities.denial.reset();
  h.identities.become({1001, true}, callerNamed("alice", 1001));
  EXPECT_EQ(h.connect().get("/_ping")->status, 200);
  EXPECT_EQ(strangers.back().get("/_ping")->status, 403);
}

TEST(GatewayCaps, oneContainersConnectionsAreOneUsersWhateverItsProcessesAreCalled) {
  GatewayOptions options;
  options.connections = {.of_users = 8, .per_account = 2, .told = 4, .told_per_account = 1};
  Harness h(options);
  h.engine().answer("GET", "/_ping", 200, "OK");
  std::vector<Client> clients;
  for (const std::uint64_t container : {1U, 2U, 3U}) {
    h.identities.become({container, false}, callerNamed("alice", 1001));
    clients.push_back(h.connect());
    const int expected = container < 3 ? 200 : 503;
    EXPECT_EQ(clients.back().get("/_ping")->status, expected) << container;
  }
  EXPECT_EQ(clients.front().get("/_ping")->status, 200);
}

// An Engine that does not answer GET /version until it is told to.
class SlowEngine {
 public:
  ds01::test::FakeDockerd::Handler handler() {
    return [this](ds01::test::FakeDockerd::Connection& peer) {
      while (const auto request = peer.read()) {
        std::unique_lock lock(mutex_);
        arrived_.push_back(request->target);
        changed_.notify_all();
        if (request->target == "/version") changed_.wait(lock, [this] { return answering_; });
        lock.unlock();
        peer.reply(200, "{}");
      }
    };
  }
  void awaitArrivals(std::size_t count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return arrived_.size() >= count; });
  }
  void answer() {
    const std::lock_guard lock(mutex_);
    answering_ = true;
    changed_.notify_all();
  }
  std::vector<std::string> arrived() {
    const std::lock_guard lock(mutex_);
    return arrived_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> arrived_;
  bool answering_ = false;
};

constexpr std::string_view kGetVersion = "GET /version HTTP/1.1\r\nHost: d\r\n\r\n";
constexpr std::string_view kGetInfo = "GET /info HTTP/1.1\r\nHost: d\r\n\r\n";

TEST(GatewayTurns, aUsersFloodWaitsBehindItselfAndNobodyElseDoes) {
  GatewayOptions options;
  options.requests_per_uid = 2;
  options.longest_turn = std::chrono::hours(1);
  SlowEngine engine;
  Harness h(engine.handler(), options);
  std::vector<Client> alice;
  for (int i = 0; i < 5; ++i) {
    alice.push_back(h.connect());
    EXPECT_EQ(alice.back().get("/_ping")->status, 200) << "identified from here on";
  }
  for (std::size_t i = 0; i < 2; ++i) {
    EXPECT_TRUE(alice[i].send(kGetVersion));
    engine.awaitArrivals(6 + i);
  }
  for (std::size_t i = 2; i < 5; ++i) EXPECT_TRUE(alice[i].send(kGetInfo));
  h.identities.become({1002, true}, callerNamed("bob", 1002));
  EXPECT_EQ(h.connect().get("/_ping")->status, 200);
  h.identities.become(kRootOnHost, callerNamed("root", 0, true));
  EXPECT_EQ(h.connect().get("/_ping")->status, 200);
  EXPECT_THAT(engine.arrived(), Not(Contains("/info")));
  engine.answer();
  for (Client& client : alice) EXPECT_EQ(client.read()->status, 200);
}

TEST(GatewayTurns, whatTakesLongMakesNobodyWait) {
  GatewayOptions options;
  options.requests_per_uid = 1;
  options.longest_turn = std::chrono::milliseconds(1);
  SlowEngine engine;
  Harness h(engine.handler(), options);
  Client waiting = h.connect();
  EXPECT_TRUE(waiting.send(kGetVersion));
  engine.awaitArrivals(1);
  EXPECT_EQ(h.connect().get("/info")->status, 200);
  engine.answer();
  EXPECT_EQ(waiting.read()->status, 200);
}

TEST(GatewayTurns, theRequestsOfThoseWhoHaveHungUpAreNotMade) {
  GatewayOptions options;
  options.requests_per_uid = 1;
  options.longest_turn = std::chrono::hours(1);
  SlowEngine engine;
  Harness h(engine.handler(), options);
  Client first = h.connect();
  EXPECT_TRUE(first.send(kGetVersion));
  engine.awaitArrivals(1);
  for (int i = 0; i < 5; ++i) {
    Client impatient = h.connect();
    EXPECT_TRUE(impatient.send(kGetInfo));
    while (h.connections() < static_cast<std::size_t>(i) + 2) std::this_thread::yield();
  }
  engine.answer();
  EXPECT_EQ(first.read()->status, 200);
  while (h.connections() > 1) std::this_thread::yield();
  EXPECT_THAT(engine.arrived(), Not(Contains("/info")));
}

TEST(GatewayTurns, whoseProcessHasGoneMeanwhileIsRefused) {
  GatewayOptions options;
  options.requests_per_uid = 1;
  options.longest_turn = std::chrono::hours(1);
  SlowEngine engine;
  Harness h(engine.handler(), options);
  Client first = h.connect();
  EXPECT_TRUE(first.send(kGetVersion));
  engine.awaitArrivals(1);
  Client second = h.connect();
  EXPECT_TRUE(second.send(kGetInfo));
  *h.identities.alive = false;
  engine.answer();
  EXPECT_EQ(first.read()->status, 200);
  EXPECT_EQ(second.read()->status, 403);
}

const std::string kNew = fullId('d');

std::string largeCreate(std::size_t bytes) {
  return R"({"Image":"busybox"})" + std::string(bytes, ' ');
}

TEST(GatewayMemory, whatIsTooMuchIsRefusedBeforeItIsRead) {
  GatewayOptions options;
  options.memory.bytes_per_uid = 2UL * 1024 * 1024;
  Harness h(options);
  h.engine().answer("POST", "/containers/create", 201, R"({"Id":")" + kNew + R"(","Warnings":[]})");
  Client client = h.connect();
  EXPECT_TRUE(
      client.send("POST /containers/create HTTP/1.1\r\nHost: d\r\nContent-Type: application/json\r\n"
                  "Content-Length: 200000\r\n\r\n"));
  const auto refused = client.read();
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->status, 503);
  EXPECT_THAT(refused->body, HasSubstr("needs 4 MiB"));
  EXPECT_EQ(h.events.of("auth.denied").size(), 1U);
  EXPECT_EQ(h.connect().request("POST", "/containers/create", largeCreate(100'000))->status, 201);
  EXPECT_EQ(h.connect().request("POST", "/containers/create", largeCreate(100'000))->status, 201) << "given back";
}

TEST(GatewayMemory, aBodyThatDoesNotTellItsLengthPaysAsItComes) {
  GatewayOptions options;
  options.memory.bytes_per_uid = 1024UL * 1024;
  Harness h(options);
  Client client = h.connect();
  EXPECT_TRUE(
      client.send("POST /containers/create HTTP/1.1\r\nHost: d\r\nContent-Type: application/json\r\n"
                  "Transfer-Encoding: chunked\r\n\r\n"));
  const std::string piece(32UL * 1024, ' ');
  for (int i = 0; i < 3; ++i) client.send(fmt::format("{:x}\r\n{}\r\n", piece.size(), piece));
  EXPECT_EQ(client.read()->status, 503);
}

TEST(GatewayMemory, whoFillsTheBudgetOfAllKeepsNobodyFromOrdinaryWork) {
  GatewayOptions options;
  constexpr std::size_t kMiB = 1024UL * 1024;
  options.memory = {.bytes_per_uid = 4 * kMiB, .shared_by_users = 3 * kMiB, .kept_per_uid = kMiB, .kept_uids = 8};
  Harness h(options);
  h.engine().answer("POST", "/containers/create", 201, R"({"Id":")" + kNew + R"(","Warnings":[]})");
  Client alice = h.connect();
  // 4 MiB by the number that is told; the body never comes.
  EXPECT_TRUE(
      alice.send("POST /containers/create HTTP/1.1\r\nHost: d\r\nContent-Type: application/json\r\n"
                 "Content-Length: 262144\r\nExpect: 100-continue\r\n\r\n"));
  EXPECT_EQ(alice.read(false, true)->status, 100);
  h.identities.become({1002, true}, callerNamed("bob", 1002));
  const auto large = h.connect().request("POST", "/containers/create", largeCreate(100'000));
  EXPECT_EQ(large->status, 503);
  EXPECT_THAT(large->body, HasSubstr("of all users"));
  EXPECT_EQ(h.connect().request("POST", "/containers/create", largeCreate(4000))->status, 201);
  EXPECT_EQ(h.connect().request("POST", "/containers/create", largeCreate(60'000))->status, 201) << "his own part";
  alice.close();
}

// By whatever uids its processes have, and in however many containers they are.
TEST(GatewayMemory, whoeverIsInAContainerCountsForItsOwner) {
  GatewayOptions options;
  options.memory.bytes_per_uid = 4UL * 1024 * 1024;
  Harness h(options);
  h.identities.become({1, false}, callerNamed("alice", 1001));
  Client first = h.connect();
  EXPECT_TRUE(
      first.send("POST /containers/create HTTP/1.1\r\nHost: d\r\nContent-Type: application/json\r\n"
                 "Content-Length: 200000\r\nExpect: 100-continue\r\n\r\n"));
  EXPECT_EQ(first.read(false, true)->status, 100);
  for (const Account& seems : {Account{1, false}, Account{2, false}, Account{1001, true}}) {
    h.identities.become(seems, callerNamed("alice", 1001));
    const auto refused = h.connect().request("POST", "/containers/create", largeCreate(100'000));
    ASSERT_TRUE(refused);
    EXPECT_EQ(refused->status, 503);
    EXPECT_THAT(refused->body, HasSubstr("your other requests hold 3 of the 4 MiB"));
  }
  first.close();
}

constexpr std::string_view kSlowCreate =
    "POST /containers/create HTTP/1.1\r\nHost: d\r\nContent-Type: application/json\r\nContent-Length: 200000\r\n\r\n";

TEST(GatewayMemory, aBodyThatFallsSilentIsCutOffAndGivesBackWhatItHeld) {
  GatewayOptions options;
  options.memory.bytes_per_uid = 4UL * 1024 * 1024;
  options.body_pause = std::chrono::milliseconds(20);
  Harness h(options);
  h.engine().answer("POST", "/containers/create", 201, R"({"Id":")" + kNew + R"(","Warnings":[]})");
  Client client = h.connect();
  EXPECT_TRUE(client.send(kSlowCreate));
  EXPECT_TRUE(client.send(R"({"Image":)"));
  const auto refused = client.read();
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->status, 408);
  EXPECT_THAT(refused->body, HasSubstr("ds01: the request body did not arrive in time"));
  EXPECT_EQ(refused->header("connection"), "close");
  EXPECT_TRUE(client.atEnd());
  ASSERT_EQ(h.events.of("auth.denied").size(), 1U);
  EXPECT_EQ(h.connect().request("POST", "/containers/create", largeCreate(200'000))->status, 201);
}

TEST(GatewayMemory, aBodyThatNeverComesIsCutOffAfterItsContinueToo) {
  GatewayOptions options;
  options.body_pause = std::chrono::milliseconds(20);
  Harness h(options);
  Client client = h.connect();
  EXPECT_TRUE(
      client.send("POST /containers/create HTTP/1.1\r\nHost: d\r\nContent-Type: application/json\r\n"
                  "Content-Length: 200\r\nExpect: 100-continue\r\n\r\n"));
  EXPECT_EQ(client.read(false, true)->status, 100);
  EXPECT_EQ(client.read()->status, 408);
}

// However short its pauses are.
TEST(GatewayMemory, aBodyThatDripsIsCutOffWhenItsTimeIsOver) {
  GatewayOptions options;
  options.body_timeout = std::chrono::milliseconds(50);
  Harness h(options);
  Client client = h.connect();
  EXPECT_TRUE(
      client.send("POST /containers/create HTTP/1.1\r\nHost: d\r\nContent-Type: application/json\r\n"
                  "Transfer-Encoding: chunked\r\n\r\n"));
  std::string answer;
  while (answer.empty() && client.send("1\r\n \r\n")) answer = client.readNow();
  EXPECT_THAT(answer, HasSubstr("HTTP/1.1 408"));
}

TEST(GatewayMemory, anAnswerThatIsReadWholeCountsToo) {
  GatewayOptions options;
  options.memory.bytes_per_uid = 512UL * 1024;
  Harness h(options);
  h.engine().answer("GET", "/containers/json", 200, "[" + std::string(100'000, ' ') + "]");
  const auto reply = h.connect().get("/containers/json");
  EXPECT_EQ(reply->status, 503);
  EXPECT_THAT(reply->body, HasSubstr("answer was not taken"));
  h.engine().answer("GET", "/containers/json", 200, "[]");
  EXPECT_EQ(h.connect().get("/containers/json")->status, 200);
}

}  // namespace
}  // namespace ds01::gateway::test
