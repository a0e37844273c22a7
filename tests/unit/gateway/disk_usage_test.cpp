// GET /system/df and POST /build/prune: space, as one user is told of it.
#include <string>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "harness.h"

namespace ds01::gateway {
namespace {

using test::Client;
using test::fullId;
using test::Harness;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

namespace json = boost::json;

class DiskUsageTest : public testing::Test {
 protected:
  DiskUsageTest() {
    h.ownership.add("mine", kMine, "alice");
    h.ownership.add("stopped", kStopped, "alice");
    h.ownership.add("theirs", kTheirs, "bob");
    h.ownership.add("forged", kForged, std::nullopt);
  }
  // What the Engine would say, as API 1.41 has it.
  std::string containers() const {
    const auto item = [](const std::string& id, std::string_view image, std::string_view state, int size) {
      return fmt::format(R"({{"Id":"{}","ImageID":"{}","State":"{}","SizeRw":{},"Labels":{{"ds01.user":"alice"}}}})",
                         id, image, state, size);
    };
    return "[" + item(kMine, "sha256:a", "running", 5) + "," + item(kStopped, "sha256:a", "exited", 7) + "," +
           item(kTheirs, "sha256:b", "running", 11) + "," + item(kForged, "sha256:a", "running", 13) + "]";
  }
  static std::string images() {
    return R"([{"Id":"sha256:a","Size":100,"SharedSize":60,"Containers":3,"RepoTags":["a:1"]},)"
           R"({"Id":"sha256:b","Size":50,"SharedSize":-1,"Containers":1,"Manifests":[{"Containers":["s3cret"]}]}])";
  }
  static std::string volumes() {
    return R"([{"Name":"v1","Labels":{"ds01.user":"alice"},"UsageData":{"RefCount":1,"Size":17}},)"
           R"({"Name":"v2","Labels":{"ds01.user":"alice"},"UsageData":{"RefCount":0,"Size":19}},)"
           R"({"Name":"v3","Labels":{"ds01.user":"alice"},"UsageData":{"RefCount":0,"Size":-1}},)"
           R"({"Name":"s3cret","Labels":{"ds01.user":"bob"},"UsageData":{"RefCount":1,"Size":23}},)"
           R"({"Name":"s3cret-too","Labels":null,"UsageData":{"RefCount":1,"Size":23}}])";
  }
  static std::string cache() { return R"([{"ID":"c","Description":"RUN s3cret","Size":29,"InUse":false}])"; }

  json::value ask(const std::string& target, const std::string& answer, const std::string& sent = {}) {
    h.engine().answer("GET", sent.empty() ? target : sent, 200, answer);
    const auto reply = h.connect().get(target);
    EXPECT_TRUE(reply);
    if (!reply) return nullptr;
    EXPECT_EQ(reply->status, 200) << reply->body;
    EXPECT_THAT(reply->body, Not(HasSubstr("s3cret")));
    EXPECT_THAT(reply->body, Not(HasSubstr(kTheirs)));
    EXPECT_THAT(reply->body, Not(HasSubstr(kForged)));
    return json::parse(reply->body);
  }

