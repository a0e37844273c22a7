// POST /containers/create: nothing reserved is lost, whatever the Engine or the client does.
#include <future>

#include <boost/json/parse.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "harness.h"

namespace ds01::gateway::test {
namespace {

using ds01::test::FakeDockerd;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using Connection = FakeDockerd::Connection;

const std::string kNew = fullId('d');
const std::string kPlain = R"({"Image":"busybox","Cmd":["true"]})";
const std::string kGpu =
    R"({"Image":"busybox","HostConfig":{"DeviceRequests":[{"Driver":"","Count":1,"DeviceIDs":null,"Capabilities":[["gpu"]],"Options":{}}]}})";

std::string created() {
  return R"({"Id":")" + kNew + R"(","Warnings":[]})";
}

TEST(Create, bindsBeforeTheClientIsTold) {
  Harness h;
  h.engine().answer("POST", "/containers/create", 201, created());
  Client client = h.connect();
  const auto reply = client.request("POST", "/containers/create?name=train", kGpu);
  ASSERT_TRUE(reply);
  ASSERT_EQ(reply->status, 201) << reply->body;
  EXPECT_THAT(reply->body, HasSubstr(kNew));
  EXPECT_THAT(h.grants.entries(), ElementsAre("reserve train", "bind D1 L0000000000000001 " + kNew + " train alice"));
  const auto body = boost::json::parse(h.engine().requests().at(0).body);
  EXPECT_EQ(body.at("Labels").at("ds01.user"), "alice");
  EXPECT_EQ(body.at("HostConfig").at("CgroupParent"), "/ds01.slice/ds01-student.slice/ds01-student-alice.slice");
  const auto events = h.events.of("container.create");
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(events[0].details.at("container_id").as_string(), std::string_view(kNew));
  EXPECT_EQ(events[0].details.at("image"), "busybox");
  EXPECT_EQ(events[0].details.at("gpu"), "GPU-1");
  EXPECT_EQ(events[0].details.at("decision"), "D1");
}

TEST(Create, aMissingImageIsTheEnginesOwn404AndReservesNothing) {
  Harness h;
  Client client = h.connect();
  const auto reply = client.request("POST", "/containers/create", R"({"Image":"nix"})");
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->status, 404);
  EXPECT_EQ(reply->body, "{\"message\":\"No such image: nix:latest\"}\n");
  EXPECT_TRUE(h.grants.entries().empty());
  EXPECT_TRUE(h.engine().requests().empty());
}

// The Engine finds networks by id too, also the machine's own; clients name theirs by id.
TEST(Create, networksAreLookedUp) {
  Harness h;
  h.engine().answer("POST", "/containers/create", 201, created());
  const std::string lab = fullId('c');
  h.engine_client.networks["cccccccccccc"] = {lab, "lab", {{"ds01.user", "alice"}}};
  h.engine_client.networks["eeee"] = {fullId('e'), "host"};
  Client client = h.connect();
  const std::string before = R"({"Image":"busybox","HostConfig":{"NetworkMode":")";
  EXPECT_EQ(client.request("POST", "/containers/create", before + "cccccccccccc\"}}")->status, 201);
  const auto body = boost::json::parse(h.engine().requests().at(0).body);
  EXPECT_EQ(body.at("HostConfig").at("NetworkMode").as_string(), lab);
  EXPECT_EQ(client.request("POST", "/containers/create", before + "eeee\"}}")->status, 403);
  EXPECT_THAT(client.request("POST", "/containers/create", before + "dddd\"}}")->body,
              HasSubstr("network dddd not found"));
  EXPECT_EQ(h.engine().requests().size(), 1U);
}

TEST(Create, denialsNameTheirDecision) {
  Harness h;
  Client client = h.connect();
  const auto reply =
      client.request("POST", "/containers/create", R"({"Image":"busybox","HostConfig":{"Privileged":true}})");
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->status, 403);
  EXPECT_THAT(reply->body, HasSubstr("(decision D1)"));
  EXPECT_EQ(client.request("POST", "/containers/create", R"({"Image":"a","image":"b"})")->status, 400);
  EXPECT_EQ(
      client.request("POST", "/containers/create", R"({"Image":"busybox","HostConfig":{"Binds":["/etc:/x"]}})")->status,
      403);
  EXPECT_TRUE(h.grants.entries().empty());
  EXPECT_EQ(h.events.of("auth.denied").size(), 3U);
}

