#include "gateway/service_view.h"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "harness.h"

namespace ds01::gateway::test {
namespace {

using testing::HasSubstr;

class ServiceUserTest : public testing::Test {
 protected:
  ServiceUserTest() {
    h.ownership.add("mine", kMine, "dashboard");
    h.ownership.add("theirs", kTheirs, "bob");
    h.ownership.add("infra", kInfra, std::nullopt);
    Caller caller = callerNamed("dashboard", 1005);
    caller.service = true;
    const std::lock_guard lock(h.identities.mutex);
    h.identities.caller = std::move(caller);
  }
  const std::string kMine = fullId('a');
  const std::string kTheirs = fullId('b');
  const std::string kInfra = fullId('c');
  Harness h;
};

TEST_F(ServiceUserTest, SeesAllContainersInTheList) {
  const std::string list = R"([{"Id":")" + kTheirs + R"("},{"Id":")" + kInfra + R"("}])";
  h.engine().answer("GET", "/v1.41/containers/json?all=1", 200, list);
  EXPECT_EQ(h.connect().get("/v1.41/containers/json?all=1")->body, list);
}

TEST_F(ServiceUserTest, InspectsOthersWithoutTheirSecrets) {
  h.engine().answer("GET", "/v1.41/containers/" + kTheirs + "/json", 200,
                    R"({"Id":"b","Config":{"Env":["TOKEN=s3cret"],"Cmd":["sleep"]},)"
                    R"("State":{"Health":{"Log":[{"Output":"s3cret"}]}},)"
                    R"("HostConfig":{"LogConfig":{"Type":"splunk","Config":{"splunk-token":"s3cret"}}}})");
  const auto reply = h.connect().get("/v1.41/containers/theirs/json");
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->status, 200);
  EXPECT_THAT(reply->body, testing::Not(HasSubstr("s3cret")));
  EXPECT_THAT(reply->body, HasSubstr(R"("Cmd":["sleep"])"));
  EXPECT_THAT(reply->body, HasSubstr(R"("Type":"splunk")"));
}

TEST_F(ServiceUserTest, InspectsItsOwnWhole) {
  h.engine().answer("GET", "/v1.41/containers/" + kMine + "/json", 200, R"({"Config":{"Env":["A=b"]}})");
  EXPECT_THAT(h.connect().get("/v1.41/containers/mine/json")->body, HasSubstr("A=b"));
}

TEST_F(ServiceUserTest, ReadsTheStatsOfOthers) {
  h.engine().answer("GET", "/v1.41/containers/" + kTheirs + "/stats?stream=0", 200, R"({"cpu":1})");
  EXPECT_EQ(h.connect().get("/v1.41/containers/theirs/stats?stream=0")->body, R"({"cpu":1})");
}

TEST_F(ServiceUserTest, DoesNothingElseToOthers) {
  struct Case {
    const char* method;
    const char* target;
  };
  for (const Case& c : {Case{"POST", "/containers/theirs/start"}, Case{"POST", "/containers/theirs/stop"},
                        Case{"POST", "/containers/theirs/kill"}, Case{"DELETE", "/containers/theirs"},
                        Case{"POST", "/containers/theirs/exec"}, Case{"POST", "/containers/theirs/attach"},
                        Case{"POST", "/containers/theirs/rename?name=x"}, Case{"POST", "/containers/theirs/update"},
                        Case{"GET", "/containers/theirs/logs"}, Case{"GET", "/containers/theirs/top"},
                        Case{"GET", "/containers/theirs/export"}, Case{"GET", "/containers/theirs/archive?path=/"},
                        Case{"GET", "/containers/theirs/changes"}, Case{"POST", "/commit?container=theirs"}}) {
    Client client = h.connect();
    const bool has_body = std::string_view(c.method) == "POST";
    const auto reply = client.request(c.method, std::string("/v1.41") + c.target, has_body ? "{}" : "");
    ASSERT_TRUE(reply) << c.target;
    EXPECT_EQ(reply->status, 403) << c.target;
    EXPECT_THAT(reply->body, HasSubstr("a service user may list and inspect")) << c.target;
  }
  EXPECT_TRUE(h.engine().requests().empty());
}

TEST_F(ServiceUserTest, WhatDoesNotExistDoesNotExistForItEither) {
  EXPECT_EQ(h.connect().get("/v1.41/containers/nothing/json")->status, 404);
  EXPECT_EQ(h.connect().get("/v1.41/swarm")->status, 403);
}

TEST_F(ServiceUserTest, AnAnswerThatIsNotUnderstoodIsNotPassedOn) {
  h.engine().answer("GET", "/v1.41/containers/" + kTheirs + "/json", 200, R"(["TOKEN=s3cret"])");
  const auto reply = h.connect().get("/v1.41/containers/theirs/json");
  EXPECT_EQ(reply->status, 502);
  EXPECT_THAT(reply->body, testing::Not(HasSubstr("s3cret")));
}

class LauncherTest : public ServiceUserTest {
 protected:
  LauncherTest() {
    h.site.launcher = "dashboard";
    h.ownership.addMadeBy("made", kMade, "bob", "dashboard");
    h.ownership.addMadeBy("another", kAnother, "bob", "hub");
    h.identities.users["bob"] = callerNamed("bob", 1002).user;
  }
  const std::string kMade = fullId('d');
  const std::string kAnother = fullId('e');
};

TEST_F(LauncherTest, RunsWhatItMade) {
  for (const auto& [method, path] :
       {std::pair{"POST", "/start"}, std::pair{"POST", "/stop"}, std::pair{"DELETE", ""}}) {
    const std::string target = "/v1.41/containers/" + kMade + path;
    h.engine().answer(method, target, 204, "");
    Client client = h.connect();
    EXPECT_EQ(client.request(method, std::string("/v1.41/containers/made") + path, "")->status, 204) << method << path;
  }
}

TEST_F(LauncherTest, SeesTheEnvironmentOfWhatItMadeOnly) {
  for (const std::string& id : {kMade, kTheirs}) {
    h.engine().answer("GET", "/v1.41/containers/" + id + "/json", 200, R"({"Config":{"Env":["A=b"]}})");
  }
  EXPECT_THAT(h.connect().get("/v1.41/containers/made/json")->body, HasSubstr("A=b"));
  EXPECT_THAT(h.connect().get("/v1.41/containers/theirs/json")->body, testing::Not(HasSubstr("A=b")));
}

TEST_F(LauncherTest, DoesNothingToWhatItDidNotMakeAndNotEverythingToWhatItDid) {
  for (const char* const name : {"theirs", "another", "infra"}) {
    Client client = h.connect();
    EXPECT_EQ(client.request("POST", std::string("/v1.41/containers/") + name + "/start", "")->status, 403) << name;
  }
  for (const char* const target :
       {"/containers/made/update", "/containers/made/rename?name=x", "/commit?container=made"}) {
    Client client = h.connect();
    EXPECT_EQ(client.request("POST", std::string("/v1.41") + target, "{}")->status, 403) << target;
  }
  EXPECT_EQ(h.connect().get("/v1.41/containers/made/archive?path=/")->status, 403);
  EXPECT_TRUE(h.engine().requests().empty());
}

TEST_F(LauncherTest, DoesNothingToWhatBelongsToSomebodyWhoHasBecomeMore) {
  h.site.with_role = {"bob"};
  Client client = h.connect();
  EXPECT_EQ(client.request("POST", "/v1.41/containers/made/start", "")->status, 403);
  EXPECT_TRUE(h.engine().requests().empty());
}

TEST_F(LauncherTest, DoesNothingWhileItIsNotKnownWhoTheOwnerIs) {
  h.identities.users_away = true;
  Client client = h.connect();
  EXPECT_EQ(client.request("POST", "/v1.41/containers/made/start", "")->status, 403);
}

TEST_F(LauncherTest, IsOneWhileTheConfigurationSaysSo) {
  h.site.launcher.clear();
  Client client = h.connect();
  EXPECT_EQ(client.request("POST", "/v1.41/containers/made/start", "")->status, 403);
}

TEST(HideSecrets, TakesWhatIsThereAndAddsNothing) {
  boost::json::value none = boost::json::parse(R"({"Config":null,"State":{"Health":7},"HostConfig":{}})");
  hideSecrets(none);
  EXPECT_EQ(boost::json::serialize(none), R"({"Config":null,"State":{"Health":7},"HostConfig":{}})");
}

}  // namespace
}  // namespace ds01::gateway::test
