#include "docker/codec.h"

#include <string>

#include <gtest/gtest.h>

namespace ds01::docker {
namespace {

const std::string kId(64, 'a');

template <typename T>
void expectMalformed(const Result<T>& result, std::string_view input) {
  ASSERT_FALSE(result) << input;
  EXPECT_EQ(result.error().code(), ErrorCode::Malformed) << input;
}

// What is no object of any of our kinds.
constexpr const char* kNonsense[] = {"", "null", "[]", "[1]", "{", "{}", "\"x\"", "7", "{}{}", "\xff", "{\"Id\":7}"};

TEST(DecodeFacts, ReadsWhatDocker20Says) {
  const auto facts = decodeFacts(
      R"({"ID":"X","NCPU":16,"SwapLimit":true,"PidsLimit":true,"CgroupDriver":"systemd","CgroupVersion":"2",
          "DefaultRuntime":"nvidia","Swarm":{"Error":null},
          "SecurityOptions":["name=apparmor","name=seccomp,profile=default","name=cgroupns"]})",
      R"({"Platform":{"Name":""},"Version":"20.10.24","ApiVersion":"1.41","MinAPIVersion":"1.12"})");
  ASSERT_TRUE(facts) << facts.error().message();
  EXPECT_EQ(facts->api, (ApiVersion{1, 41}));
  EXPECT_EQ(facts->cpus, 16);
  EXPECT_TRUE(facts->swap_limit);
  EXPECT_TRUE(facts->pids_limit);
  EXPECT_TRUE(facts->systemd_cgroups);
  EXPECT_EQ(facts->default_runtime, "nvidia");
  EXPECT_TRUE(facts->apparmor);
}

TEST(DecodeFacts, WhatIsMissingIsTheCarefulChoice) {
  const auto facts =
      decodeFacts(R"({"NCPU":1,"CgroupDriver":"cgroupfs","DefaultRuntime":null})", R"({"ApiVersion":"1.24"})");
  ASSERT_TRUE(facts);
  EXPECT_FALSE(facts->swap_limit);
  EXPECT_TRUE(facts->pids_limit);
  EXPECT_FALSE(facts->systemd_cgroups);
  EXPECT_EQ(facts->default_runtime, "runc");
  EXPECT_FALSE(facts->apparmor);
}

TEST(DecodeFacts, AppArmorIsThereIfTheEngineSaysSo) {
  const auto says = [](const std::string& options) {
    const auto facts = decodeFacts(R"({"NCPU":1,"SecurityOptions":)" + options + "}", R"({"ApiVersion":"1.41"})");
    return facts && facts->apparmor;
  };
  EXPECT_TRUE(says(R"(["name=seccomp,profile=default","name=apparmor"])"));
  EXPECT_TRUE(says(R"(["name=apparmor,profile=x"])"));
  for (const char* options : {"null", "[]", "{}", "7", R"("name=apparmor")", R"(["name=apparmorx"])", R"(["apparmor"])",
                              R"(["name=seccomp,profile=apparmor"])", R"([["name=apparmor"]])", "[null,1]"}) {
    EXPECT_FALSE(says(options)) << options;
  }
}

TEST(DecodeFacts, NeedsTheVersionAndTheProcessors) {
  const std::string good_info = R"({"NCPU":1})";
  const std::string good_version = R"({"ApiVersion":"1.41"})";
  for (const char* version : {"", "1", "1.", ".41", "1.x", "1.41x", "-1.41", "1.-41", "x", "0.9", "1.99999999999"}) {
    expectMalformed(decodeFacts(good_info, R"({"ApiVersion":")" + std::string(version) + "\"}"), version);
  }
  for (const char* cpus : {"0", "-1", "\"8\"", "null", "1.5"}) {
    expectMalformed(decodeFacts(R"({"NCPU":)" + std::string(cpus) + "}", good_version), cpus);
  }
  for (const char* text : kNonsense) {
    expectMalformed(decodeFacts(text, good_version), text);
    expectMalformed(decodeFacts(good_info, text), text);
  }
}

