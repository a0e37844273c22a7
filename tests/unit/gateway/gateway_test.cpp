// Requests and answers that do not stream: decisions, ownership, the Engine's absence.
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "harness.h"

namespace ds01::gateway::test {
namespace {

using ds01::test::FakeDockerd;
using testing::HasSubstr;
using testing::Not;

const std::string kMine = fullId('a');
const std::string kTheirs = fullId('b');

class GatewayTest : public testing::Test {
 protected:
  GatewayTest() {
    h.ownership.add("mine", kMine, "alice");
    h.ownership.add("theirs", kTheirs, "bob");
    h.ownership.add("infra", fullId('c'), std::nullopt);
    h.engine().answer("GET", "/_ping", 200, "OK");
  }
  std::vector<FakeDockerd::Request> sent() { return h.engine().requests(); }
  void becomeAdmin() {
    const std::lock_guard lock(h.identities.mutex);
    h.identities.caller = callerNamed("root", 0, true);
  }
  Harness h;
};

TEST_F(GatewayTest, eachRequestOfAConnectionIsDecidedOnItsOwn) {
  Client client = h.connect();
  EXPECT_EQ(client.get("/_ping")->status, 200);
  const auto denied = client.get("/v1.41/swarm");
  ASSERT_TRUE(denied);
  EXPECT_EQ(denied->status, 403);
  EXPECT_THAT(denied->body, HasSubstr("ds01: "));
  EXPECT_THAT(denied->body, HasSubstr("(decision D1)"));
  EXPECT_EQ(client.get("/_ping")->status, 200);
  EXPECT_EQ(sent().size(), 2U);
  EXPECT_EQ(h.engine().connections(), 1U);
  const auto events = h.events.of("auth.denied");
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(events[0].user, "alice");
  EXPECT_EQ(events[0].details.at("path"), "/swarm");
  EXPECT_EQ(events[0].details.at("reason"), "admins_only");
  EXPECT_EQ(events[0].details.at("decision"), "D1");
}

TEST_F(GatewayTest, pipelinedRequestsAreAnsweredInOrder) {
  Client client = h.connect();
  ASSERT_TRUE(
      client.send("GET /_ping HTTP/1.1\r\nHost: d\r\n\r\nGET /debug/x HTTP/1.1\r\nHost: d\r\n\r\n"
                  "GET /_ping HTTP/1.1\r\nHost: d\r\n\r\n"));
  EXPECT_EQ(client.read()->status, 200);
  EXPECT_EQ(client.read()->status, 403);
  EXPECT_EQ(client.read()->status, 200);
}

TEST_F(GatewayTest, onlyWhatWeWroteGoesOn) {
  h.engine().answer("GET", "/v1.41/containers/" + kMine + "/json", 200, "{}");
  Client client = h.connect();
  ASSERT_TRUE(
      client.send("GET /v1.41/containers/min%65/json?size=%31&x=a+b HTTP/1.1\r\nHost: evil\r\nX-Evil: 1\r\n"
                  "User-Agent: ua\r\n\r\n"));
  EXPECT_EQ(client.read()->status, 200);
  ASSERT_EQ(sent().size(), 1U);
  EXPECT_EQ(sent()[0].target, "/v1.41/containers/" + kMine + "/json?size=1&x=a%20b");
  EXPECT_EQ(sent()[0].header("host"), "docker");
  EXPECT_EQ(sent()[0].header("user-agent"), "ua");
  EXPECT_EQ(sent()[0].header("x-evil"), "");
}

TEST_F(GatewayTest, foreignContainersDoNotExist) {
  Client client = h.connect();
  const std::vector<std::string> refs = {"theirs", kTheirs, kTheirs.substr(0, 12), "infra", "nope"};
  for (const std::string& ref : refs) {
    for (const char* const path : {"/json", "/logs", "/archive?path=/", "/attach/ws", "/export"}) {
      const auto reply = client.get("/containers/" + ref + path);
      ASSERT_TRUE(reply);
      EXPECT_EQ(reply->status, 404);
      EXPECT_EQ(reply->body, "{\"message\":\"No such container: " + ref + "\"}\n");
    }
    for (const char* const path : {"/start", "/kill", "/exec", "/attach", "/update", "/rename?name=x"}) {
      EXPECT_EQ(client.request("POST", "/containers/" + ref + path)->status, 404);
    }
    EXPECT_EQ(client.request("DELETE", "/containers/" + ref)->status, 404);
    EXPECT_EQ(client.request("POST", "/commit?container=" + ref)->status, 404);
  }
  EXPECT_TRUE(sent().empty());
  EXPECT_FALSE(h.events.of("auth.denied").empty());
}

TEST_F(GatewayTest, execsFollowTheirContainer) {
  h.engine().answer("POST", "/containers/" + kMine + "/exec", 201, R"({"Id":"e1"})");
  h.engine().answer("GET", "/exec/e1/json", 200, "{}");
  h.ownership.execs["e2"] = {ContainerId(kTheirs), "theirs", "bob"};
  Client client = h.connect();
  EXPECT_EQ(client.request("POST", "/containers/mine/exec", R"({"Cmd":["id"]})")->status, 201);
  EXPECT_EQ(client.get("/exec/e1/json")->status, 200);
  EXPECT_EQ(h.events.of("container.exec").size(), 1U);
  EXPECT_EQ(client.request("POST", "/containers/mine/exec", R"({"Cmd":["id"],"Privileged":true})")->status, 403);
  const auto foreign = client.request("POST", "/exec/e2/start", "{}");
  EXPECT_EQ(foreign->status, 404);
  EXPECT_THAT(foreign->body, HasSubstr("No such exec instance: e2"));
}

TEST_F(GatewayTest, theListShowsOwnContainersOnlyWhateverTheirLabels) {
  const std::string list = R"([{"Id":")" + kMine + R"(","SizeRw":9007199254740993,"Labels":{"x":"ü"}},{"Id":")" +
                           kTheirs + R"(","Labels":{"ds01.user":"alice"}},{"NoId":1}])";
  h.engine().answer("GET", "/containers/json", 200, list);
  Client client = h.connect();
  const auto reply = client.get("/containers/json?filters=%7B%22label%22%3A%5B%22a%22%5D%7D&all=1");
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->body, R"([{"Id":")" + kMine + R"(","SizeRw":9007199254740993,"Labels":{"x":"ü"}}])");
  const auto target = sent().at(0).target;
  EXPECT_THAT(target, HasSubstr("all=1"));
  EXPECT_THAT(target, HasSubstr("%22ds01.user%3Dalice%22:true"));
  EXPECT_EQ(client.get("/containers/json?filters=%7B")->status, 400);
  EXPECT_EQ(client.get("/containers/json?filters=%7B%22since%22%3A%5B%22theirs%22%5D%7D")->status, 404);
}