TEST(Create, aSocketThatTakesTheEnginesPlaceIsSaid) {
  Harness h;
  h.engine().answer("POST", "/containers/create", 201, created());
  Client client = h.connect();
  const auto reply = client.request("POST", "/containers/create",
                                    R"({"Image":"busybox","HostConfig":{"Binds":["/var/run/docker.sock:/s"]}})");
  ASSERT_TRUE(reply);
  ASSERT_EQ(reply->status, 201) << reply->body;
  EXPECT_THAT(reply->body, HasSubstr("ds01: another socket is mounted"));
  const auto body = boost::json::parse(h.engine().requests().at(0).body);
  EXPECT_EQ(body.at("HostConfig").at("Binds").at(0), "/run/ds01/docker.sock:/s:ro");
}

TEST(Create, withoutAPlaceInTheCgroupsNothingIsMade) {
  Harness h;
  Client client = h.connect();
  h.site.parent_error = Error(ErrorCode::InvalidArgument, "no letter in it");
  EXPECT_EQ(client.request("POST", "/containers/create", kPlain)->status, 403);
  EXPECT_EQ(client.request("POST", "/build", "")->status, 403);
  h.site.parent_error = Error(ErrorCode::Unavailable, "not yet");
  EXPECT_EQ(client.request("POST", "/containers/create", kPlain)->status, 503);
  h.site.parent_error = Error(ErrorCode::Io, "disk full");
  const auto reply = client.request("POST", "/containers/create", kPlain);
  EXPECT_EQ(reply->status, 503);
  EXPECT_THAT(reply->body, HasSubstr("disk full"));
  EXPECT_TRUE(h.grants.entries().empty());
  EXPECT_TRUE(h.engine().requests().empty());
}

TEST(Create, eventsSayWhereTheCallCameFrom) {
  Harness h;
  h.engine().answer("POST", "/containers/create", 201, created());
  h.identities.caller.login_uid = 1007;
  h.identities.caller.login_name = "bob";
  h.identities.caller.container = ContainerId(fullId('c'));
  Client client = h.connect();
  ASSERT_EQ(client.request("POST", "/containers/create", kPlain)->status, 201);
  const auto events = h.events.of("container.create");
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(events[0].user, "alice");
  EXPECT_EQ(events[0].details.at("login_uid"), 1007);
  EXPECT_EQ(events[0].details.at("login"), "bob");
  EXPECT_EQ(events[0].details.at("from_container").as_string(), std::string_view(fullId('c')));
}

TEST(Create, overQuotaIsTheAllocatorsSentence) {
  Harness h;
  h.grants.denial = Denial{409, "gpu_quota", "you hold 2 GPUs of 2"};
  Client client = h.connect();
  const auto reply = client.request("POST", "/containers/create", kGpu);
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->status, 409);
  EXPECT_THAT(reply->body, HasSubstr("ds01: you hold 2 GPUs of 2 (decision D1)"));
  EXPECT_TRUE(h.engine().requests().empty());
}

TEST(Create, whatTheEngineRefusesIsGivenBack) {
  Harness h;
  h.engine().answer("POST", "/containers/create", 400, R"({"message":"no command specified"})");
  Client client = h.connect();
  const auto reply = client.request("POST", "/containers/create", kGpu);
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->status, 400);
  EXPECT_EQ(reply->body, R"({"message":"no command specified"})");
  EXPECT_THAT(h.grants.entries(), ElementsAre("reserve ", "release D1 L0000000000000001"));
}

TEST(Create, aForeignIdInAConflictIsHidden) {
  Harness h;
  const std::string theirs = fullId('b');
  const std::string mine = fullId('a');
  h.ownership.add("theirs", theirs, "bob");
  h.ownership.add("mine", mine, "alice");
  const auto conflict = [](const std::string& id) {
    return R"({"message":"Conflict. The container name \"/x\" is already in use by container \")" + id +
           R"(\". You have to."})";
  };
  Client client = h.connect();
  h.engine().answer("POST", "/containers/create", 409, conflict(theirs));
  auto reply = client.request("POST", "/containers/create?name=x", kPlain);
  EXPECT_EQ(reply->status, 409);
  EXPECT_THAT(reply->body, Not(HasSubstr(theirs)));
  h.engine().answer("POST", "/containers/create", 409, conflict(mine));
  reply = client.request("POST", "/containers/create?name=x", kPlain);
  EXPECT_THAT(reply->body, HasSubstr(mine));
}

TEST(Create, aLinkThatBreaksLeavesTheOutcomeOpen) {
  Harness h([](Connection& peer) { peer.read(); });
  Client client = h.connect();
  const auto reply = client.request("POST", "/containers/create", kGpu);
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->status, 502);
  EXPECT_THAT(h.grants.entries(), ElementsAre("reserve ", "uncertain D1 L0000000000000001"));
}