TEST(DecodeContainer, ReadsWhatWeNeed) {
  const auto view = decodeContainer(R"({"Id":")" + kId + R"(","Created":"2025-01-02T03:04:05.678Z","Name":"/web",
      "Image":"sha256:0123","State":{"Status":"running","Pid":42,"Health":null},
      "Config":{"Image":"nginx:1","Labels":{"ds01.lease":"L1","n":null}},
      "HostConfig":{"CgroupParent":"ds01-a-b.slice","NetworkMode":"default","Binds":null},"New":{"x":[1]}})");
  ASSERT_TRUE(view) << view.error().message();
  EXPECT_EQ(view->id.str(), kId);
  EXPECT_EQ(view->name, "web");
  EXPECT_EQ(view->image, "nginx:1");
  EXPECT_EQ(view->created, "2025-01-02T03:04:05.678Z");
  EXPECT_EQ(view->status, "running");
  EXPECT_EQ(view->labels, (std::map<std::string, std::string>{{"ds01.lease", "L1"}}));
  EXPECT_EQ(view->cgroup_parent, "ds01-a-b.slice");
  EXPECT_EQ(view->network_mode, "default");
}

TEST(DecodeContainer, ReadsMountsAndWhatWasAskedForThem) {
  const auto view = decodeContainer(R"({"Id":")" + kId + R"(","State":{"Status":"exited"},
      "HostConfig":{"IpcMode":"shareable","Mounts":[
          {"Type":"volume","Source":"v","Target":"/v//w/","VolumeOptions":{"Subpath":"one"}},
          {"Type":"tmpfs","Target":"/t","TmpfsOptions":{"SizeBytes":1048576,"Mode":1023}},null]},
      "Mounts":[{"Type":"bind","Source":"/home/a","Destination":"/a","Mode":"ro","RW":false,"Propagation":"rslave"},
                {"Type":"volume","Name":"v","Source":"/var/lib/v","Destination":"/v/w","Driver":"local","RW":true},
                {"Type":"tmpfs","Source":"","Destination":"/t","RW":true},7,{"Type":"volume","Name":"n"}]})");
  ASSERT_TRUE(view) << view.error().message();
  EXPECT_EQ(view->ipc_mode, "shareable");
  ASSERT_EQ(view->mounts.size(), 4U);
  EXPECT_EQ(view->mounts[0].type, "bind");
  EXPECT_EQ(view->mounts[0].source, "/home/a");
  EXPECT_EQ(view->mounts[0].target, "/a");
  EXPECT_EQ(view->mounts[0].propagation, "rslave");
  EXPECT_FALSE(view->mounts[0].writable);
  EXPECT_EQ(view->mounts[1].name, "v");
  EXPECT_EQ(view->mounts[1].subpath, "one");
  EXPECT_TRUE(view->mounts[1].writable);
  EXPECT_EQ(view->mounts[2].tmpfs_size, 1048576);
  EXPECT_EQ(view->mounts[2].tmpfs_mode, 1023);
  EXPECT_FALSE(view->mounts[3].writable) << "what is not said is the careful choice";
}

