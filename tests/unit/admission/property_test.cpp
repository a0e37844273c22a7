// Whatever a non-admin puts together, a request that is admitted leaves with our devices, our labels and our cgroup.
// The pieces are combined by a fixed generator, so a failure can be repeated.
#include <algorithm>
#include <cstdint>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <gtest/gtest.h>

#include "admission/admission.h"
#include "admission/json_guard.h"
#include "unit/admission/facts_json.h"

namespace ds01::admission {
namespace {

namespace json = boost::json;

// std distributions differ between libraries; the engine itself does not.
std::size_t pick(std::mt19937_64& random, std::size_t count) {
  return static_cast<std::size_t>(random() % count);
}

const std::vector<std::string>& variables() {
  static const std::vector<std::string> list{"NVIDIA_VISIBLE_DEVICES=all",
                                             "NVIDIA_VISIBLE_DEVICES",
                                             "nvidia_visible_devices=0",
                                             "NVIDIA_VISIBLE_DEVICES==",
                                             "NVIDIA_MIG_CONFIG_DEVICES=all",
                                             "DOCKER_RESOURCE_GPU=0",
                                             "NVIDIA_IMEX_CHANNELS=0",
                                             "A=NVIDIA_VISIBLE_DEVICES=all",
                                             "PATH=/bin",
                                             "",
                                             "="};
  return list;
}

const std::vector<std::string>& hostFields() {
  static const std::vector<std::string> list{
      R"("DeviceRequests":[{"Count":-1,"Capabilities":[["gpu"]]}])",
      R"("DeviceRequests":[{"Driver":"nvidia","DeviceIDs":["GPU-foreign"],"Capabilities":[["gpu","compute"]]}])",
      R"("DeviceRequests":[{"Count":1,"Capabilities":[["gpu"]]},{"Count":-1,"Capabilities":[["gpu"]]}])",
      R"("DeviceRequests":null)",
      R"("Runtime":"nvidia")",
      R"("Runtime":"runc")",
      R"("Privileged":true)",
      R"("Privileged":null)",
      R"("Devices":[{"PathOnHost":"/dev/nvidia0"}])",
      R"("CapAdd":["SYS_ADMIN"])",
      R"("Binds":["/home/alice:/x"])",
      R"("Binds":["/dev/null:/var/run//nvidia-container-devices/all"])",
      R"("Binds":["/etc:/x"])",
      R"("CgroupParent":"/")",
      R"("PidMode":"host")",
      R"("NetworkMode":"host")",
      R"("NetworkMode":"container:bob")",
      R"("VolumesFrom":["bob"])",
      R"("IpcMode":"host")",
      R"("Memory":9223372036854775807)",
      R"("NanoCpus":1)",
      R"("CpuQuota":5000)",
      R"("Annotations":{"cdi.k8s.io/x":"nvidia.com/gpu=all"})",
      R"("SecurityOpt":["no-new-privileges"])"};
  return list;
}

const std::vector<std::string>& labels() {
  static const std::vector<std::string> list{
      R"("ds01.user":"bob")",     R"("ds01.lease":"L0000000000000001")", R"("ds01.protected":"true")",
      R"("aime.mlc.USER":"bob")", R"("com.docker.compose.project":"p")", R"("ds01.request.profile":"full")"};
  return list;
}

// A JSON list or object with some of the pieces, each at most once for objects.
std::string some(std::mt19937_64& random, const std::vector<std::string>& pieces, bool quote, bool repeat) {
  std::string joined;
  std::vector<std::size_t> used;
  for (std::size_t i = pick(random, 4); i > 0; --i) {
    const std::size_t index = pick(random, pieces.size());
    if (!repeat && std::ranges::find(used, index) != used.end()) continue;
    used.push_back(index);
    if (!joined.empty()) joined += ',';
    joined += quote ? json::serialize(json::string(pieces[index])) : pieces[index];
  }
  return joined;
}

Completion leaseFor(const Examined& examined) {
  Completion completion;
  completion.emitter = Emitter::Nvidia;
  if (!examined.gpu) return completion;
  completion.lease.emplace();
  completion.lease->id = LeaseId("L00000000000000aa");
  completion.lease->uuids = {"GPU-ours"};
  completion.slots.resize(1);
  completion.slots[0].slot = "3";
  return completion;
}

void expectOurs(const json::object& body, bool leased) {
  const json::array& env = body.at("Env").as_array();
  const auto names_gpus = [](const json::value& variable) {
    return variable.as_string().starts_with("NVIDIA_VISIBLE_DEVICES");
  };
  EXPECT_EQ(std::ranges::count_if(env, names_gpus), 1);
  EXPECT_EQ(env.back().as_string(), leased ? "NVIDIA_VISIBLE_DEVICES=GPU-ours" : "NVIDIA_VISIBLE_DEVICES=void");

  const json::object& host = body.at("HostConfig").as_object();
  EXPECT_EQ(host.contains("DeviceRequests"), leased);
  if (leased) {
    const json::array& requests = host.at("DeviceRequests").as_array();
    ASSERT_EQ(requests.size(), 1U);
    EXPECT_EQ(requests[0].at("DeviceIDs"), (json::array{"GPU-ours"}));
    EXPECT_EQ(requests[0].at("Count"), 0);
  }
  EXPECT_EQ(host.at("CgroupParent"), "ds01-student-alice.slice");
  EXPECT_LE(host.at("Memory").as_int64(), 32LL << 30);
  for (const std::string_view field : {"Devices", "CapAdd", "Annotations"}) EXPECT_FALSE(host.contains(field)) << field;
  if (host.contains("Privileged")) {
    EXPECT_TRUE(host.at("Privileged").is_null());
  }
  const json::object& set = body.at("Labels").as_object();
  EXPECT_EQ(set.at("ds01.user"), "alice@example.edu");
  EXPECT_EQ(set.at("ds01.lease"), leased ? "L00000000000000aa" : "");
  EXPECT_EQ(set.at("ds01.protected"), "");
  EXPECT_EQ(set.at("ds01.interface"), "");  // the image has it
  EXPECT_FALSE(set.contains("aime.mlc.USER"));
}

TEST(Property, WhatIsAdmittedIsOurs) {
  Facts facts = test::student();
  facts.binds["/home/alice"] = {"/home/alice", ""};
  facts.binds["/dev/null"] = {.resolved = "", .refusal = "it is not below your home"};
  facts.binds["/etc"] = {.resolved = "", .refusal = "it is not below your home"};
  facts.containers["bob"] = {ContainerId(std::string(64, 'b')), false};
  facts.image_env = {"NVIDIA_VISIBLE_DEVICES=all"};
  facts.image_labels = {"ds01.interface", "maintainer"};
  std::mt19937_64 random(20261123);
  int admitted = 0;
  int leased = 0;
  for (int round = 0; round < 5000; ++round) {
    const std::string request = R"({"Image":"x","Env":[)" + some(random, variables(), true, true) + R"(],"Labels":{)" +
                                some(random, labels(), false, false) + R"(},"HostConfig":{)" +
                                some(random, hostFields(), false, false) + "}}";
    auto body = guardBody("POST", "/containers/create", request, {false, {1, 43}});
    if (!body) continue;
    auto examined = examine(std::move(*body), facts);
    if (!examined) continue;
    ++admitted;
    const Completion completion = leaseFor(*examined);
    leased += completion.lease ? 1 : 0;
    expectOurs(complete(std::move(*examined), completion), completion.lease.has_value());
    if (HasFailure()) FAIL() << request;
  }
  EXPECT_GT(admitted, 1000);
  EXPECT_GT(leased, 100);
}

}  // namespace
}  // namespace ds01::admission