TEST_F(GatewayTest, removalEndsTheLeaseBeforeTheAnswer) {
  h.engine().answer("DELETE", "/containers/" + kMine, 204, "");
  Client client = h.connect();
  EXPECT_EQ(client.request("DELETE", "/containers/mine?force=1")->status, 204);
  EXPECT_EQ(h.ownership.removals, std::vector<std::string>{kMine});
}

TEST_F(GatewayTest, refusedRemovalEndsNothing) {
  h.engine().answer("DELETE", "/containers/" + kMine, 409, R"({"message":"running"})");
  Client client = h.connect();
  EXPECT_EQ(client.request("DELETE", "/containers/mine")->status, 409);
  EXPECT_TRUE(h.ownership.removals.empty());
}

TEST_F(GatewayTest, networksHideForeignContainers) {
  h.engine().answer(
      "GET", "/networks/" + fullId('e'), 200,
      R"({"Name":"bridge","Containers":{")" + kMine + R"(":{"Name":"mine"},")" + kTheirs + R"(":{"Name":"theirs"}}})");
  h.engine().answer("POST", "/networks/" + fullId('f') + "/connect", 200, "");
  h.engine_client.networks["bridge"] = {fullId('e'), "bridge"};
  h.engine_client.networks["n"] = {fullId('f'), "n", {{"ds01.user", "alice"}}};
  Client client = h.connect();
  const auto reply = client.get("/networks/bridge");
  EXPECT_THAT(reply->body, HasSubstr("mine"));
  EXPECT_THAT(reply->body, Not(HasSubstr("theirs")));
  EXPECT_EQ(client.request("POST", "/networks/n/connect", R"({"Container":"theirs"})")->status, 404);
  EXPECT_EQ(client.request("POST", "/networks/n/connect", R"({"Container":"mine"})")->status, 200);
  EXPECT_THAT(sent().back().body, HasSubstr(kMine));
}

TEST_F(GatewayTest, buildsGetOurCgroupParent) {
  h.engine().answer("POST", "/build", 200, "{}");
  Client client = h.connect();
  EXPECT_EQ(client.request("POST", "/build?t=a&t=b")->status, 200);
  EXPECT_EQ(sent().at(0).target,
            "/build?t=docker.io/library/a:latest&t=docker.io/library/b:latest&cgroupparent=/ds01.slice/"
            "ds01-student.slice/ds01-build-alice.slice");
  EXPECT_EQ(client.request("POST", "/build?networkmode=host")->status, 403);
  EXPECT_EQ(client.request("POST", "/build?cgroupparent=/")->status, 403);
}

