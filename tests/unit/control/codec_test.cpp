#include "control/codec.h"

#include <boost/json/parse.hpp>
#include <gtest/gtest.h>

#include "control/json_text.h"
#include "samples.h"

namespace ds01::control {
namespace {

using test::sampleContainer;
using test::sampleStatus;

TEST(CodecTest, StatusIsWrittenAsTheInterfaceSays) {
  EXPECT_EQ(
      jsonText(toJson(sampleStatus())),
      R"({"api":1,"gpus":[)"
      R"({"slot":"0","uuid":"GPU-0","model":"NVIDIA A100-SXM4-80GB","profile":"full","gpu":0,"memory_mib":81920,)"
      R"("gpueq":1,"state":"held","user":"alice","since":"2026-11-23T12:00:00.000Z","container":"train",)"
      R"("container_id":"aaaa","problem":null,"until":null},)"
      R"({"slot":"1:0","uuid":"MIG-10","model":"NVIDIA A100-SXM4-80GB","profile":"2g.20gb","gpu":1,)"
      R"("memory_mib":null,"gpueq":0.285714,"state":"held","user":"bob","since":"2026-11-23T12:01:00.000Z",)"
      R"("container":"notebook","container_id":"bbbb","problem":null,"until":"2026-11-23T12:20:00.000Z"},)"
      R"({"slot":"1:1","uuid":"MIG-11","model":"NVIDIA A100-SXM4-80GB","profile":"2g.20gb","gpu":1,)"
      R"("memory_mib":null,"gpueq":0.285714,"state":"free","user":null,"since":null,"container":null,)"
      R"("container_id":null,"problem":null,"until":null},)"
      R"({"slot":"2","uuid":"GPU-2","model":"NVIDIA A100-SXM4-80GB","profile":"full","gpu":null,)"
      R"("memory_mib":null,"gpueq":1,"state":"foreign","user":null,"since":null,"container":"outside",)"
      R"("container_id":"ffff","problem":null,"until":null}],)"
      R"("queue":[{"user":"carol","slots":2,"since":"2026-11-23T12:01:30.000Z","place":1,"reason":"all 2 that would do are held"}],)"
      R"("users":[{"user":"alice","group":"staff","gpueq":1,"limit":null,"containers":1},)"
      R"({"user":"bob","group":"student","gpueq":0.285714,"limit":1.5,"containers":2}],)"
      R"("counters":{"denials":3,"requests":17},"gpu_problem":null})");
}

TEST(CodecTest, StatusComesBackTheSame) {
  const auto back = statusFromJson(boost::json::parse(jsonText(toJson(sampleStatus()), 2)));
  ASSERT_TRUE(back) << back.error().message();
  EXPECT_EQ(*back, sampleStatus());
}

TEST(CodecTest, AnEmptyStatusComesBackTheSame) {
  const auto back = statusFromJson(boost::json::parse(jsonText(toJson(StatusSnapshot{}))));
  ASSERT_TRUE(back) << back.error().message();
  EXPECT_EQ(*back, StatusSnapshot{});
}

TEST(CodecTest, EverySlotStateAndShareComesBackTheSame) {
  StatusSnapshot snapshot;
  const SlotState states[] = {SlotState::Free,    SlotState::Reserved, SlotState::Held,
                              SlotState::Foreign, SlotState::Stale,    SlotState::Sick};
  for (int sevenths = 0; sevenths <= 21; ++sevenths) {
    GpuRow row = sampleStatus().gpus[0];
    row.gpueq = {sevenths * 1'000'000 / 7};
    row.state = states[sevenths % 6];
    snapshot.gpus.push_back(row);
  }
  const auto back = statusFromJson(boost::json::parse(jsonText(toJson(snapshot))));
  ASSERT_TRUE(back) << back.error().message();
  EXPECT_EQ(*back, snapshot);
}

TEST(CodecTest, ContainersComeBackTheSame) {
  ContainerRow bare{.id = "b",
                    .name = "",
                    .user = {},
                    .image = "",
                    .created = {},
                    .state = {},
                    .gpus = {},
                    .gpueq = {},
                    .type = {},
                    .since = {}};
  bare.tracked_user = "bob";
  bare.tracked_by = "mount_path";
  const ContainerList list{.all = true, .containers = {sampleContainer("a", "alice"), bare}};
  const std::string text = jsonText(toJson(list));
  EXPECT_EQ(text, R"({"api":1,"all":true,"containers":[{"id":"a","name":"train","user":"alice","image":"pytorch:2",)"
                  R"("created":"2026-11-23T11:59:55.000Z","state":"running","gpus":["0","1:0"],"gpueq":1.285714,)"
                  R"("type":"docker","since":"2026-11-23T12:00:00.000Z","tracked_user":null,"tracked_by":null},)"
                  R"({"id":"b","name":"","user":null,"image":"","created":null,"state":null,"gpus":[],"gpueq":0,)"
                  R"("type":null,"since":null,"tracked_user":"bob","tracked_by":"mount_path"}]})");
  const auto back = containersFromJson(boost::json::parse(text));
  ASSERT_TRUE(back) << back.error().message();
  EXPECT_EQ(*back, list);
}

TEST(CodecTest, UnknownFieldsAreIgnoredAndAbsentOnesMayBeMissing) {
  const auto status = statusFromJson(boost::json::parse(
      R"({"api":1,"new":[],"gpus":[{"slot":"0","uuid":"u","model":"m","profile":"full","gpueq":1.0,"state":"free",
          "temperature":40}],"queue":[],"users":[],"counters":{"a":1,"later":{"b":2}}})"));
  ASSERT_TRUE(status) << status.error().message();
  EXPECT_FALSE(status->gpus.at(0).user);
  EXPECT_EQ(status->gpus[0].gpueq, GpuEq::whole(1));
  EXPECT_EQ(status->counters, (std::map<std::string, std::int64_t>{{"a", 1}}));
}

