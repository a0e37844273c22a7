// What a policy is asked, when, and what becomes of a request that it refuses.
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "harness.h"

namespace ds01::gateway::test {
namespace {

namespace json = boost::json;
using testing::HasSubstr;

class PoliciesTest : public testing::Test {
 protected:
  PoliciesTest() {
    h.policies.on = true;
    h.ownership.add("mine", kMine, "alice");
    h.ownership.add("theirs", kTheirs, "bob");
    for (const char* const method : {"GET", "HEAD"}) h.engine().answer(method, "/_ping", 200, "OK");
    h.engine().answer("POST", "/v1.41/containers/" + kMine + "/stop", 204, "");
    h.engine().answer("GET", "/v1.41/containers/" + kMine + "/logs", 200, "hello");
  }

  json::object onlyQuestion() {
    const auto asked = h.policies.asked();
    EXPECT_EQ(asked.size(), 1U);
    return asked.empty() ? json::object() : asked.front();
  }

  const std::string kMine = fullId('a');
  const std::string kTheirs = fullId('b');
  Harness h;
};

TEST_F(PoliciesTest, ItIsAskedAboutWhatIsForwarded) {
  EXPECT_EQ(h.connect().request("POST", "/v1.41/containers/mine/stop?t=3")->status, 204);
  const json::object asked = onlyQuestion();
  EXPECT_EQ(asked.at("asked_as"), "change");
  EXPECT_EQ(asked.at("request").at("path"), json::value("/containers/" + kMine + "/stop"))
      << "and not what the client called it";
  EXPECT_EQ(asked.at("request").at("pattern"), "/containers/{}/stop");
  EXPECT_EQ(asked.at("request").at("api"), "1.41");
  EXPECT_EQ(asked.at("request").at("query"), json::parse(R"({"t":["3"]})"));
  EXPECT_EQ(asked.at("user").at("login"), "alice");
  EXPECT_EQ(
      asked.at("target"),
      (json::object{{"kind", "container"}, {"id", kMine}, {"name", "mine"}, {"owner", "alice"}, {"made_by", nullptr}}));
}

TEST_F(PoliciesTest, WhatItRefusesNeverReachesTheEngine) {
  h.policies.refuse("POST /containers/" + kMine + "/stop", "not on Mondays");
  const auto reply = h.connect().request("POST", "/v1.41/containers/mine/stop");
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->status, 403);
  const std::string decision(onlyQuestion().at("decision").as_string());
  EXPECT_THAT(reply->body, HasSubstr("ds01: not on Mondays (decision " + decision + ")")) << "the id that it was told";
  EXPECT_TRUE(h.engine().requests().empty());
  const auto events = h.events.of("auth.denied");
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(events[0].details.at("reason"), "policy");
  EXPECT_EQ(events[0].details.at("decision"), json::value(decision));
}

TEST_F(PoliciesTest, AConnectionGoesOnAfterARefusal) {
  h.policies.refuse("GET /_ping", "no");
  Client client = h.connect();
  EXPECT_EQ(client.get("/_ping")->status, 403);
  EXPECT_EQ(client.request("POST", "/v1.41/containers/mine/stop")->status, 204);
}

TEST_F(PoliciesTest, TheBuiltInRulesComeFirst) {
  EXPECT_EQ(h.connect().request("POST", "/v1.41/containers/theirs/stop")->status, 404);
  EXPECT_EQ(h.connect().get("/v1.41/swarm")->status, 403);
  EXPECT_TRUE(h.policies.asked().empty()) << "it cannot allow what they refuse, so it need not be asked";
}

TEST_F(PoliciesTest, LookingNeedNotBeAskedAbout) {
  h.policies.looks = false;
  EXPECT_EQ(h.connect().get("/_ping")->status, 200);
  EXPECT_EQ(h.connect().get("/v1.41/containers/mine/logs")->status, 200);
  EXPECT_TRUE(h.policies.asked().empty());
  EXPECT_EQ(h.connect().request("POST", "/v1.41/containers/mine/stop")->status, 204);
  EXPECT_EQ(h.policies.asked().size(), 1U);
}

TEST_F(PoliciesTest, ClassesAreByWhatIsAtStake) {
  h.engine().answer("POST", "/v1.41/containers/" + kMine + "/unpause", 204, "");
  h.engine().answer("POST", "/v1.41/containers/" + kMine + "/attach", 200, "");
  EXPECT_TRUE(h.connect().request("GET", "/_ping"));
  EXPECT_TRUE(h.connect().request("POST", "/v1.41/containers/mine/unpause"));
  EXPECT_TRUE(h.connect().request("POST", "/v1.41/containers/mine/attach"));
  std::vector<std::string> classes;
  for (const json::object& asked : h.policies.asked()) classes.emplace_back(asked.at("asked_as").as_string());
  EXPECT_THAT(classes, testing::ElementsAre("look", "make", "change"));
}

TEST_F(PoliciesTest, AdministratorsAreAskedAboutToo) {
  {
    const std::lock_guard lock(h.identities.mutex);
    h.identities.caller = callerNamed("root", 0, true);
  }
  h.engine().answer("POST", "/v1.41/anything", 200, "{}");
  h.policies.refuse("POST /anything", "no");
  EXPECT_EQ(h.connect().request("POST", "/v1.41/anything")->status, 403);
  EXPECT_EQ(onlyQuestion().at("asked_as"), "change admin");
  EXPECT_TRUE(onlyQuestion().at("request").at("pattern").is_null()) << "no route";
}

TEST_F(PoliciesTest, ACreateIsJudgedWithItsGpuAndGivesItBack) {
  h.policies.refuse("POST /containers/create", "no GPUs today");
  const auto reply = h.connect().request(
      "POST", "/v1.41/containers/create?name=train",
      R"({"Image":"busybox","Env":["K=s3cret"],"HostConfig":{"DeviceRequests":[{"Count":1,"Capabilities":[["gpu"]]}]}})");
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->status, 403) << reply->body;
  const json::object asked = onlyQuestion();
  EXPECT_EQ(asked.at("asked_as"), "make");
  EXPECT_FALSE(asked.at("gpu").is_null());
  EXPECT_EQ(asked.at("body").at("Labels").at("ds01.user"), "alice") << "the body as we have rewritten it";
  EXPECT_THAT(json::serialize(asked), testing::Not(HasSubstr("s3cret")));
  EXPECT_THAT(h.grants.entries(), testing::Contains(testing::StartsWith("release ")));
  EXPECT_TRUE(h.engine().requests().empty());
}

