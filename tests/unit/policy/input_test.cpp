#include "policy/input.h"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ds01::policy {
namespace {

namespace json = boost::json;
using testing::HasSubstr;
using testing::Not;

Question aliceStops() {
  Question question;
  question.what = RequestClass::Change;
  question.decision = DecisionId("D0123456789ab");
  question.caller.user.login = "m.curie@example.edu";
  question.caller.user.uid = 1001;
  question.caller.user.groups = {"users", "lab"};
  question.limits_group = "student";
  question.method = "POST";
  question.path = "/containers/abc/stop";
  question.pattern = "/containers/{}/stop";
  question.api = "1.41";
  question.query = {{"t", "5"}};
  question.target = Target{"container", "abc", "train", "m.curie@example.edu"};
  return question;
}

json::object inputOf(const Question& question) {
  return json::parse(encodeInput(question).value()).as_object().at("input").as_object();
}

TEST(PolicyInput, SaysWhoWantsWhatOfWhom) {
  EXPECT_EQ(json::parse(encodeInput(aliceStops()).value()), json::parse(R"({"input":{
    "version": 1, "decision": "D0123456789ab",
    "user": {"login": "m.curie@example.edu", "uid": 1001, "groups": ["users", "lab"], "limits_group": "student",
             "admin": false, "service": false, "from_container": null},
    "request": {"method": "POST", "path": "/containers/abc/stop", "pattern": "/containers/{}/stop", "api": "1.41",
                "query": {"t": ["5"]}, "class": "change"},
    "body": null,
    "target": {"kind": "container", "id": "abc", "name": "train", "owner": "m.curie@example.edu",
               "made_by": null},
    "gpu": null}})"));
}

TEST(PolicyInput, WhatIsUnknownIsNull) {
  Question question = aliceStops();
  question.limits_group.clear();
  question.pattern.clear();
  question.api.clear();
  question.target->owner.reset();
  question.caller.container = ContainerId("f00");
  const json::object input = inputOf(question);
  EXPECT_TRUE(input.at("user").at("limits_group").is_null());
  EXPECT_TRUE(input.at("request").at("pattern").is_null());
  EXPECT_TRUE(input.at("request").at("api").is_null());
  EXPECT_TRUE(input.at("target").at("owner").is_null());
  EXPECT_EQ(input.at("user").at("from_container"), "f00");
  question.target->made_by = "hub";
  EXPECT_EQ(inputOf(question).at("target").at("made_by"), "hub");
}

TEST(PolicyInput, AKeyThatComesTwiceIsNotLost) {
  Question question = aliceStops();
  question.query = {{"t", "a:1"}, {"t", "b:1"}, {"q", "1"}};
  EXPECT_EQ(inputOf(question).at("request").at("query"), json::parse(R"({"t":["a:1","b:1"],"q":["1"]})"));
}

TEST(PolicyInput, GpusAreNamed) {
  Question question = aliceStops();
  question.gpu = Gpu{LeaseId("L1"), {"0", "1:2"}, {"GPU-a", "MIG-b"}};
  EXPECT_EQ(inputOf(question).at("gpu"),
            json::parse(R"({"lease":"L1","slots":["0","1:2"],"uuids":["GPU-a","MIG-b"]})"));
}

TEST(PolicyInput, SecretsStayOut) {
  Question question = aliceStops();
  question.query = {{"buildargs", R"({"TOKEN":"s3cret"})"}, {"remote", "https://u:s3cret@host/x"}, {"t", "x"}};
  question.body = R"({"Image":"x","Env":["KEY=s3cret","PLAIN",7,"=s3cret"],
    "DriverOpts":{"o":"password=s3cret"},"Options":{"a":"s3cret"},
    "HostConfig":{"LogConfig":{"Type":"splunk","Config":{"splunk-token":"s3cret"}},"Memory":5,
      "Mounts":[{"Type":"volume","VolumeOptions":{"DriverConfig":{"Name":"local","Options":{"o":"s3cret"}}}},7]}})";
  const std::string input = encodeInput(question).value();
  EXPECT_THAT(input, Not(HasSubstr("s3cret")));
  const json::value body = inputOf(question).at("body");
  EXPECT_EQ(body.at("Env"), json::parse(R"(["KEY","PLAIN",null,""])"));
  EXPECT_EQ(body.at("HostConfig").at("Memory"), 5);
  EXPECT_EQ(body.at("HostConfig").at("LogConfig"), json::parse(R"({"Type":"splunk","Config":{"splunk-token":null}})"));
  EXPECT_EQ(inputOf(question).at("request").at("query").at("buildargs"), json::parse("[null]"));
}

TEST(PolicyInput, ABodyOfAnyFormDoesNoHarm) {
  for (const char* const body : {"null", "7", "[]", R"({"Env":null,"HostConfig":[]})",
                                 R"({"Env":{"A":"s3cret"},"HostConfig":{"Mounts":{},"LogConfig":7}})"}) {
    Question question = aliceStops();
    question.body = body;
    EXPECT_EQ(inputOf(question).at("version"), kInputVersion) << body;
  }
}

TEST(PolicyInput, ABodyThatCannotBeReadIsNoBodyThatIsNotThere) {
  Question question = aliceStops();
  for (const std::string& body : {std::string("{"), std::string(), std::string(200, '[') + std::string(200, ']')}) {
    question.body = body;
    EXPECT_FALSE(encodeInput(question)) << body;
  }
  question.body = std::string(70, '[') + std::string(70, ']');
  EXPECT_TRUE(encodeInput(question)) << "deeper than the gateway lets pass";
}

}  // namespace
}  // namespace ds01::policy
