// What a create costs before anybody is asked: an ordinary body, and the worst ones that fit into 4 MiB.
#include <string>
#include <string_view>

#include <benchmark/benchmark.h>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include "admission/admission.h"
#include "admission/json_guard.h"
#include "samples.h"

namespace ds01::bench {
namespace {

constexpr std::size_t kMostBytes = 4U << 20;
constexpr admission::GuardOptions kUser{false, {1, 41}};

const std::string& ordinary() {
  static const std::string kBody =
      R"({"Hostname":"","Domainname":"","User":"","AttachStdin":false,"AttachStdout":true,"AttachStderr":true,
          "Tty":false,"OpenStdin":false,"StdinOnce":false,"Env":["A=1","B=2"],"Cmd":["python","train.py"],
          "Image":"pytorch/pytorch:2.4","Volumes":{},"WorkingDir":"","Entrypoint":null,"OnBuild":null,
          "Labels":{"project":"x"},"HostConfig":{"Binds":["/home/alice/data:/data"],"ContainerIDFile":"",
          "LogConfig":{"Type":"","Config":{}},"NetworkMode":"default","PortBindings":{},
          "RestartPolicy":{"Name":"no","MaximumRetryCount":0},"AutoRemove":true,"VolumeDriver":"","VolumesFrom":null,
          "CapAdd":null,"CapDrop":null,"CgroupnsMode":"","Dns":[],"DnsOptions":[],"DnsSearch":[],"ExtraHosts":null,
          "GroupAdd":null,"IpcMode":"","Cgroup":"","Links":null,"OomScoreAdj":0,"PidMode":"","Privileged":false,
          "ReadonlyRootfs":false,"SecurityOpt":null,"UTSMode":"","UsernsMode":"","ShmSize":0,"Isolation":"",
          "CpuShares":0,"Memory":0,"NanoCpus":0,"CgroupParent":"","BlkioWeight":0,"Devices":[],
          "DeviceRequests":[{"Driver":"","Count":1,"DeviceIDs":null,"Capabilities":[["gpu"]],"Options":{}}],
          "MemorySwap":0,"OomKillDisable":false,"PidsLimit":0,"Ulimits":null},
          "NetworkingConfig":{"EndpointsConfig":{}}})";
  return kBody;
}

// `before`, then as many items as fit, then `after`. {0} of an item is its number.
std::string filled(std::string_view before, fmt::format_string<int&> item, std::string_view after) {
  std::string out(before);
  for (int i = 0;; ++i) {
    const std::string next = (i > 0 ? "," : "") + fmt::format(item, i);
    if (out.size() + next.size() + after.size() > kMostBytes) break;
    out += next;
  }
  return out.append(after);
}

void guard(benchmark::State& state, const std::string& body) {
  Samples samples(state);
  for ([[maybe_unused]] auto _ : state) {
    samples.time([&] {
      auto guarded = admission::guardBody("POST", "/containers/create", body, kUser);
      if (!guarded) state.SkipWithError("refused");
      benchmark::DoNotOptimize(guarded);
    });
  }
  samples.report();
}

void Guard_Ordinary(benchmark::State& state) {
  guard(state, ordinary());
}
void Guard_ManyLabels(benchmark::State& state) {
  guard(state, filled(R"({"Labels":{)", "\"{}\":\"\"", "}}"));
}
void Guard_ManyMounts(benchmark::State& state) {
  guard(state, filled(R"({"HostConfig":{"Mounts":[)", R"({{"Type":"bind","Source":"/{}","Target":"/x"}})", "]}}"));
}
void Guard_ManyObjects(benchmark::State& state) {
  std::string body = R"({"HostConfig":{"Mounts":[{})";
  while (body.size() + 16 < kMostBytes) body += ",{}";
  guard(state, body + "]}}");
}

void Admission_Ordinary(benchmark::State& state) {
  admission::Facts facts;
  facts.caller.user.uid = facts.caller.user.gid = 1001;
  facts.caller.user.login = "alice";
  facts.caller.user.home = "/home/alice";
  facts.limits.group = "student";
  facts.engine.api = {1, 41};
  facts.cgroup_parent = "/ds01.slice/ds01-student.slice/ds01-student-alice.slice";
  facts.binds["/home/alice/data"].resolved = "/home/alice/data";
  Samples samples(state);
  for ([[maybe_unused]] auto _ : state) {
    samples.time([&] {
      auto body = admission::guardBody("POST", "/containers/create", ordinary(), kUser);
      auto examined = admission::examine(std::move(*body), facts);
      if (!examined) return state.SkipWithError(examined.error().text.c_str());
      std::string sent = boost::json::serialize(admission::complete(std::move(*examined), {}));
      benchmark::DoNotOptimize(sent);
    });
  }
  samples.report();
}

BENCHMARK(Guard_Ordinary)->UseManualTime()->Unit(benchmark::kMicrosecond);
BENCHMARK(Admission_Ordinary)->UseManualTime()->Unit(benchmark::kMicrosecond);
BENCHMARK(Guard_ManyLabels)->UseManualTime()->Unit(benchmark::kMillisecond);
BENCHMARK(Guard_ManyMounts)->UseManualTime()->Unit(benchmark::kMillisecond);
BENCHMARK(Guard_ManyObjects)->UseManualTime()->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace ds01::bench