TEST_F(GatewayTest, smallRules) {
  h.engine_client.image_views["x"] = {.id = "sha256:" + fullId('9'), .env = {}, .labels = {}};
  ASSERT_TRUE(h.images.owners.putTag("docker.io/library/x:latest", {"alice", true}));
  h.engine().answer("DELETE", "/images/docker.io/library/x:latest", 200, "[]");
  Client client = h.connect();
  EXPECT_EQ(client.request("DELETE", "/images/x")->status, 200);
  EXPECT_EQ(client.request("DELETE", "/images/x?force=1")->status, 403);
  EXPECT_EQ(client.request("POST", "/session")->status, 400);
  EXPECT_EQ(client.request("POST", "/grpc")->status, 400);
  EXPECT_EQ(client.get("/plugins/x/json")->status, 404);
  EXPECT_EQ(client.get("/v1.23/info")->status, 400);
  EXPECT_EQ(client.request("POST", "/containers/mine/start", R"({"Privileged":true})")->status, 400);
}

TEST_F(GatewayTest, emptyJsonAtStartIsNoBody) {
  h.engine().answer("POST", "/containers/" + kMine + "/start", 204, "");
  Client client = h.connect();
  EXPECT_EQ(client.request("POST", "/containers/mine/start", "{}")->status, 204);
  EXPECT_EQ(sent().at(0).body, "");
  EXPECT_EQ(sent().at(0).header("content-length"), "0");
}

TEST_F(GatewayTest, adminsPassAlsoToWhatIsUnknown) {
  becomeAdmin();
  h.engine().answer("POST", "/new/thing", 200, "{}");
  h.engine().answer("GET", "/containers/" + kTheirs + "/json", 200, "{}");
  Client client = h.connect();
  EXPECT_EQ(client.request("POST", "/new/thing?x=1", R"({"a":1})")->status, 200);
  EXPECT_EQ(sent().at(0).body, R"({"a":1})");
  EXPECT_EQ(client.get("/containers/theirs/json")->status, 200);
  EXPECT_EQ(client.get("/a//b")->status, 400);
}

TEST_F(GatewayTest, malformedHeadsEndTheConnection) {
  for (const char* bad : {"GET / HTTP/1.1\nHost: d\n\n",
                          "GET /_ping HTTP/1.1\r\nHost: d\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
                          "GET /a/../_ping HTTP/1.1\r\nHost: d\r\n\r\n", "garbage\r\n\r\n"}) {
    Client client = h.connect();
    ASSERT_TRUE(client.send(bad));
    const auto reply = client.read();
    ASSERT_TRUE(reply) << bad;
    EXPECT_EQ(reply->status, 400) << bad;
    EXPECT_EQ(reply->header("connection"), "close");
    EXPECT_TRUE(client.atEnd());
  }
  EXPECT_TRUE(sent().empty());
}

TEST_F(GatewayTest, longHeadsAreRefused) {
  Client client = h.connect();
  client.send("GET /_ping HTTP/1.1\r\nHost: d\r\nA: " + std::string(300 * 1024, 'a'));
  const auto reply = client.read();
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->status, 431);
}

TEST_F(GatewayTest, bodiesThatAreRewrittenHaveALimit) {
  Client client = h.connect();
  client.send("POST /containers/create HTTP/1.1\r\nHost: d\r\nContent-Length: 5000000\r\n\r\n");
  const auto reply = client.read();
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->status, 413);
  EXPECT_EQ(reply->header("connection"), "close");
}

TEST_F(GatewayTest, aDenialDoesNotWaitForTheBody) {
  Client client = h.connect();
  client.send("POST /plugins/create HTTP/1.1\r\nHost: d\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
  const auto reply = client.read();
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->status, 403);
  EXPECT_EQ(reply->header("connection"), "close");
}

TEST_F(GatewayTest, nobodyIsServedWhomTheKernelDoesNotProve) {
  h.identities.denial = Denial{403, "no_login", "uid 7 has no login here"};
  Client client = h.connect();
  const auto reply = client.get("/_ping");
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->status, 403);
  EXPECT_THAT(reply->body, HasSubstr("uid 7 has no login here (decision D1)"));
  EXPECT_TRUE(client.atEnd());
}

TEST_F(GatewayTest, aPeerThatHasExitedIsRefused) {
  Client client = h.connect();
  EXPECT_EQ(client.get("/_ping")->status, 200);
  h.identities.alive->store(false);
  EXPECT_EQ(client.get("/_ping")->status, 403);
  EXPECT_TRUE(client.atEnd());
}

