// What must be true of every recorded request that is admitted, whoever asks and whatever the machine: it leaves with
// our cgroup, labels, devices and limits, and every field of it is as the client wrote it, or was changed by the pass
// that may change it, or dropped by a rule of the data.
#include <algorithm>
#include <array>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/json/serialize.hpp>
#include <gtest/gtest.h>

#include "admission/body_schema.h"
#include "admission/mount_spec.h"
#include "unit/admission/recorded.h"

namespace ds01::admission::test {
namespace {

namespace json = boost::json;

// JSON Pointer → the pass (admission.cpp) that may change, add or remove what is there and below.
constexpr std::array<std::pair<std::string_view, std::string_view>, 20> kChanges{{
    {"/HostConfig/Binds", "binds"},
    {"/HostConfig/CapDrop", "device nodes"},
    {"/HostConfig/CgroupParent", "cgroup parent"},
    {"/HostConfig/CpuPeriod", "cpus"},
    {"/HostConfig/CpuQuota", "cpus"},
    {"/HostConfig/DeviceRequests", "gpu"},
    {"/HostConfig/KernelMemory", "kernel memory"},
    {"/HostConfig/Memory", "memory"},
    {"/HostConfig/MemoryReservation", "memory"},
    {"/HostConfig/MemorySwap", "swap"},
    {"/HostConfig/MemorySwappiness", "swap"},
    {"/HostConfig/Mounts", "volumes"},
    {"/HostConfig/NanoCpus", "cpus"},
    {"/HostConfig/NetworkMode", "networks"},
    {"/HostConfig/PidsLimit", "pids"},
    {"/HostConfig/ShmSize", "shm"},
    {"/NetworkingConfig", "networks"},
    {"/StopTimeout", "stop timeout"},
    {"/Labels", "labels"},
    {"/Env", "environment"},
}};

bool mayChange(std::string_view pointer) {
  return std::ranges::any_of(kChanges, [&](const auto& entry) {
    return pointer == entry.first || (pointer.starts_with(entry.first) && pointer[entry.first.size()] == '/');
  });
}

// Whether the data say that the field is not for this Engine, or that nobody published it.
bool mayBeDropped(std::string_view pointer, ApiVersion engine) {
  const SchemaNode* node = bodySchema("POST", "/containers/create");
  while (node != nullptr && !pointer.empty()) {
    pointer.remove_prefix(1);
    const std::string_view key = pointer.substr(0, pointer.find('/'));
    pointer.remove_prefix(key.size());
    const SchemaNode* next = node->any ? node->any.get() : node->field(key);
    if (next == nullptr) return true;
    node = next;
  }
  return node != nullptr && (node->rule != FieldRule::Since || node->since > engine);
}

bool atMost(const json::object& host, std::string_view key, std::int64_t most) {
  const json::value* found = host.if_contains(key);
  return found != nullptr && found->is_int64() && found->get_int64() > 0 && found->get_int64() <= most;
}

void expectLimits(const json::object& host, const Facts& facts) {
  const Limits& limits = facts.limits;
  const std::int64_t cpus = std::min(limits.max_cpus->count, facts.engine.cpus * 1000);
  EXPECT_TRUE(atMost(host, "Memory", limits.memory->count));
  EXPECT_TRUE(atMost(host, "ShmSize", limits.shm_size->count));
  EXPECT_EQ(host.contains("PidsLimit"), facts.engine.pids_limit);
  EXPECT_TRUE(!facts.engine.pids_limit || atMost(host, "PidsLimit", *limits.pids_limit));
  if (facts.engine.swap_limit) {
    EXPECT_TRUE(atMost(host, "MemorySwap", limits.memory_swap->count));
    EXPECT_GE(host.at("MemorySwap").as_int64(), host.at("Memory").as_int64());
  } else {
    EXPECT_FALSE(host.contains("MemorySwap") || host.contains("MemorySwappiness"));
  }
  if (host.contains("NanoCpus")) {
    EXPECT_TRUE(atMost(host, "NanoCpus", cpus * 1'000'000));
    EXPECT_FALSE(host.contains("CpuQuota"));
  } else {
    EXPECT_LE(host.at("CpuQuota").as_int64() * 1000, cpus * host.at("CpuPeriod").as_int64());
  }
}

void expectNothingOfTheHost(const json::object& host, const EngineFacts& engine) {
  const auto unset = [&](std::string_view key) {
    const json::value* found = host.if_contains(key);
    return found == nullptr || found->is_null() || *found == json::array() || *found == json::object() ||
           *found == json::value(false) || *found == json::value("");
  };
  for (const char* key : {"Privileged", "Devices", "DeviceCgroupRules", "Sysctls", "Annotations", "VolumesFrom",
                          "UsernsMode", "UTSMode", "Cgroup"}) {
    EXPECT_TRUE(unset(key)) << key;
  }
  const json::value* added = host.if_contains("CapAdd");
  EXPECT_TRUE(unset("CapAdd") || (engine.apparmor && *added == json::array{"SYS_PTRACE"}));
  const json::value* options = host.if_contains("SecurityOpt");
  EXPECT_TRUE(unset("SecurityOpt") || std::ranges::all_of(options->as_array(), [](const json::value& option) {
                return option.as_string().starts_with("no-new-privileges");
              }));
  EXPECT_NE(host.at("NetworkMode"), "host");
  const json::array& dropped = host.at("CapDrop").as_array();
  EXPECT_TRUE(std::ranges::any_of(dropped, [](const json::value& cap) { return cap == "MKNOD" || cap == "ALL"; }));
}

// Every volume that the Engine would make by itself says whose it is.
void expectOwnedVolumes(const json::object& sent, const Facts& facts) {
  const json::object& host = sent.at("HostConfig").as_object();
  std::set<std::string> targets;
  const json::value* mounts = host.if_contains("Mounts");
  if (mounts != nullptr && mounts->is_array()) {
    for (const json::value& mount : mounts->get_array()) {
      targets.emplace(mount.at("Target").as_string());
      if (mount.at("Type") != "volume") continue;
      EXPECT_EQ(mount.at("VolumeOptions").at("Labels").at("ds01.user").as_string(), facts.caller.user.login);
    }
  }
  const json::value* binds = host.if_contains("Binds");
  if (binds != nullptr && binds->is_array()) {
    for (const json::value& bind : binds->get_array()) {
      const auto spec = parseBind(bind.as_string());
      ASSERT_TRUE(spec);
      EXPECT_NE(spec->kind, BindSpec::Kind::Anonymous);
      targets.insert(cleanPath(spec->target));
    }
  }
  const json::value* volumes = sent.if_contains("Volumes");
  if (volumes == nullptr || !volumes->is_object()) return;
  for (const auto& [path, empty] : volumes->get_object()) EXPECT_TRUE(targets.contains(cleanPath(path))) << path;
}

void expectOurs(const Outcome& outcome, const Facts& facts) {
  const json::object& host = outcome.sent.at("HostConfig").as_object();
  EXPECT_EQ(host.at("CgroupParent").as_string(), facts.cgroup_parent);
  const json::object& labels = outcome.sent.at("Labels").as_object();
  EXPECT_EQ(labels.at("ds01.user").as_string(), facts.caller.user.login);
  const std::string leased(labels.at("ds01.gpu.uuids").as_string());
  EXPECT_EQ(leased.empty(), !outcome.examined->gpu);
  const json::array& env = outcome.sent.at("Env").as_array();
  EXPECT_EQ(env.back().as_string(), "NVIDIA_VISIBLE_DEVICES=" + (leased.empty() ? "void" : leased));
  EXPECT_EQ(
      std::ranges::count_if(
          env, [](const json::value& variable) { return variable.as_string().starts_with("NVIDIA_VISIBLE_DEVICES"); }),
      1);
  expectNothingOfTheHost(host, facts.engine);
  expectLimits(host, facts);
  expectOwnedVolumes(outcome.sent, facts);

  json::object changes;
  json::array removed;
  compare(outcome.asked, outcome.sent, "", changes, removed);
  for (const auto& [pointer, value] : changes) EXPECT_TRUE(mayChange(pointer)) << pointer << " became " << value;
  for (const json::value& gone : removed) {
    const std::string_view pointer = gone.as_string();
    EXPECT_TRUE(mayChange(pointer) || mayBeDropped(pointer, facts.engine.api)) << pointer << " is gone";
  }
}

std::vector<Scenario> machines() {
  std::vector<Scenario> made(4);
  for (Scenario& one : made) one.facts = student();
  made[1].facts.engine.cpus = 2;
  made[1].facts.engine.swap_limit = false;
  made[1].facts.engine.pids_limit = false;
  made[2].facts.engine.api = {1, 48};
  made[2].facts.engine.default_runtime = "nvidia";
  made[2].facts.image_env = {"NVIDIA_VISIBLE_DEVICES=all", "nvidia_visible_devices=0", "NVIDIA_IMEX_CHANNELS=0"};
  made[2].completion.emitter = Emitter::Nvidia;
  made[3].facts.engine.apparmor = true;
  made[3].facts.limits.max_cpus = CpuMillis{250};
  made[3].facts.limits.memory = Bytes{512LL << 20};
  made[3].facts.limits.memory_swap = Bytes{768LL << 20};
  made[3].facts.limits.shm_size = Bytes{1LL << 20};
  made[3].facts.limits.pids_limit = 10;
  return made;
}

TEST(Invariants, HoldForEveryRecordedRequestOnEveryMachine) {
  int admitted = 0;
  for (const Recorded& recorded : allRecorded()) {
    for (const Scenario& scenario : machines()) {
      const Outcome outcome = admit(recorded, scenario);
      if (outcome.denial) continue;
      ++admitted;
      expectOurs(outcome, scenario.facts);
      if (HasFailure()) FAIL() << recorded.folder << "/" << recorded.name << ": " << json::serialize(outcome.sent);
    }
  }
  EXPECT_GT(admitted, 1000);
}

}  // namespace
}  // namespace ds01::admission::test
