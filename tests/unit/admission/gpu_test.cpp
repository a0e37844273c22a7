#include <string>

#include <boost/json/serialize.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "admission/admission.h"
#include "unit/admission/facts_json.h"

namespace ds01::admission {
namespace {

namespace json = boost::json;
using test::parseObject;
using test::student;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

std::expected<Examined, Denial> ask(std::string_view request, std::string_view labels = "{}") {
  return examine(json::object{{"Image", "x"},
                              {"Labels", parseObject(labels)},
                              {"HostConfig", json::object{{"DeviceRequests", json::array{parseObject(request)}}}}},
                 student());
}

std::string refusal(std::string_view request, std::string_view labels = "{}") {
  const auto got = ask(request, labels);
  return got ? "admitted" : std::to_string(got.error().http_status) + " " + got.error().reason;
}

TEST(GpuRequest, ReadsCountAllAndDevices) {
  const auto count = ask(R"({"Count":2,"Capabilities":[["gpu"]]})");
  ASSERT_TRUE(count) << count.error().text;
  EXPECT_EQ(count->gpu->kind, GpuRequest::Kind::Count);
  EXPECT_EQ(count->gpu->count, 2);
  EXPECT_FALSE(count->body.at("HostConfig").as_object().contains("DeviceRequests"));

  const auto all =
      ask(R"({"Driver":"nvidia","Count":-1,"DeviceIDs":[],"Capabilities":[["utility","gpu"]],"Options":{}})");
  ASSERT_TRUE(all) << all.error().text;
  EXPECT_EQ(all->gpu->kind, GpuRequest::Kind::All);
  EXPECT_EQ(all->capabilities, (json::array{json::array{"utility", "gpu"}}));

  const auto devices = ask(R"({"Count":0,"DeviceIDs":["0:1","GPU-aa"],"Capabilities":[["gpu"]]})",
                           R"({"ds01.request.profile":"2g.20gb"})");
  ASSERT_TRUE(devices) << devices.error().text;
  EXPECT_EQ(devices->gpu->kind, GpuRequest::Kind::Devices);
  EXPECT_THAT(devices->gpu->devices, ElementsAre("0:1", "GPU-aa"));
  EXPECT_EQ(devices->gpu->profile, "2g.20gb");
}

TEST(GpuRequest, NoneIsNone) {
  for (const std::string_view host : {R"({"DeviceRequests":null})", R"({"DeviceRequests":[]})", "{}"}) {
    const auto got = examine(json::object{{"HostConfig", parseObject(host)}}, student());
    ASSERT_TRUE(got) << got.error().text;
    EXPECT_FALSE(got->gpu);
    EXPECT_FALSE(got->body.at("HostConfig").as_object().contains("DeviceRequests"));
  }
}

TEST(GpuRequest, WhatWeCannotAnswerForIsRefused) {
  EXPECT_EQ(refusal(R"({"Driver":"cdi","DeviceIDs":["nvidia.com/gpu=all"]})"), "403 device_request");
  EXPECT_EQ(refusal(R"({"Driver":"amd","Count":1,"Capabilities":[["gpu"]]})"), "403 device_request");
  EXPECT_EQ(refusal(R"({"Count":1,"Capabilities":[["gpu"]],"Options":{"a":"b"}})"), "403 device_request");
  EXPECT_EQ(refusal(R"({"Count":1,"Capabilities":[["gpu","tpu"]]})"), "403 device_request");
  EXPECT_EQ(refusal(R"({"Count":1,"Capabilities":[["tpu"]]})"), "403 device_request");
  EXPECT_EQ(refusal(R"({"Count":1,"Capabilities":[[]]})"), "403 device_request");
  EXPECT_EQ(refusal(R"({"Count":1,"Capabilities":[null]})"), "403 device_request");
  EXPECT_EQ(refusal(R"({"Count":1,"Capabilities":[]})"), "403 device_request");
  EXPECT_EQ(refusal(R"({"Count":1,"Capabilities":null})"), "403 device_request");
  EXPECT_EQ(refusal(R"({"Count":1,"Capabilities":[["gpu",7]]})"), "403 device_request");
}

// The first alternative that the driver has, as dockerd chooses; no other is sent on.
TEST(GpuRequest, TakesTheAlternativeThatDockerWould) {
  const auto chosen = [](std::string_view capabilities) {
    const auto got = ask(std::string(R"({"Count":1,"Capabilities":)").append(capabilities).append("}"));
    return got ? json::serialize(got->capabilities) : got.error().reason;
  };
  EXPECT_EQ(chosen(R"([["gpu"],["nvidia","compute"]])"), R"([["gpu"]])");
  EXPECT_EQ(chosen(R"([["gpu","tpu"],["nvidia","compute"],["gpu"]])"), R"([["nvidia","compute"]])");
  EXPECT_EQ(chosen(R"([["compute","utility"]])"), R"([["compute","utility"]])");
  EXPECT_EQ(chosen(R"([["tpu"],[7],null,["gpu"]])"), R"([["gpu"]])");
}

TEST(GpuRequest, NonsenseIsMalformed) {
  EXPECT_EQ(refusal(R"({"Count":0,"Capabilities":[["gpu"]]})"), "400 device_request");
  EXPECT_EQ(refusal(R"({"Capabilities":[["gpu"]]})"), "400 device_request");
  EXPECT_EQ(refusal(R"({"Count":-2,"Capabilities":[["gpu"]]})"), "400 device_request");
  EXPECT_EQ(refusal(R"({"Count":1,"DeviceIDs":["0"],"Capabilities":[["gpu"]]})"), "400 device_request");
  EXPECT_EQ(refusal(R"({"DeviceIDs":["0","0"],"Capabilities":[["gpu"]]})"), "400 device_request");
  EXPECT_EQ(refusal(R"({"DeviceIDs":[""],"Capabilities":[["gpu"]]})"), "400 device_request");
  EXPECT_EQ(refusal(R"({"DeviceIDs":["0,1"],"Capabilities":[["gpu"]]})"), "400 device_request");
  EXPECT_EQ(refusal(R"({"DeviceIDs":[0],"Capabilities":[["gpu"]]})"), "400 field_type");
  for (const std::string_view profile : {"a b", "full;", "123456789012345678901234567890123"}) {
    EXPECT_EQ(refusal(R"({"Count":1,"Capabilities":[["gpu"]]})",
                      std::string(R"({"ds01.request.profile":")").append(profile).append(R"("})")),
              "400 profile");
  }
}

// What people typed before there was --gpus, and what they type where devices come by CDI.
TEST(GpuRequest, OtherWaysAreToldTheirGpusFlag) {
  const auto remedy = [](std::string_view body) {
    const auto got = examine(parseObject(body), student());
    return got ? "admitted" : got.error().remedy;
  };
  EXPECT_EQ(remedy(R"({"Env":["NVIDIA_VISIBLE_DEVICES=all"],"HostConfig":{"Runtime":"nvidia"}})"),
            "Replace --runtime by --gpus all.");
  EXPECT_EQ(remedy(R"({"Env":["NVIDIA_VISIBLE_DEVICES=0,1"],"HostConfig":{"Runtime":"nvidia"}})"),
            R"(Replace --runtime by --gpus '"device=0,1"'.)");
  EXPECT_EQ(remedy(R"({"Env":["A=b","NVIDIA_VISIBLE_DEVICES"],"HostConfig":{"Runtime":"nvidia"}})"),
            "Leave --runtime out.");
  EXPECT_EQ(remedy(R"({"Env":["NVIDIA_VISIBLE_DEVICES=GPU-a-1"],"HostConfig":{"Runtime":"nvidia"}})"),
            "Replace --runtime by --gpus device=GPU-a-1.");
  EXPECT_EQ(remedy(R"x({"Env":["NVIDIA_VISIBLE_DEVICES=$(id)"],"HostConfig":{"Runtime":"nvidia"}})x"),
            "Replace --runtime by --gpus 1.");
  EXPECT_EQ(remedy(R"({"HostConfig":{"DeviceRequests":[{"Driver":"cdi","DeviceIDs":["nvidia.com/gpu=0"]}]}})"),
            "Ask with --gpus device=0.");
  EXPECT_EQ(remedy(R"({"HostConfig":{"DeviceRequests":[{"Driver":"cdi","DeviceIDs":["nvidia.com/gpu=all"]}]}})"),
            "Ask with --gpus all.");
}

// Compose 1.29 for a service that says neither how many nor which.
TEST(GpuRequest, NoCountFromComposeMeansAll) {
  const json::object body = parseObject(
      R"({"HostConfig":{"DeviceRequests":[{"Driver":"nvidia","Count":0,"DeviceIDs":[],"Capabilities":[["gpu"]]}]}})");
  Facts facts = student();
  EXPECT_FALSE(examine(body, facts));
  facts.user_agent = "docker-compose/1.29.2 docker-py/5.0.3 Linux/6.1";
  const auto got = examine(body, facts);
  ASSERT_TRUE(got) << got.error().text;
  EXPECT_EQ(got->gpu->kind, GpuRequest::Kind::All);
}

TEST(GpuRequest, OnlyOne) {
  const auto got = examine(parseObject(R"({"HostConfig":{"DeviceRequests":[{"Count":1,"Capabilities":[["gpu"]]},
                                                                           {"Count":1,"Capabilities":[["gpu"]]}]}})"),
                           student());
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().reason, "device_request");
}