struct Broken {
  const char* json;
  const char* message;
};

class BrokenStatusTest : public testing::TestWithParam<Broken> {};

TEST_P(BrokenStatusTest, IsRefusedWithItsPlace) {
  const auto status = statusFromJson(boost::json::parse(GetParam().json));
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code(), ErrorCode::Malformed);
  EXPECT_EQ(status.error().message(), GetParam().message);
}

INSTANTIATE_TEST_SUITE_P(
    All, BrokenStatusTest,
    testing::Values(
        Broken{R"([])", "reply: must be an object"}, Broken{R"({"gpus":[],"queue":[],"users":[]})", "api: is missing"},
        Broken{R"({"api":2,"gpus":[],"queue":[],"users":[]})", "api: is 2, but this program speaks 1"},
        Broken{R"({"api":1,"queue":[],"users":[]})", "gpus: is missing"},
        Broken{R"({"api":1,"gpus":{},"queue":[],"users":[]})", "gpus: must be a list"},
        Broken{R"({"api":1,"gpus":[7],"queue":[],"users":[]})", "gpus[0]: must be an object"},
        Broken{R"({"api":1,"gpus":[{"slot":0}],"queue":[],"users":[]})", "gpus[0].slot: must be a string"},
        Broken{R"({"api":1,"gpus":[{"slot":"0","uuid":"","model":"","profile":"","gpueq":1,"state":"gone"}],
                   "queue":[],"users":[]})",
               "gpus[0].state: is none that this program knows"},
        Broken{R"({"api":1,"gpus":[{"slot":"0","uuid":"","model":"","profile":"","gpueq":-1,"state":"free"}],
                   "queue":[],"users":[]})",
               "gpus[0].gpueq: must be a number of GPUs"},
        Broken{R"({"api":1,"gpus":[{"slot":"0","uuid":"","model":"","profile":"","gpueq":1e300,"state":"free"}],
                   "queue":[],"users":[]})",
               "gpus[0].gpueq: must be a number of GPUs"},
        Broken{R"({"api":1,"gpus":[],"queue":[{"user":"a","slots":1,"since":"now","place":1}],"users":[]})",
               "queue[0].since: must be a time as in RFC 3339"},
        Broken{R"({"api":1,"gpus":[],"queue":[{"user":"a","slots":1.5,"since":"2026-11-23T12:00:00Z","place":1}],
                   "users":[]})",
               "queue[0].slots: must be a whole number from 0 to 9223372036854775807"},
        Broken{R"({"api":1,"gpus":[],"queue":[],"users":[{"user":null,"group":"g","gpueq":0,"containers":0}]})",
               "users[0].user: is missing"},
        Broken{R"({"api":1,"gpus":[],"queue":[],"users":[],"counters":[]})", "counters: must be an object"}));

TEST(CodecTest, BrokenContainersAreRefusedWithTheirPlace) {
  const auto list = containersFromJson(
      boost::json::parse(R"({"api":1,"all":false,"containers":[{"id":"a","name":"n","image":"i","gpus":["0",1],
                             "gpueq":1}]})"));
  ASSERT_FALSE(list);
  EXPECT_EQ(list.error().message(), "containers[0].gpus[1]: must be a string");
  EXPECT_EQ(containersFromJson(boost::json::parse(R"({"api":1,"containers":[]})")).error().message(),
            "all: is missing");
}

}  // namespace
}  // namespace ds01::control