TEST(DecodeContainer, ReadsPolicyAndWaysToAGpu) {
  const auto view =
      decodeContainer(R"({"Id":")" + kId + R"(","State":{"Status":"exited","StartedAt":"2025-01-02T03:04:05Z"},
      "Config":{"Env":["A=b","NVIDIA_VISIBLE_DEVICES=all"]},
      "HostConfig":{"RestartPolicy":{"Name":"on-failure","MaximumRetryCount":3},"Privileged":true,"Runtime":"nvidia",
      "Devices":[{"PathOnHost":"/dev/nvidia0","PathInContainer":"/x"},null,{"PathOnHost":7}],
      "DeviceCgroupRules":["c 195:* rwm"],
      "DeviceRequests":[{"Driver":"","Count":-1,"DeviceIDs":null,"Capabilities":[["x"],["compute","gpu"]]},
                        {"Driver":"cdi","Count":0,"DeviceIDs":["nvidia.com/gpu=0"],"Capabilities":null}]}})");
  ASSERT_TRUE(view) << view.error().message();
  EXPECT_EQ(view->started, "2025-01-02T03:04:05Z");
  EXPECT_EQ(view->restart, (RestartPolicy{"on-failure", 3}));
  EXPECT_FALSE(view->up());
  EXPECT_TRUE(view->privileged);
  EXPECT_EQ(view->runtime, "nvidia");
  EXPECT_EQ(view->env, (std::vector<std::string>{"A=b", "NVIDIA_VISIBLE_DEVICES=all"}));
  EXPECT_EQ(view->devices, std::vector<std::string>{"/dev/nvidia0"});
  EXPECT_EQ(view->device_rules, std::vector<std::string>{"c 195:* rwm"});
  ASSERT_EQ(view->device_requests.size(), 2U);
  EXPECT_EQ(view->device_requests[0].count, -1);
  EXPECT_TRUE(view->device_requests[0].gpu);
  EXPECT_EQ(view->device_requests[1].driver, "cdi");
  EXPECT_EQ(view->device_requests[1].ids, std::vector<std::string>{"nvidia.com/gpu=0"});
  EXPECT_FALSE(view->device_requests[1].gpu);
}

TEST(DecodeContainer, NullsAndMissingObjectsAreEmpty) {
  const auto view = decodeContainer(
      R"({"Id":")" + kId + R"(","Image":"sha256:0123","State":{"Status":"dead"},"Config":null,"HostConfig":null})");
  ASSERT_TRUE(view);
  EXPECT_EQ(view->image, "sha256:0123");
  EXPECT_TRUE(view->labels.empty());
  EXPECT_EQ(view->cgroup_parent, "");
}

TEST(DecodeContainer, NeedsAFullIdAndAState) {
  for (const char* text : kNonsense) expectMalformed(decodeContainer(text), text);
  for (const std::string& id :
       {std::string("abc"), std::string(63, 'a'), std::string(65, 'a'), std::string(64, 'A'), std::string(64, 'g')}) {
    expectMalformed(decodeContainer(R"({"Id":")" + id + R"(","State":{"Status":"running"}})"), id);
  }
  expectMalformed(decodeContainer(R"({"Id":")" + kId + R"(","State":null})"), "no state");
}

TEST(DecodeContainer, DepthIsBounded) {
  std::string deep = R"({"Id":")" + kId + R"(","State":{"Status":"running"},"X":)";
  deep += std::string(100'000, '[') + std::string(100'000, ']') + "}";
  expectMalformed(decodeContainer(deep), "deep");
}

TEST(DecodeNetwork, NeedsNameAndFullId) {
  const auto network = decodeNetwork(R"({"Name":"lab","Id":")" + kId + R"(","Driver":"bridge"})");
  ASSERT_TRUE(network);
  EXPECT_EQ(network->name, "lab");
  EXPECT_EQ(network->id, kId);
  for (const std::string& text :
       {std::string("[]"), std::string(R"({"Name":"lab","Id":"short"})"), R"({"Id":")" + kId + "\"}"}) {
    expectMalformed(decodeNetwork(text), text);
  }
}

TEST(DecodeImage, ReadsTheEnvironment) {
  const auto image = decodeImage(
      R"({"Id":"sha256:1","Config":{"Env":["PATH=/bin","A=\u00e4"],"Labels":{"l":"m"},"Cmd":null},"ContainerConfig":{}})");
  ASSERT_TRUE(image);
  EXPECT_EQ(image->id, "sha256:1");
  EXPECT_EQ(image->env, (std::vector<std::string>{"PATH=/bin", "A=\xc3\xa4"}));
  EXPECT_EQ(image->labels.at("l"), "m");
  EXPECT_TRUE(decodeImage(R"({"Id":"sha256:1","Config":{"Env":null}})")->env.empty());
  EXPECT_TRUE(decodeImage(R"({"Id":"sha256:1","Config":null})")->env.empty());
  EXPECT_TRUE(decodeImage(R"({"Id":"sha256:1"})")->env.empty());
}