std::vector<std::string> environment(std::string_view env, std::vector<std::string> image = {}) {
  Facts facts = student();
  facts.image_env = std::move(image);
  auto got = examine(parseObject(std::string(R"({"Env":)").append(env).append("}")), facts);
  if (!got) return {got.error().reason};
  std::vector<std::string> result;
  const json::object body = complete(std::move(*got), {});
  for (const json::value& variable : body.at("Env").as_array()) result.emplace_back(variable.as_string());
  return result;
}

TEST(Environment, EveryCopyAndCaseVariantGoes) {
  EXPECT_THAT(environment(R"(["A=b","NVIDIA_VISIBLE_DEVICES=all","NVIDIA_VISIBLE_DEVICES","nvidia_Visible_devices=0",
                              "NVIDIA_MIG_CONFIG_DEVICES=all","Nvidia_Mig_X","NVIDIA_IMEX_CHANNELS=0",
                              "DOCKER_RESOURCE_GPU=GPU-1","docker_resource_x=1"])"),
              ElementsAre("A=b", "NVIDIA_VISIBLE_DEVICES=void"));
}

TEST(Environment, TheRestIsTheUsers) {
  EXPECT_THAT(environment(R"(["NVIDIA_DRIVER_CAPABILITIES=all","LD_PRELOAD=x","CUDA_VISIBLE_DEVICES=0","",
                              "NVIDIA_VISIBLE_DEVICES_X=1","XNVIDIA_VISIBLE_DEVICES=1"])"),
              ElementsAre("NVIDIA_DRIVER_CAPABILITIES=all", "LD_PRELOAD=x", "CUDA_VISIBLE_DEVICES=0", "",
                          "NVIDIA_VISIBLE_DEVICES_X=1", "XNVIDIA_VISIBLE_DEVICES=1", "NVIDIA_VISIBLE_DEVICES=void"));
  EXPECT_THAT(environment("null"), ElementsAre("NVIDIA_VISIBLE_DEVICES=void"));
  EXPECT_THAT(environment(R"([null])"), ElementsAre("field_type"));
}

