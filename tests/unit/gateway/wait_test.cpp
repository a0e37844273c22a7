// Requests that wait their turn: the client is watched, is sent 100 Continue, and loses nothing that it sent meanwhile.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "harness.h"

namespace ds01::gateway::test {
namespace {

using std::chrono::milliseconds;
using testing::ElementsAre;
using testing::HasSubstr;

const std::string kMine = fullId('a');
const std::string kStart = "/containers/" + kMine + "/start";
const std::string kNew = fullId('d');
const std::string kGpu =
    R"({"Image":"busybox","HostConfig":{"DeviceRequests":[{"Driver":"","Count":1,"DeviceIDs":null,"Capabilities":[["gpu"]],"Options":{}}]}})";
const std::string kCreate =
    "POST /containers/create?name=train HTTP/1.1\r\nHost: d\r\nContent-Type: application/json\r\n"
    "Content-Length: " +
    std::to_string(kGpu.size()) + "\r\n\r\n" + kGpu;
const std::string kPing = "GET /_ping HTTP/1.1\r\nHost: d\r\n\r\n";

class Wait : public testing::Test {
 protected:
  explicit Wait(milliseconds continue_every = std::chrono::hours{1}) : h(optionsWith(continue_every)) {
    h.grants.waiting = FakeGrants::Waiting::Turn;
    h.grants.start_lease = LeaseId("L1");
    h.ownership.add("mine", kMine, "alice");
    h.engine().answer("POST", "/containers/create", 201, R"({"Id":")" + kNew + R"(","Warnings":[]})");
    h.engine().answer("POST", kStart, 204, "");
    h.engine().answer("GET", "/_ping", 200, "OK");
  }
  static GatewayOptions optionsWith(milliseconds continue_every) {
    GatewayOptions options;
    options.continue_every = continue_every;
    return options;
  }
  std::size_t asked() { return h.engine().requests().size(); }
  // The gateway's thread has had something else to do this often.
  void turns(int number) {
    for (int i = 0; i < number; ++i) h.connections();
  }
  Harness h;
};

class WaitWithContinues : public Wait {
 protected:
  WaitWithContinues() : Wait(milliseconds{1}) {}
};

TEST_F(Wait, TheEngineIsAskedWhenItIsTheRequestsTurn) {
  Client client = h.connect();
  client.send(kCreate);
  ASSERT_TRUE(h.grants.comesTo("waits"));
  turns(3);
  EXPECT_EQ(asked(), 0U);
  h.grants.letGo();
  const auto reply = client.read(false, true);
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->status, 201);
  EXPECT_THAT(h.grants.entries(),
              ElementsAre("reserve train", "waits", "bind D1 L0000000000000001 " + kNew + " train alice"));
  EXPECT_EQ(client.get("/_ping")->status, 200) << "the connection goes on";
}

TEST_F(WaitWithContinues, FourContinuesAndNotOneMore) {
  Client client = h.connect();
  client.send(kCreate);
  for (int i = 0; i < 4; ++i) {
    const auto interim = client.read(false, true);
    ASSERT_TRUE(interim);
    EXPECT_EQ(interim->status, 100);
    EXPECT_TRUE(interim->headers.empty());
  }
  Client other = h.connect();
  for (int i = 0; i < 50; ++i) ASSERT_EQ(other.get("/_ping")->status, 200);
  h.grants.letGo();
  const auto reply = client.read(false, true);
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->status, 201);
}

TEST_F(WaitWithContinues, ARefusalFollowsTheContinues) {
  Client client = h.connect();
  client.send(kCreate);
  EXPECT_EQ(client.read(false, true)->status, 100);
  {
    const std::lock_guard lock(h.grants.mutex);
    h.grants.denial = Denial{409, "gpu_wait_timeout", "no GPU was given back in time"};
  }
  h.grants.letGo();
  const auto reply = client.read();
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->status, 409);
  EXPECT_THAT(reply->body, HasSubstr("no GPU was given back in time (decision D1)"));
  EXPECT_EQ(client.get("/_ping")->status, 200);
}

TEST_F(Wait, WhoeverDoesNotWaitGetsNoContinue) {
  h.grants.waiting = FakeGrants::Waiting::Never;
  Client client = h.connect();
  client.send(kCreate);
  EXPECT_EQ(client.read(false, true)->status, 201);
}