TEST(DecodeImage, AnEnvironmentThatCannotBeReadIsNotTakenForAnEmptyOne) {
  for (const char* text : kNonsense) expectMalformed(decodeImage(text), text);
  expectMalformed(decodeImage(R"({"Id":"sha256:1","Config":{"Env":"A=b"}})"), "string");
  expectMalformed(decodeImage(R"({"Id":"sha256:1","Config":{"Env":["A=b",null]}})"), "null inside");
}

TEST(DecodeExec, NeedsBothIds) {
  const auto exec = decodeExec(R"({"ID":"e1","Running":false,"ExitCode":null,"ContainerID":")" + kId + "\"}");
  ASSERT_TRUE(exec);
  EXPECT_EQ(exec->id, "e1");
  EXPECT_EQ(exec->container.str(), kId);
  for (const char* text : kNonsense) expectMalformed(decodeExec(text), text);
  expectMalformed(decodeExec(R"({"ID":"e1","ContainerID":"short"})"), "short");
}

TEST(DecodeEvent, ReadsBothForms) {
  const auto both = decodeEvent(R"({"status":"start","id":")" + kId + R"(","from":"nginx","Type":"container",
      "Action":"start","Actor":{"ID":")" +
                                kId + R"(","Attributes":{"image":"nginx:1","name":"web","x":null}},
      "scope":"local","time":1,"timeNano":1000000000})");
  ASSERT_TRUE(both) << both.error().message();
  EXPECT_EQ(both->type, "container");
  EXPECT_EQ(both->action, "start");
  EXPECT_EQ(both->actor, kId);
  EXPECT_EQ(both->attributes, (std::map<std::string, std::string>{{"image", "nginx:1"}, {"name", "web"}}));

  const auto older = decodeEvent(R"({"status":"die","id":"x","from":"nginx","time":1})");
  ASSERT_TRUE(older);
  EXPECT_EQ(older->type, "container");
  EXPECT_EQ(older->action, "die");
  EXPECT_EQ(older->actor, "x");
  EXPECT_EQ(older->attributes.at("image"), "nginx");

  const auto newest = decodeEvent(R"({"Type":"network","Action":"connect","Actor":{"ID":"n","Attributes":null}})");
  ASSERT_TRUE(newest);
  EXPECT_EQ(newest->type, "network");
  EXPECT_TRUE(newest->attributes.empty());
}

TEST(DecodeEvent, NeedsATypeAndAnAction) {
  for (const char* text : kNonsense) expectMalformed(decodeEvent(text), text);
  expectMalformed(decodeEvent(R"({"Type":"container","Actor":{"ID":"x"}})"), "no action");
}

TEST(DecodeErrorMessage, IsTheEnginesSentenceOrNothing) {
  EXPECT_EQ(decodeErrorMessage(R"({"message":"No such container: x"})"), "No such container: x");
  for (const char* text : kNonsense) EXPECT_EQ(decodeErrorMessage(text), std::nullopt) << text;
  EXPECT_EQ(decodeErrorMessage(R"({"message":""})"), std::nullopt);
  EXPECT_EQ(decodeErrorMessage(R"({"message":7})"), std::nullopt);
}

TEST(MissingImageSentence, IsWhatACreateIsTold) {
  EXPECT_EQ(missingImageSentence("no such image: nix: No such image: nix:latest"), "No such image: nix:latest");
  EXPECT_EQ(missingImageSentence("No such image: nix:latest"), "No such image: nix:latest");
  EXPECT_EQ(missingImageSentence("something else"), "something else");
}

}  // namespace
}  // namespace ds01::docker
