#include <string>

#include <boost/json/serialize.hpp>
#include <gtest/gtest.h>

#include "admission/admission.h"
#include "admission/json_guard.h"
#include "unit/admission/facts_json.h"

namespace ds01::admission {
namespace {

namespace json = boost::json;

const json::object kAlices{{"ds01.managed", "true"}, {"ds01.uid", "1001"}, {"ds01.user", "alice@example.edu"}};

json::object unnamed(std::string_view target) {
  return {{"Type", "volume"}, {"Target", target}, {"VolumeOptions", {{"Labels", kAlices}}}};
}

std::expected<Examined, Denial> send(std::string_view request, const Facts& facts) {
  auto body = guardBody("POST", "/containers/create", request, {facts.caller.admin, facts.engine.api});
  if (!body) return std::unexpected(body.error());
  return examine(std::move(*body), facts);
}

json::value mounts(std::string_view request, const Facts& facts = test::student()) {
  const auto got = send(request, facts);
  EXPECT_TRUE(got) << got.error().text;
  if (!got) return nullptr;
  const json::value* found = got->body.at("HostConfig").as_object().if_contains("Mounts");
  return found == nullptr ? json::value(nullptr) : *found;
}

TEST(Volumes, AForeignNameIsTakenWhereverItStands) {
  Facts facts = test::student();
  facts.volumes["data"] = {false};
  facts.volumes["mine"] = {true};
  for (const std::string_view host :
       {R"({"Binds":["mine:/a","data:/x:ro"]})", R"({"Mounts":[{"Type":"volume","Source":"data","Target":"/x"}]})"}) {
    const auto got = send(R"({"Image":"x","HostConfig":)" + std::string(host) + "}", facts);
    ASSERT_FALSE(got) << host;
    EXPECT_EQ(got.error().http_status, 409);
    EXPECT_EQ(got.error().reason, "volume_taken");
    EXPECT_EQ(got.error().text, "the volume name data is taken by somebody else on this server; choose another name");
  }
  EXPECT_TRUE(send(R"({"Image":"x","HostConfig":{"Binds":["mine:/a","new:/b"]}})", facts));
}

TEST(Volumes, ThoseWithANameAreToBeMadeBefore) {
  const auto got = send(R"({"Image":"x","HostConfig":{"Binds":["one:/a","/home/alice/d:/b","two:/c:ro"],
      "Mounts":[{"Type":"volume","Source":"three","Target":"/d","VolumeOptions":{"Labels":{"a":"b"}}}]}})",
                        [] {
                          Facts facts = test::student();
                          facts.binds["/home/alice/d"] = {.resolved = "/home/alice/d"};
                          return facts;
                        }());
  ASSERT_TRUE(got) << got.error().text;
  const std::map<std::string, std::string> alices{
      {"ds01.managed", "true"}, {"ds01.uid", "1001"}, {"ds01.user", "alice@example.edu"}};
  std::map<std::string, std::string> more = alices;
  more["a"] = "b";
  EXPECT_EQ(got->volumes, (VolumeLabels{{"one", alices}, {"two", alices}, {"three", more}}));
}

// A name that whoever sends the request does not know of is neither claimed nor looked at again after a wait.
TEST(Volumes, NoFormOfAMountHidesAName) {
  const auto got = send(R"({"Image":"x","HostConfig":{"Mounts":[
      {"Type":"volume","Source":"local","Target":"/a","VolumeOptions":{"DriverConfig":{"Name":"local"}}},
      {"Type":"volume","Source":"plain","Target":"/b","VolumeOptions":{"NoCopy":true,"DriverConfig":{}}}]}})",
                        test::student());
  ASSERT_TRUE(got) << got.error().text;
  ASSERT_EQ(got->volumes.size(), 2U);
  for (const auto& [name, labels] : got->volumes) EXPECT_EQ(labels.at("ds01.user"), "alice@example.edu") << name;
}

// What an administrator asks a driver for, the Engine makes; whose the name is is looked at all the same.
TEST(Volumes, ThoseOfADriverAreNotMadeBefore) {
  Facts facts = test::student();
  facts.caller.admin = true;
  facts.owner = test::student().caller.user;
  const auto mounts = send(R"({"Image":"x","HostConfig":{"Mounts":[{"Type":"volume","Source":"nfs","Target":"/a",
      "VolumeOptions":{"DriverConfig":{"Name":"local","Options":{"type":"nfs"}}}}]}})",
                           facts);
  ASSERT_TRUE(mounts);
  EXPECT_EQ(mounts->volumes, (VolumeLabels{{"nfs", {}}}));
  const auto binds = send(R"({"Image":"x","HostConfig":{"VolumeDriver":"rexray","Binds":["disk:/a"]}})", facts);
  ASSERT_TRUE(binds);
  EXPECT_EQ(binds->volumes, (VolumeLabels{{"disk", {}}}));
}

TEST(Volumes, WhatHasNoNameIsMountedWithAnOwner) {
  EXPECT_EQ(mounts(R"({"Image":"x","Volumes":{"/data/":{}}})"), (json::array{unnamed("/data")}));
  const auto bind = send(R"({"Image":"x","HostConfig":{"Binds":["/data","vol:/w"]}})", test::student());
  ASSERT_TRUE(bind) << bind.error().text;
  EXPECT_EQ(bind->body.at("HostConfig").at("Binds"), (json::array{"vol:/w"}));
  EXPECT_EQ(bind->body.at("HostConfig").at("Mounts"), (json::array{unnamed("/data")}));
  Facts facts = test::student();
  facts.image_volumes = {"/vol", "relative", "/"};
  EXPECT_EQ(mounts(R"({"Image":"x"})", facts), (json::array{unnamed("/vol")}));
}

