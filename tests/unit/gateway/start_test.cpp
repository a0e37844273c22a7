// POST /containers/{}/start and /restart: asked of the lease first, and settled whatever the Engine or the client does.
#include <atomic>
#include <future>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "harness.h"

namespace ds01::gateway::test {
namespace {

using ds01::test::FakeDockerd;
using Connection = FakeDockerd::Connection;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const std::string kMine = fullId('a');
const std::string kStart = "/containers/" + kMine + "/start";
constexpr const char* kNotSeen =
    R"({"message":"CDI device injection failed: unresolvable CDI devices ds01.io/lease=L1: unknown"})";

class Start : public testing::Test {
 protected:
  Start() {
    h.ownership.add("mine", kMine, "alice");
    h.ownership.add("theirs", fullId('b'), "bob");
    h.grants.start_lease = LeaseId("L1");
  }
  std::size_t asked() { return h.engine().requests().size(); }
  Harness h;
};

TEST_F(Start, IsAdmittedBeforeItIsForwardedAndSettledBeforeTheClientHears) {
  h.engine().answer("POST", kStart, 204, "");
  Client client = h.connect();
  EXPECT_EQ(client.request("POST", "/containers/mine/start")->status, 204);
  EXPECT_THAT(h.grants.entries(), ElementsAre("start aaaa", "ended L1 started"));
  h.engine().answer("POST", "/containers/" + kMine + "/restart", 204, "");
  EXPECT_EQ(client.request("POST", "/containers/mine/restart?t=0")->status, 204);
  EXPECT_THAT(h.grants.entries(), ElementsAre("start aaaa", "ended L1 started", "start aaaa", "ended L1 started"));
}

TEST_F(Start, ARefusalReachesTheClientAndNotTheEngine) {
  h.grants.denial = Denial{409, "gpu_none_free", "no GPU is free"};
  Client client = h.connect();
  const auto reply = client.request("POST", "/containers/mine/start");
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->status, 409);
  EXPECT_THAT(reply->body, HasSubstr("ds01: no GPU is free (decision D1)"));
  EXPECT_EQ(asked(), 0U);
}

TEST_F(Start, OfSomebodyElsesContainerAsksNobody) {
  Client client = h.connect();
  EXPECT_EQ(client.request("POST", "/containers/theirs/start")->status, 404);
  EXPECT_EQ(client.request("POST", "/containers/mine/start?checkpoint=x")->status, 403);
  EXPECT_THAT(h.grants.entries(), IsEmpty());
  EXPECT_EQ(asked(), 0U);
}

TEST_F(Start, WhatHasPtraceRunsOnlyWhereItIsConfined) {
  h.ownership.containers.front().confined = true;
  h.ownership.execs["e1"] = h.ownership.containers.front();
  for (const std::string target :
       {"/containers/mine/start", "/containers/mine/restart", "/containers/mine/exec", "/exec/e1/start"}) {
    Client client = h.connect();
    const auto reply = client.request("POST", target, "{}");
    ASSERT_TRUE(reply) << target;
    EXPECT_EQ(reply->status, 409) << target;
    EXPECT_THAT(reply->body, HasSubstr("this container has SYS_PTRACE")) << target;
  }
  EXPECT_THAT(h.grants.entries(), IsEmpty());
  EXPECT_EQ(asked(), 0U);
}

TEST_F(Start, WhatHasPtraceStartsWhereItIsConfined) {
  h.ownership.containers.front().confined = true;
  h.site.facts->apparmor = true;
  h.engine().answer("POST", kStart, 204, "");
  Client client = h.connect();
  EXPECT_EQ(client.request("POST", "/containers/mine/start")->status, 204);
}

TEST_F(Start, WhatHasPtraceWaitsForAnEngineOfWhichNothingIsKnown) {
  h.ownership.containers.front().confined = true;
  h.site.facts.reset();
  Client client = h.connect();
  EXPECT_EQ(client.request("POST", "/containers/mine/start")->status, 503);
  EXPECT_EQ(asked(), 0U);
}

TEST_F(Start, AdministratorsRunWhatHasPtraceAnywhere) {
  h.ownership.containers.front().confined = true;
  h.identities.caller.admin = true;
  h.engine().answer("POST", kStart, 204, "");
  Client client = h.connect();
  EXPECT_EQ(client.request("POST", "/containers/mine/start")->status, 204);
}

TEST_F(Start, OneThatRunsAlreadyCountsAsStarted) {
  h.engine().answer("POST", kStart, 304, "");
  Client client = h.connect();
  EXPECT_EQ(client.request("POST", "/containers/mine/start")->status, 304);
  EXPECT_THAT(h.grants.entries(), ElementsAre("start aaaa", "ended L1 started"));
}

TEST_F(Start, WhatTheEngineRefusesOrBreaksOffIsNotStarted) {
  h.engine().answer("POST", kStart, 500, R"({"message":"no space left"})");
  Client client = h.connect();
  const auto reply = client.request("POST", "/containers/mine/start");
  EXPECT_EQ(reply->status, 500);
  EXPECT_EQ(reply->body, R"({"message":"no space left"})");
  h.engine().answerRaw("POST", kStart, "");
  EXPECT_EQ(h.connect().request("POST", "/containers/mine/start")->status, 502);
  h.stopEngine();
  EXPECT_EQ(h.connect().request("POST", "/containers/mine/start")->status, 503);
  EXPECT_THAT(h.grants.entries(), ElementsAre("start aaaa", "ended L1 unknown", "start aaaa", "ended L1 unknown",
                                              "start aaaa", "ended L1 unknown"));
}

TEST_F(Start, AnEntryThatTheEngineHasNotSeenYetIsWaitedForOnce) {
  std::atomic<int> starts = 0;
  h.engine().answer("POST", kStart, [&](const FakeDockerd::Request&) {
    return ++starts < 3 ? std::pair<int, std::string>{500, kNotSeen} : std::pair<int, std::string>{204, ""};
  });
  Client client = h.connect();
  // Its slots are those of before: no entry is new, so the Engine's refusal stands.
  EXPECT_EQ(client.request("POST", "/containers/mine/start")->status, 500);
  EXPECT_EQ(starts, 1);
  h.grants.start_fresh = true;
  EXPECT_EQ(client.request("POST", "/containers/mine/start")->status, 204);
  EXPECT_EQ(starts, 3);
}

TEST_F(Start, ByAdminsTakesTheSameWay) {
  h.identities.caller.admin = true;
  h.engine().answer("POST", "/containers/" + fullId('b') + "/start", 204, "");
  Client client = h.connect();
  EXPECT_EQ(client.request("POST", "/containers/theirs/start", R"({"Binds":null})")->status, 204);
  EXPECT_THAT(h.grants.entries(), ElementsAre("start bbbb", "ended L1 started"));
  EXPECT_EQ(h.engine().requests().at(0).body, R"({"Binds":null})");
}

// The docker CLI waits for the removal on a second connection and calls it an error when the start's answer comes
// first.
TEST(StartOrder, AFailedStartDoesNotOvertakeWhatTheEngineSaidBefore) {
  std::promise<Connection*> waiting;
  Harness h([&](Connection& peer) {
    const auto request = peer.read();
    if (!request) return;
    if (request->target.find("/wait") == std::string::npos) {
      peer.reply(500, R"({"message":"no such program"})");
    } else {
      peer.send("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n");
      waiting.set_value(&peer);
    }
    peer.waitForClose();
  });
  h.ownership.add("mine", kMine, "alice");
  h.grants.start_lease = LeaseId("L1");
  Client wait = h.connect();
  wait.send("POST /containers/mine/wait?condition=removed HTTP/1.1\r\nHost: d\r\n\r\n");
  Connection* const engine = waiting.get_future().get();
  ASSERT_TRUE(wait.read(/*to_head=*/true));
  // The last thing before the start's answer is sent on.
  h.grants.on_start_ended = [&] { engine->send("13\r\n{\"StatusCode\":128}\n\r\n0\r\n\r\n"); };
  EXPECT_EQ(h.connect().request("POST", "/containers/mine/start")->status, 500);
  EXPECT_THAT(wait.readNow(), HasSubstr("StatusCode"));
}

TEST_F(Start, WithoutCdiNoGpuIsCreated) {
  h.site.trouble = Denial{503, "cdi_unavailable", "CDI is off in this Docker Engine"};
  Client client = h.connect();
  const auto reply =
      client.request("POST", "/containers/create",
                     R"({"Image":"busybox","HostConfig":{"DeviceRequests":[{"Count":1,"Capabilities":[["gpu"]]}]}})");
  EXPECT_EQ(reply->status, 503);
  EXPECT_THAT(reply->body, HasSubstr("CDI is off"));
  EXPECT_THAT(h.grants.entries(), IsEmpty());
  h.engine().answer("POST", "/containers/create", 201, R"({"Id":")" + fullId('d') + R"("})");
  EXPECT_EQ(client.request("POST", "/containers/create", R"({"Image":"busybox"})")->status, 201);
}

}  // namespace
}  // namespace ds01::gateway::test
