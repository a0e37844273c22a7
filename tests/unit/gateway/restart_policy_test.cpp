// Restart policies that are kept back from the Engine: what an inspect shows and what an update does.
#include "gateway/restart_policy.h"

#include <boost/json/parse.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "harness.h"

namespace ds01::gateway::test {
namespace {

namespace json = boost::json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const std::string kMine = fullId('a');

class Policies : public testing::Test {
 protected:
  Policies() { h.ownership.add("mine", kMine, "alice"); }
  std::string lastBody() { return h.engine().requests().back().body; }
  Harness h;
};

TEST_F(Policies, AnInspectShowsWhatIsWanted) {
  h.engine().answer("GET", "/containers/" + kMine + "/json", 200,
                    R"({"Id":"x","HostConfig":{"Memory":1,"RestartPolicy":{"Name":"no","MaximumRetryCount":0}}})");
  Client client = h.connect();
  EXPECT_THAT(client.get("/containers/mine/json")->body, HasSubstr(R"({"Name":"no","MaximumRetryCount":0})"));
  h.grants.kept_policy = RestartPolicy{"on-failure", 4};
  const auto reply = client.get("/containers/mine/json?size=1");
  EXPECT_EQ(reply->status, 200);
  EXPECT_EQ(reply->body,
            R"({"Id":"x","HostConfig":{"Memory":1,"RestartPolicy":{"Name":"on-failure","MaximumRetryCount":4}}})");
  EXPECT_EQ(h.engine().requests().back().target, "/containers/" + kMine + "/json?size=1");
}

TEST_F(Policies, AnInspectThatTheEngineRefusesPasses) {
  h.grants.kept_policy = RestartPolicy{"always", 0};
  h.engine().answer("GET", "/containers/" + kMine + "/json", 404, R"({"message":"No such container: mine"})");
  Client client = h.connect();
  const auto reply = client.get("/containers/mine/json");
  EXPECT_EQ(reply->status, 404);
  EXPECT_THAT(reply->body, HasSubstr("No such container: mine"));
}

TEST_F(Policies, AnUpdateThatIsKeptReachesTheEngineWithoutThePolicy) {
  h.engine().answer("POST", "/containers/" + kMine + "/update", 200, R"({"Warnings":null})");
  h.grants.keeps_policies = true;
  Client client = h.connect();
  const std::string body = R"({"Memory":1048576000,"RestartPolicy":{"Name":"always"}})";
  EXPECT_EQ(client.request("POST", "/containers/mine/update", body)->status, 200);
  EXPECT_THAT(h.grants.entries(), ElementsAre("policy aaaa always 0"));
  EXPECT_THAT(lastBody(), testing::Not(HasSubstr("RestartPolicy")));
  EXPECT_THAT(lastBody(), HasSubstr("1048576000"));
  h.identities.caller.admin = true;
  Client admin = h.connect();
  EXPECT_EQ(admin.request("POST", "/containers/mine/update", body)->status, 200);
  EXPECT_THAT(lastBody(), testing::Not(HasSubstr("RestartPolicy")));
}

TEST_F(Policies, AnUpdateThatIsNotKeptPassesAsItIs) {
  h.engine().answer("POST", "/containers/" + kMine + "/update", 200, R"({"Warnings":null})");
  Client client = h.connect();
  const std::string policy = R"({"RestartPolicy":{"Name":"on-failure","MaximumRetryCount":2}})";
  EXPECT_EQ(client.request("POST", "/containers/mine/update", policy)->status, 200);
  EXPECT_THAT(h.grants.entries(), ElementsAre("policy aaaa on-failure 2"));
  EXPECT_EQ(lastBody(), policy);
}

TEST_F(Policies, WhatTheEngineWillRefuseOrIgnoreIsNotKept) {
  h.engine().answer("POST", "/containers/" + kMine + "/update", 400, R"({"message":"invalid restart policy"})");
  h.grants.keeps_policies = true;
  Client client = h.connect();
  for (const char* const body :
       {R"({"RestartPolicy":{"Name":"sometimes"}})", R"({"RestartPolicy":{"Name":"always","MaximumRetryCount":2}})",
        R"({"RestartPolicy":{"Name":"on-failure","MaximumRetryCount":-1}})", R"({"RestartPolicy":{"Name":""}})"}) {
    EXPECT_EQ(client.request("POST", "/containers/mine/update", body)->status, 400) << body;
    EXPECT_EQ(lastBody(), body);
  }
  EXPECT_THAT(h.grants.entries(), IsEmpty());
}

TEST_F(Policies, AWantedPolicyThatCannotBeWrittenDownIsRefused) {
  h.grants.denial = Denial{503, "state_unwritable", "the disk is full"};
  Client client = h.connect();
  EXPECT_EQ(client.request("POST", "/containers/mine/update", R"({"RestartPolicy":{"Name":"always"}})")->status, 503);
  EXPECT_THAT(h.engine().requests(), IsEmpty());
}

TEST(ShowPolicy, LeavesWhatIsNoContainer) {
  for (const char* const text : {"[]", "null", "{}", R"({"HostConfig":null})", R"({"HostConfig":[1]})"}) {
    json::value value = json::parse(text);
    const json::value before = value;
    showPolicy(value, {"always", 0});
    EXPECT_EQ(value, before);
  }
}

}  // namespace
}  // namespace ds01::gateway::test