TEST_F(Wait, AClientThatGoesLeavesAndNothingIsForwarded) {
  {
    Client client = h.connect();
    client.send(kCreate);
    ASSERT_TRUE(h.grants.comesTo("waits"));
  }
  ASSERT_TRUE(h.grants.comesTo("gone"));
  while (h.connections() > 0) turns(1);
  EXPECT_EQ(asked(), 0U);
  EXPECT_THAT(h.grants.entries(), ElementsAre("reserve train", "waits", "gone"));
  EXPECT_TRUE(h.events.of("auth.denied").empty());
}

TEST_F(Wait, AClientThatGoesWithItsNextRequestUnreadLeavesToo) {
  {
    Client client = h.connect();
    client.send(kCreate);
    ASSERT_TRUE(h.grants.comesTo("waits"));
    client.send(kPing);
    turns(3);
  }
  ASSERT_TRUE(h.grants.comesTo("gone"));
  while (h.connections() > 0) turns(1);
  EXPECT_EQ(asked(), 0U);
}

TEST_F(Wait, WhatIsGrantedInTheInstantInWhichTheClientGoesIsGivenBack) {
  h.grants.waiting = FakeGrants::Waiting::SameInstant;
  {
    Client client = h.connect();
    client.send(kCreate);
    ASSERT_TRUE(h.grants.comesTo("waits"));
  }
  ASSERT_TRUE(h.grants.comesTo("release D1 L0000000000000001"));
  while (h.connections() > 0) turns(1);
  EXPECT_EQ(asked(), 0U);
  EXPECT_THAT(h.grants.entries(), ElementsAre("reserve train", "waits", "gone", "release D1 L0000000000000001"));
}

TEST_F(WaitWithContinues, WhatIsSentMeanwhileIsAnsweredAfterwards) {
  Client client = h.connect();
  client.send(kCreate + kPing);
  ASSERT_TRUE(h.grants.comesTo("waits"));
  client.send(kPing);
  turns(3);
  h.grants.letGo();
  EXPECT_EQ(client.read()->status, 201);
  EXPECT_EQ(client.read()->body, "OK");
  EXPECT_EQ(client.read()->body, "OK");
}

TEST_F(WaitWithContinues, AClientThatHasSentItsLastStillReads) {
  Client client = h.connect();
  client.send(kCreate);
  ASSERT_TRUE(h.grants.comesTo("waits"));
  client.shutdownWrite();
  EXPECT_EQ(client.read(false, true)->status, 100);
  EXPECT_EQ(client.read(false, true)->status, 100);
  h.grants.letGo();
  EXPECT_EQ(client.read()->status, 201);
}

TEST_F(Wait, StoppingEndsThoseWhoWait) {
  Client client = h.connect();
  client.send(kCreate);
  ASSERT_TRUE(h.grants.comesTo("waits"));
  h.stop();
  EXPECT_THAT(h.grants.entries(), ElementsAre("reserve train", "waits", "gone"));
}

TEST_F(WaitWithContinues, AStartWaitsAsACreateDoes) {
  Client client = h.connect();
  client.send("POST /containers/mine/start HTTP/1.1\r\nHost: d\r\nContent-Length: 0\r\n\r\n");
  EXPECT_EQ(client.read(false, true)->status, 100);
  EXPECT_EQ(asked(), 0U);
  h.grants.letGo();
  EXPECT_EQ(client.read()->status, 204);
  EXPECT_THAT(h.grants.entries(), ElementsAre("start aaaa", "waits", "ended L1 started"));
}

TEST_F(Wait, AStartWhoseClientGoesIsNotDone) {
  h.grants.waiting = FakeGrants::Waiting::SameInstant;
  {
    Client client = h.connect();
    client.send("POST /containers/mine/restart HTTP/1.1\r\nHost: d\r\nContent-Length: 0\r\n\r\n");
    ASSERT_TRUE(h.grants.comesTo("waits"));
  }
  ASSERT_TRUE(h.grants.comesTo("ended L1 unknown"));
  while (h.connections() > 0) turns(1);
  EXPECT_EQ(asked(), 0U);
}

}  // namespace
}  // namespace ds01::gateway::test