TEST(Environment, TheImagesIsNeutralised) {
  EXPECT_THAT(environment(R"(["NVIDIA_MIG_MONITOR_DEVICES=x"])",
                          {"PATH=/bin", "NVIDIA_VISIBLE_DEVICES=all", "NVIDIA_MIG_MONITOR_DEVICES=all",
                           "DOCKER_RESOURCE_GPU=0", "NVIDIA_MIG_MONITOR_DEVICES=0", "NVIDIA_REQUIRE_CUDA=x"}),
              ElementsAre("NVIDIA_MIG_MONITOR_DEVICES=", "DOCKER_RESOURCE_GPU=", "NVIDIA_VISIBLE_DEVICES=void"));
}

// Whatever image the tag leads to when the Engine looks.
TEST(Environment, WithAGpuNoImageCanAddToIt) {
  const auto variables = [](const Facts& facts, std::string_view host) {
    auto got = examine(json::object{{"Image", "x"}, {"HostConfig", parseObject(host)}}, facts);
    std::vector<std::string> result;
    const json::object body = complete(std::move(*got), {});
    for (const json::value& variable : body.at("Env").as_array()) result.emplace_back(variable.as_string());
    return result;
  };
  const auto all = ElementsAre("NVIDIA_MIG_CONFIG_DEVICES=", "NVIDIA_MIG_MONITOR_DEVICES=", "NVIDIA_IMEX_CHANNELS=",
                               "NVIDIA_VISIBLE_DEVICES=void");
  Facts facts = student();
  facts.image_env = {"NVIDIA_IMEX_CHANNELS=0"};
  EXPECT_THAT(variables(facts, R"({"DeviceRequests":[{"Count":1,"Capabilities":[["gpu"]]}]})"), all);
  facts.engine.default_runtime = "nvidia";
  EXPECT_THAT(variables(facts, "{}"), all);
}

TEST(Environment, PointlessVariablesAreSaid) {
  const auto got = examine(parseObject(R"({"Env":["NVIDIA_VISIBLE_DEVICES=all"]})"), student());
  ASSERT_TRUE(got);
  EXPECT_THAT(got->warnings, SizeIs(1));
  const auto none = examine(parseObject(R"({"Env":["NVIDIA_VISIBLE_DEVICES=void"]})"), student());
  ASSERT_TRUE(none);
  EXPECT_THAT(none->warnings, IsEmpty());
}

}  // namespace
}  // namespace ds01::admission
