#include "admission/references.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "admission/admission.h"
#include "unit/admission/facts_json.h"

namespace ds01::admission {
namespace {

namespace json = boost::json;
using test::parseObject;
using testing::ElementsAre;
using testing::IsEmpty;

TEST(References, NamesEachThingOnceAsItStands) {
  const References found = references(parseObject(R"({
      "Image": "busybox:latest",
      "HostConfig": {
        "NetworkMode": "container:net", "IpcMode": "container:ipc", "PidMode": "container:net",
        "Links": ["db:database", "/cache"], "VolumesFrom": ["old:ro", "ipc"],
        "Binds": ["/home/alice/../alice:/a", "volume:/b", "/c", "/home/alice/../alice:/d:ro"],
        "Mounts": [{"Type": "bind", "Source": "/home/alice/x", "Target": "/x"},
                   {"Type": "volume", "Source": "v1", "Target": "/v"},
                   {"Type": "bind", "Source": "/home/alice/../alice", "Target": "/y"}]}})"));
  EXPECT_EQ(found.image, "busybox:latest");
  EXPECT_THAT(found.containers, ElementsAre("net", "ipc", "db", "/cache", "old"));
  EXPECT_THAT(found.looked_into, ElementsAre("ipc", "old"));
  EXPECT_THAT(found.bind_sources, ElementsAre("/home/alice/../alice", "/home/alice/x"));
}

// With a look at all others for each, this would take minutes.
TEST(References, NetworksAreThoseThatUsersMake) {
  const References found = references(parseObject(R"({"HostConfig":{"NetworkMode":"cafe01"},"NetworkingConfig":
      {"EndpointsConfig":{"cafe01":{},"BEEF":null,"lab":{},"0":{}}}})"));
  EXPECT_THAT(found.networks, ElementsAre("cafe01", "BEEF", "lab", "0"));
  EXPECT_THAT(references(parseObject(R"({"HostConfig":{"NetworkMode":"bridge"}})")).networks, IsEmpty());
  EXPECT_THAT(references(parseObject(R"({"HostConfig":{"NetworkMode":"container:x"}})")).networks, IsEmpty());
  EXPECT_THAT(references(parseObject(R"({"NetworkingConfig":{"EndpointsConfig":{"f":{}}}})")).networks,
              ElementsAre("f"));
}

TEST(References, VolumesAreThoseWithAName) {
  const References found = references(parseObject(R"({"HostConfig":{"Binds":["vv:/a","/h:/b","/c","vv:/d:ro","ww:/e"],
      "Mounts":[{"Type":"volume","Source":"mm","Target":"/f"},{"Type":"volume","Target":"/g"},
                {"Type":"bind","Source":"/i","Target":"/j"},{"Type":"volume","Source":"ww","Target":"/k"}]}})"));
  EXPECT_THAT(found.volumes, ElementsAre("vv", "ww", "mm"));
}

TEST(References, ManyAreCollectedInTime) {
  json::array binds;
  for (int i = 0; i < 200'000; ++i) binds.emplace_back("/home/" + std::to_string(i) + ":/x");
  const json::object body{{"HostConfig", json::object{{"Binds", std::move(binds)}}}};
  EXPECT_EQ(references(body).bind_sources.size(), 200'000U);
}

TEST(References, MalformedPartsAreLeftOut) {
  const References found = references(parseObject(R"({
      "Image": null,
      "HostConfig": {"NetworkMode": "container:", "Links": ["a:b:c", ":x"], "Binds": ["/a:/b:/c:/d", "::"],
                     "Mounts": [7, {"Type": "bind"}], "VolumesFrom": [7]}})"));
  EXPECT_EQ(found.image, "");
  EXPECT_THAT(found.containers, IsEmpty());
  EXPECT_THAT(found.bind_sources, IsEmpty());
  EXPECT_THAT(references(parseObject(R"({"HostConfig": null})")).containers, IsEmpty());
}

TEST(ParseLink, ReadsDockersForms) {
  EXPECT_EQ(parseLink("db")->alias, "db");
  EXPECT_EQ(parseLink("/db:/web/sql")->container, "/db");
  EXPECT_EQ(parseLink("/db:/web/sql")->alias, "sql");
  EXPECT_FALSE(parseLink(""));
  EXPECT_FALSE(parseLink("a:"));
  EXPECT_FALSE(parseLink("a:b:c"));
}

}  // namespace
}  // namespace ds01::admission