TEST(Create, anAnswerWithoutIdLeavesTheOutcomeOpen) {
  Harness h;
  h.engine().answer("POST", "/containers/create", 201, "{}");
  Client client = h.connect();
  EXPECT_EQ(client.request("POST", "/containers/create", kPlain)->status, 502);
  EXPECT_THAT(h.grants.entries(), ElementsAre("reserve ", "uncertain D1 -"));
}

TEST(Create, anEngineThatIsAwayCostsNothing) {
  Harness h;
  h.stopEngine();
  Client client = h.connect();
  EXPECT_EQ(client.request("POST", "/containers/create", kGpu)->status, 503);
  EXPECT_THAT(h.grants.entries(), ElementsAre("reserve ", "release D1 L0000000000000001"));
}

TEST(Create, partsThatCannotBeAskedRefuse) {
  Harness h;
  Client client = h.connect();
  h.engine_client.away = true;
  EXPECT_EQ(client.request("POST", "/containers/create", kPlain)->status, 503);
  h.engine_client.away = false;
  h.ownership.away = true;
  EXPECT_EQ(
      client.request("POST", "/containers/create", R"({"Image":"busybox","HostConfig":{"NetworkMode":"container:x"}})")
          ->status,
      503);
  EXPECT_TRUE(h.grants.entries().empty());
}

TEST(Create, aNameMustNotLookLikeAnId) {
  Harness h;
  h.engine().answer("POST", "/containers/create", 201, R"({"Id":")" + fullId('c') + R"(","Warnings":[]})");
  Client client = h.connect();
  for (const std::string& name : {std::string("0123456789ab"), std::string("/0123456789ab"), fullId('f')}) {
    EXPECT_EQ(client.request("POST", "/containers/create?name=" + name, kPlain)->status, 400) << name;
  }
  for (const std::string name : {"0123456789a", "0123456789ab_db", "decade", "0123456789AB"}) {
    EXPECT_EQ(client.request("POST", "/containers/create?name=" + name, kPlain)->status, 201) << name;
  }
  h.ownership.add("mine", fullId('a'), "alice");
  EXPECT_EQ(client.request("POST", "/containers/mine/rename?name=0123456789ab")->status, 400);
}

TEST(Create, moreReferencesThanAreLookedUp) {
  Harness h;
  std::string binds;
  for (int i = 0; i < 257; ++i) binds += (i == 0 ? "\"/x" : ",\"/x") + std::to_string(i) + ":/y\"";
  Client client = h.connect();
  const auto reply =
      client.request("POST", "/containers/create", R"({"Image":"busybox","HostConfig":{"Binds":[)" + binds + "]}}");
  EXPECT_EQ(reply->status, 400);
  EXPECT_THAT(reply->body, testing::HasSubstr("256"));
}

TEST(Create, containersOfOthersCannotBeNamed) {
  Harness h;
  h.ownership.add("theirs", fullId('b'), "bob");
  h.ownership.add("mine", fullId('a'), "alice");
  h.engine().answer("POST", "/containers/create", 201, created());
  Client client = h.connect();
  const auto body = [](const std::string& ref) {
    return R"({"Image":"busybox","HostConfig":{"NetworkMode":"container:)" + ref + "\"}}";
  };
  EXPECT_GE(client.request("POST", "/containers/create", body("theirs"))->status, 400);
  EXPECT_TRUE(h.engine().requests().empty());
  EXPECT_EQ(client.request("POST", "/containers/create", body("mine"))->status, 201);
  EXPECT_THAT(h.engine().requests().at(0).body, HasSubstr("container:" + fullId('a')));
}

TEST(Create, aClientThatLeavesDoesNotStopTheBinding) {
  std::promise<void> asked;
  std::promise<void> left;
  Harness h([&](Connection& peer) {
    peer.read();
    asked.set_value();
    left.get_future().wait_for(std::chrono::seconds(10));
    peer.reply(201, created());
    peer.waitForClose();
  });
  Client client = h.connect();
  client.send("POST /containers/create HTTP/1.1\r\nHost: d\r\nContent-Length: " + std::to_string(kPlain.size()) +
              "\r\n\r\n" + kPlain);
  asked.get_future().wait_for(std::chrono::seconds(10));
  client.close();
  left.set_value();
  // The session ends after the binding.
  while (h.connections() > 0) std::this_thread::yield();
  EXPECT_THAT(h.grants.entries(), ElementsAre("reserve ", "bind D1 - " + kNew + "  alice"));
}

}  // namespace
}  // namespace ds01::gateway::test