TEST(Volumes, WhereSomethingIsMountedTheImageGetsNone) {
  Facts facts = test::student();
  facts.image_volumes = {"/a/", "/b", "/c", "/d"};
  facts.volumes["vol"] = {true};
  const json::value got = mounts(R"({"Image":"x","Volumes":{"/d":{}},"HostConfig":{"Binds":["vol:/a"],"Tmpfs":{"/b":""},
      "Mounts":[{"Type":"tmpfs","Target":"/c"}]}})",
                                 facts);
  ASSERT_EQ(got.as_array().size(), 2U) << got;
  EXPECT_EQ(got.at(1), json::value(unnamed("/d")));
}

TEST(Volumes, NewerEnginesAreToldThatNobodyGaveAName) {
  Facts facts = test::student();
  facts.engine.api = {1, 42};
  const json::value got = mounts(R"({"Image":"x","Volumes":{"/data":{}}})", facts);
  EXPECT_EQ(got.at(0).at("VolumeOptions").at("Labels").at("com.docker.volume.anonymous"), "");
}

TEST(Volumes, ThereAreNotTooMany) {
  Facts facts = test::student();
  for (int i = 0; i < 200; ++i) facts.image_volumes.push_back("/v" + std::to_string(i));
  EXPECT_TRUE(send(R"({"Image":"x"})", facts));
  std::string binds;
  for (int i = 0; i < 100; ++i) binds += (i == 0 ? "" : ",") + std::string(R"("/a")");
  const auto got = send(R"({"Image":"x","HostConfig":{"Binds":[)" + binds + "]}}", facts);
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().reason, "too_many_volumes");
}

TEST(Volumes, LabelsAreBounded) {
  const std::string label(300'000, 'x');
  const auto mount =
      send(R"({"Image":"x","HostConfig":{"Mounts":[{"Type":"volume","Target":"/x","VolumeOptions":{"Labels":{"a":")" +
               label + "\"}}}]}}",
           test::student());
  ASSERT_FALSE(mount);
  EXPECT_EQ(mount.error().reason, "labels_too_large");
}

TEST(Volumes, APathOfAVolumeIsAbsolute) {
  const auto got = send(R"({"Image":"x","Volumes":{"data":{}}})", test::student());
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().reason, "volume_path");
}

TEST(Volumes, AnAdministratorsOwnHaveNoOwner) {
  Facts facts = test::student();
  facts.caller.admin = true;
  facts.image_volumes = {"/vol"};
  facts.volumes["data"] = {false};
  const auto got = send(R"({"Image":"x","Volumes":{"/w":{}},"HostConfig":{"Binds":["data:/d"]}})", facts);
  ASSERT_TRUE(got);
  EXPECT_FALSE(got->body.at("HostConfig").as_object().contains("Mounts"));
  EXPECT_TRUE(got->volumes.empty());
  // For somebody, they are that user's; which there are is the administrator's to choose.
  facts.owner = test::student().caller.user;
  const auto for_alice = send(R"({"Image":"x","HostConfig":{"Binds":["data:/d"]}})", facts);
  ASSERT_TRUE(for_alice);
  EXPECT_EQ(for_alice->body.at("HostConfig").at("Mounts"), (json::array{unnamed("/vol")}));
  EXPECT_TRUE(for_alice->volumes.contains("data"));
}

TEST(Networks, AForeignOneIsNotFound) {
  Facts facts = test::student();
  facts.networks["lab"] = {std::string(64, 'a'), "lab", false};
  for (const std::string_view request : {R"({"Image":"x","HostConfig":{"NetworkMode":"lab"}})",
                                         R"({"Image":"x","NetworkingConfig":{"EndpointsConfig":{"lab":{}}}})",
                                         R"({"Image":"x","HostConfig":{"NetworkMode":"absent"}})"}) {
    const auto got = send(request, facts);
    ASSERT_FALSE(got) << request;
    EXPECT_EQ(got.error().http_status, 400);
    EXPECT_EQ(got.error().reason, "network");
  }
}

// The Engine looks a network up again when the container starts, by name only if it has no id.
TEST(Networks, AreSentWithTheirId) {
  const std::string id(64, 'a');
  Facts facts = test::student();
  facts.networks["lab"] = {id, "lab", true};
  facts.networks["other"] = {std::string(64, 'b'), "other", true};
  const auto endpoints = [&](std::string_view request) {
    const auto got = send(request, facts);
    EXPECT_TRUE(got) << got.error().text;
    return got ? got->body.at("NetworkingConfig").at("EndpointsConfig") : json::value(nullptr);
  };
  const json::value pinned{{"lab", {{"NetworkID", id}}}};
  EXPECT_EQ(endpoints(R"({"Image":"x","HostConfig":{"NetworkMode":"lab"}})"), pinned);
  EXPECT_EQ(
      endpoints(
          R"({"Image":"x","HostConfig":{"NetworkMode":"lab"},"NetworkingConfig":{"EndpointsConfig":{"lab":null}}})"),
      pinned);
  EXPECT_EQ(
      endpoints(R"({"Image":"x","NetworkingConfig":{"EndpointsConfig":{"lab":{"Aliases":["a"]},"bridge":null}}})"),
      (json::value{{"lab", {{"Aliases", json::array{"a"}}, {"NetworkID", id}}}, {"bridge", nullptr}}));
  // What is asked for goes before the mode.
  const std::string two =
      R"({"Image":"x","HostConfig":{"NetworkMode":"lab"},"NetworkingConfig":{"EndpointsConfig":{"other":{}}}})";
  EXPECT_EQ(endpoints(two), (json::value{{"other", {{"NetworkID", std::string(64, 'b')}}}}));
}

}  // namespace
}  // namespace ds01::admission