TEST_F(GatewayTest, whoIsKnownFromBeforeMayLookAndChangeNothing) {
  for (const bool admin : {false, true}) {
    {
      const std::lock_guard lock(h.identities.mutex);
      h.identities.caller = callerNamed("alice", 1001, admin);
      h.identities.caller.stale = true;
    }
    h.engine().answer("GET", "/v1.41/containers/" + kMine + "/json", 200, "{}");
    Client client = h.connect();
    EXPECT_EQ(client.get("/_ping")->status, 200);
    EXPECT_EQ(client.get("/v1.41/containers/" + kMine + "/json")->status, 200);
    const std::size_t before = sent().size();
    for (const char* target : {"/containers/mine/start", "/containers/mine/stop", "/containers/create", "/exec/x/start",
                               "/containers/mine/attach", "/nothing/that/is/known"}) {
      const auto reply = h.connect().request("POST", std::string("/v1.41") + target, "{}");
      ASSERT_TRUE(reply) << target;
      EXPECT_EQ(reply->status, 503) << target;
      EXPECT_THAT(reply->body, HasSubstr("user database does not answer")) << target;
    }
    EXPECT_EQ(h.connect().request("DELETE", "/v1.41/containers/mine")->status, 503);
    EXPECT_EQ(h.connect().get("/v1.41/containers/mine/attach/ws")->status, 503) << "it writes to the container";
    EXPECT_EQ(sent().size(), before);
  }
}

TEST_F(GatewayTest, anEngineThatIsAwayComesBackByItself) {
  Client client = h.connect();
  EXPECT_EQ(client.get("/_ping")->status, 200);
  h.stopEngine();
  const auto away = client.get("/_ping");
  ASSERT_TRUE(away);
  EXPECT_EQ(away->status, 503);
  EXPECT_THAT(away->body, HasSubstr("does not answer at " + h.enginePath()));
  h.startEngine();
  h.engine().answer("GET", "/_ping", 200, "OK");
  EXPECT_EQ(client.get("/_ping")->status, 200);
}

TEST_F(GatewayTest, ownershipThatCannotBeAskedIsNoPermission) {
  h.ownership.away = true;
  Client client = h.connect();
  EXPECT_EQ(client.request("POST", "/containers/mine/start")->status, 503);
  EXPECT_TRUE(sent().empty());
}

TEST(GatewayFailures, eachRequestThatTheEngineDoesNotAnswerIsTold) {
  std::atomic<int> unanswered = 0;
  GatewayOptions options;
  options.on_engine_unanswered = [&unanswered](std::string_view) { ++unanswered; };
  Harness h(std::move(options));
  h.engine().answer("GET", "/_ping", 200, "OK");
  EXPECT_EQ(h.connect().get("/_ping")->status, 200);
  EXPECT_EQ(unanswered, 0);
  h.stopEngine();
  EXPECT_EQ(h.connect().get("/_ping")->status, 503);
  EXPECT_EQ(h.connect().get("/_ping")->status, 503);
  EXPECT_EQ(unanswered, 2);
}

TEST(GatewayCaps, aFloodIsNotEvenTold) {
  GatewayOptions options;
  options.connections.per_account = 1;
  Harness h(options);
  std::vector<Client> clients;
  for (int i = 0; i < 17; ++i) clients.push_back(h.connect());  // one and those that get a sentence
  while (h.connections() < 17) std::this_thread::yield();
  Client beyond = h.connect();
  EXPECT_TRUE(beyond.atEnd());
  EXPECT_EQ(clients.back().get("/_ping")->status, 503);
}

TEST(GatewayCaps, peersWithoutALoginCountToo) {
  GatewayOptions options;
  options.connections.per_account = 1;
  options.head_timeout = std::chrono::milliseconds(20);
  Harness h(options);
  h.identities.denial = Denial{403, "foreign_namespace", "no"};
  Client first = h.connect();
  EXPECT_EQ(first.read()->status, 403);
  EXPECT_TRUE(first.atEnd());
}

TEST(GatewayCaps, aSlowHeadIsCutOff) {
  GatewayOptions options;
  options.head_timeout = std::chrono::milliseconds(20);
  Harness h(options);
  Client client = h.connect();
  client.send("GET /_ping HTT");
  EXPECT_EQ(client.read()->status, 408);
}

TEST(GatewayStop, endsAllSessions) {
  Harness h;
  h.engine().answer("GET", "/_ping", 200, "OK");
  Client client = h.connect();
  EXPECT_EQ(client.get("/_ping")->status, 200);
  EXPECT_EQ(h.connections(), 1U);
  h.stop();
  EXPECT_TRUE(client.atEnd());
}

}  // namespace
}  // namespace ds01::gateway::test