  const std::string kMine = fullId('a');
  const std::string kTheirs = fullId('b');
  const std::string kForged = fullId('c');
  const std::string kStopped = fullId('d');
  Harness h;
};

TEST_F(DiskUsageTest, TellsOfOnesOwnContainersAndVolumes) {
  const json::value usage =
      ask("/v1.41/system/df", fmt::format(R"({{"LayersSize":1000,"Images":{},"Containers":{},"Volumes":{},)"
                                          R"("BuildCache":{},"BuilderSize":29,"Unheard":["s3cret"]}})",
                                          images(), containers(), volumes(), cache()));
  ASSERT_EQ(usage.at("Containers").as_array().size(), 2U);
  EXPECT_EQ(usage.at("Containers").at(0).at("Id").as_string(), kMine);
  EXPECT_EQ(usage.at("Containers").at(1).at("SizeRw").as_int64(), 7);
  ASSERT_EQ(usage.at("Volumes").as_array().size(), 3U);
  EXPECT_EQ(usage.at("Volumes").at(0).at("UsageData").at("Size").as_int64(), 17);
  EXPECT_THAT(usage.at("BuildCache").as_array(), IsEmpty());
  EXPECT_EQ(usage.at("BuilderSize").as_int64(), 0);
  EXPECT_FALSE(usage.as_object().contains("Unheard"));
}

TEST_F(DiskUsageTest, ImagesAreAllAndTheirUseIsTheCallers) {
  const json::value usage =
      ask("/v1.41/system/df",
          fmt::format(R"({{"LayersSize":1000,"Images":{},"Containers":{},"Volumes":[],"BuildCache":[]}})", images(),
                      containers()));
  EXPECT_EQ(usage.at("LayersSize").as_int64(), 1000);
  ASSERT_EQ(usage.at("Images").as_array().size(), 2U);
  EXPECT_EQ(usage.at("Images").at(0).at("Containers").as_int64(), 2);
  EXPECT_EQ(usage.at("Images").at(0).at("Size").as_int64(), 100);
  EXPECT_EQ(usage.at("Images").at(1).at("Containers").as_int64(), 0);
}

TEST_F(DiskUsageTest, WhatWasNotAskedForStaysAway) {
  const json::value usage =
      ask("/v1.43/system/df?type=image&type=volume",
          fmt::format(R"({{"LayersSize":1000,"Images":{},"Containers":null,"Volumes":{},"BuildCache":null}})", images(),
                      volumes()));
  EXPECT_TRUE(usage.at("Containers").is_null());
  EXPECT_TRUE(usage.at("BuildCache").is_null());
  // Without the containers nobody knows which of the Engine's count are the caller's.
  EXPECT_EQ(usage.at("Images").at(0).at("Containers").as_int64(), -1);
}

TEST_F(DiskUsageTest, SumsAreOfWhatIsShown) {
  const json::value usage = ask(
      "/v1.52/system/df?verbose=1",
      fmt::format(
          R"({{"ImageUsage":{{"ActiveCount":2,"TotalCount":2,"TotalSize":1000,"Reclaimable":1,"Items":{}}},)"
          R"("ContainerUsage":{{"ActiveContainers":3,"TotalContainers":4,"TotalSize":36,"Reclaimable":7,"Items":{}}},)"
          R"("VolumeUsage":{{"ActiveCount":3,"TotalCount":5,"TotalSize":82,"Reclaimable":36,"Items":{},"X":"s3cret"}},)"
          R"("BuildCacheUsage":{{"ActiveCount":1,"TotalCount":1,"TotalSize":29,"Reclaimable":29,"Items":{}}}}})",
          images(), containers(), volumes(), cache()));
  const json::value& used = usage.at("ContainerUsage");
  EXPECT_EQ(used.at("ActiveContainers").as_int64(), 1);
  EXPECT_EQ(used.at("TotalContainers").as_int64(), 2);
  EXPECT_EQ(used.at("TotalSize").as_int64(), 12);
  EXPECT_EQ(used.at("Reclaimable").as_int64(), 7);
  EXPECT_EQ(used.at("Items").as_array().size(), 2U);
  EXPECT_EQ(json::serialize(usage.at("VolumeUsage").at("TotalCount")), "3");
  EXPECT_EQ(usage.at("VolumeUsage").at("ActiveCount").as_int64(), 1);
  EXPECT_EQ(usage.at("VolumeUsage").at("TotalSize").as_int64(), 36);
  EXPECT_EQ(usage.at("VolumeUsage").at("Reclaimable").as_int64(), 19);
  EXPECT_EQ(usage.at("ImageUsage").at("ActiveCount").as_int64(), 1);
  EXPECT_EQ(usage.at("ImageUsage").at("TotalSize").as_int64(), 1000);
  EXPECT_EQ(usage.at("ImageUsage").at("Reclaimable").as_int64(), 960);
  EXPECT_EQ(json::serialize(usage.at("BuildCacheUsage")),
            R"({"ActiveCount":0,"TotalCount":0,"TotalSize":0,"Reclaimable":0,"Items":[]})");
}

// The Engine's own sums are of everybody, so it is asked for the lists that they are made of.
TEST_F(DiskUsageTest, SumsAloneAreMadeFromTheLists) {
  const json::value usage =
      ask("/v1.52/system/df?verbose=false&type=container",
          fmt::format(
              R"({{"ContainerUsage":{{"ActiveCount":3,"TotalCount":4,"TotalSize":36,"Reclaimable":7,"Items":{}}}}})",
              containers()),
          "/v1.52/system/df?type=container&verbose=1");
  EXPECT_EQ(json::serialize(usage),
            R"({"ContainerUsage":{"ActiveCount":1,"TotalCount":2,"TotalSize":12,"Reclaimable":7}})");
}

TEST_F(DiskUsageTest, SumsBesideListsToo) {
  const json::value usage =
      ask("/v1.52/system/df",
          fmt::format(R"({{"Containers":{},"ContainerUsage":{{"ActiveCount":3,"TotalCount":4}}}})", containers()));
  EXPECT_EQ(json::serialize(usage.at("ContainerUsage")), R"({"ActiveCount":1,"TotalCount":2})");
}

TEST_F(DiskUsageTest, WhatIsNotUnderstoodIsNotShown) {
  for (const char* const answer :
       {R"([{"Id":"s3cret"}])", R"({"Containers":{"s3cret":1}})", R"({"Images":"s3cret"})", R"({"Images":["s3cret"]})",
        R"({"Volumes":{"s3cret":1}})", R"({"VolumeUsage":{"Items":"s3cret"}})", "s3cret"}) {
    h.engine().answer("GET", "/system/df", 200, answer);
    const auto reply = h.connect().get("/system/df");
    ASSERT_TRUE(reply) << answer;
    EXPECT_GE(reply->status, 500) << answer;
    EXPECT_THAT(reply->body, Not(HasSubstr("s3cret"))) << answer;
  }
}

TEST_F(DiskUsageTest, TheEnginesRefusalIsPassedOn) {
  h.engine().answer("GET", "/system/df", 500, R"({"message":"a disk usage operation is already running"})");
  EXPECT_EQ(h.connect().get("/system/df")->status, 500);
}

TEST_F(DiskUsageTest, AdministratorsSeeAll) {
  {
    const std::lock_guard lock(h.identities.mutex);
    h.identities.caller.admin = true;
  }
  const std::string answer = R"({"Containers":)" + containers() + R"(,"BuildCache":)" + cache() + "}";
  h.engine().answer("GET", "/system/df", 200, answer);
  EXPECT_EQ(h.connect().get("/system/df")->body, answer);
}

TEST_F(DiskUsageTest, NothingOfTheBuildCacheIsRemoved) {
  Client client = h.connect();
  const auto reply = client.request("POST", "/v1.41/build/prune?all=1&keep-storage=0");
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->status, 200);
  EXPECT_EQ(reply->body, R"({"CachesDeleted":null,"SpaceReclaimed":0})");
  EXPECT_EQ(client.request("POST", "/build/prune?filters=x")->status, 400);
  EXPECT_TRUE(h.engine().requests().empty());
}

}  // namespace
}  // namespace ds01::gateway