TEST_F(PoliciesTest, WhatGoesOnIsAskedAboutOnce) {
  h.engine().answer("POST", "/v1.41/containers/create", 201, R"({"Id":")" + fullId('c') + R"(","Warnings":[]})");
  EXPECT_EQ(h.connect().request("POST", "/v1.41/containers/create", R"({"Image":"busybox"})")->status, 201);
  EXPECT_EQ(h.policies.asked().size(), 1U);
  h.engine().answer("POST", "/v1.41/containers/" + kMine + "/update", 200, R"({"Warnings":[]})");
  const auto reply =
      h.connect().request("POST", "/v1.41/containers/mine/update", R"({"RestartPolicy":{"Name":"always"}})");
  EXPECT_EQ(reply->status, 200) << reply->body;
  EXPECT_EQ(h.policies.asked().size(), 2U);
}

TEST_F(PoliciesTest, ALargeBodyIsJudgedToo) {
  h.policies.refuse("POST /containers/create", "no");
  const std::string body = R"({"Image":"busybox","Cmd":[")" + std::string(100'000, 'x') + "\"]}";
  EXPECT_EQ(h.connect().request("POST", "/v1.41/containers/create", body)->status, 403);
  EXPECT_EQ(onlyQuestion().at("body").at("Cmd").at(0).as_string().size(), 100'000U);
}

TEST_F(PoliciesTest, NobodyIsAskedAboutABodyAsIfThereWereNone) {
  std::string body = R"({"Image":"busybox","HostConfig":{"ConsoleSize":[0,0,)" + std::string(40, '[');
  body += std::string(40, ']') + "]}}";
  EXPECT_EQ(h.connect().request("POST", "/v1.41/containers/create", body)->status, 400) << "Go drops the third, unread";
  const std::string many = R"({"Image":"busybox","Cmd":[")" + std::string(kLongestAsked, 'x') + R"("]})";
  EXPECT_EQ(h.connect().request("POST", "/v1.41/containers/create", many)->status, 403) << "too long to be asked about";
  EXPECT_TRUE(h.policies.asked().empty());
  EXPECT_TRUE(h.engine().requests().empty());
}

TEST_F(PoliciesTest, ARestartPolicyThatIsRefusedIsNotKeptEither) {
  h.policies.refuse("POST /containers/" + kMine + "/update", "no");
  const auto reply =
      h.connect().request("POST", "/v1.41/containers/mine/update", R"({"RestartPolicy":{"Name":"always"}})");
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->status, 403);
  EXPECT_THAT(h.grants.entries(), testing::Not(testing::Contains(HasSubstr("policy"))));
}

}  // namespace
}  // namespace ds01::gateway::test
