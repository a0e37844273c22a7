// Bodies of somebody with the socket and an evening: each asks for more than is allowed in a form that no client sends.
// What is refused must be refused for the reason written beside it; what is let through must come out harmless.
#include <algorithm>
#include <array>
#include <string>
#include <string_view>

#include <boost/json/serialize.hpp>
#include <gtest/gtest.h>

#include "admission/admission.h"
#include "admission/json_guard.h"
#include "unit/admission/facts_json.h"

namespace ds01::admission {
namespace {

namespace json = boost::json;

constexpr std::int64_t kGiB = 1LL << 30;

std::expected<Examined, Denial> send(std::string_view request, const Facts& facts = test::student()) {
  auto body = guardBody("POST", "/containers/create", request, {facts.caller.admin, facts.engine.api});
  if (!body) return std::unexpected(body.error());
  return examine(std::move(*body), facts);
}

std::expected<Examined, Denial> sendHost(std::string_view host, const Facts& facts = test::student()) {
  return send(std::string(R"({"Image":"x","HostConfig":)").append(host).append("}"), facts);
}

std::string refusal(const std::expected<Examined, Denial>& got) {
  return got ? "admitted: " + json::serialize(got->body)
             : std::to_string(got.error().http_status) + " " + got.error().reason;
}

struct Attack {
  std::string_view host;
  std::string_view refusal;
};

TEST(Attack, HostConfigsAreRefused) {
  const std::array attacks{
      // dockerd would run a template, keep a buffer, or rename files, all of it outside the user's cgroup.
      Attack{R"({"LogConfig":{"Type":"json-file","Config":{"tag":"{{pad .ID 68719476736 0}}"}}})", "403 log_option"},
      Attack{R"({"LogConfig":{"Type":"","Config":{"tag":"{{range .ContainerEnv}}x{{end}}"}}})", "403 log_option"},
      Attack{R"({"LogConfig":{"Type":"local","Config":{"tag":"{{.ExtraAttributes nil}}"}}})", "403 log_option"},
      Attack{R"({"LogConfig":{"Config":{"tag":"{{.ID"}}})", "403 log_option"},
      Attack{R"({"LogConfig":{"Config":{"mode":"non-blocking","max-buffer-size":"64g"}}})", "403 log_option"},
      Attack{R"({"LogConfig":{"Config":{"mode":"non-blocking","max-buffer-size":"99999999999999999999"}}})",
             "403 log_option"},
      Attack{R"({"LogConfig":{"Config":{"mode":"non-blocking","max-buffer-size":"-1"}}})", "403 log_option"},
      Attack{R"({"LogConfig":{"Config":{"mode":"non-blocking","max-buffer-size":"0.5t"}}})", "403 log_option"},
      Attack{R"({"LogConfig":{"Config":{"max-size":"1","max-file":"2147483647"}}})", "403 log_option"},
      Attack{R"({"LogConfig":{"Config":{"max-size":"1","max-file":"0x7fffffff"}}})", "403 log_option"},
      Attack{R"({"LogConfig":{"Config":{"Max-File":"5"}}})", "403 log_option"},
      Attack{R"({"LogConfig":{"Type":"JSON-file"}})", "403 log_driver"},
      // dockerd looks at these paths as root and tells whether they are there.
      Attack{R"({"BlkioWeightDevice":[{"Path":"/home/bob/secret","Weight":10}]})", "403 block_device"},
      Attack{R"({"BlkioDeviceReadBps":[{"Path":"/dev/../home/bob/x","Rate":1}]})", "403 block_device"},
      Attack{R"({"BlkioDeviceWriteBps":[{"Path":"dev/sda","Rate":1}]})", "403 block_device"},
      Attack{R"({"BlkioDeviceReadIOps":[{"Path":"/dev","Rate":1}]})", "403 block_device"},
      Attack{R"({"BlkioDeviceWriteIOps":[{"Path":"","Rate":1}]})", "403 block_device"},
      Attack{R"({"BlkioDeviceWriteIOps":[null]})", "400 field_type"},
      // Capabilities by other spellings.
      Attack{R"({"CapAdd":["cap_sys_admin"]})", "403 capabilities"},
      Attack{R"({"CapAdd":["all"]})", "403 capabilities"},
      Attack{R"({"CapAdd":["mknod"],"CapDrop":["ALL"]})", "403 capabilities"},
      Attack{R"({"CapAdd":["Chown","CAP_MKNOD"]})", "403 capabilities"},
      Attack{R"({"CapAdd":["CAP_CAP_CHOWN"]})", "403 capabilities"},
      Attack{R"({"CapAdd":[null]})", "400 field_type"},
      // Limits by the largest and smallest numbers.
      Attack{R"({"Memory":9223372036854775808})", "400 number_range"},
      Attack{R"({"PidsLimit":-9223372036854775808})", "400 negative"},
      Attack{R"({"NanoCpus":1e18})", "400 field_type"},
      Attack{R"({"CpuPeriod":-1,"CpuQuota":-1})", "400 negative"},
      Attack{R"({"OomScoreAdj":-1000})", "403 oom_score"},
      // Lists and maps with holes.
      Attack{R"({"Ulimits":[null]})", "400 field_type"},
      Attack{R"({"Ulimits":[{"Name":"RTPRIO","Hard":1}]})", "403 ulimit"},
      Attack{R"({"Mounts":[null]})", "400 field_type"},
      Attack{R"({"Mounts":[{"Type":"volume","Source":"vv","Target":"/x","VolumeOptions":
                {"DriverConfig":{"Options":{"device":"/etc"}}}}]})",
             "403 volume_options"},
      Attack{R"({"Mounts":[{"Type":"tmpfs","Target":"/run/nvidia-container-devices/all",
                            "TmpfsOptions":{"SizeBytes":1}}]})",
             "403 gpu_mount"},
      Attack{R"({"Mounts":[{"Type":"image","Source":"x","Target":"/var/run/./nvidia-container-devices/0"}]})",
             "403 gpu_mount"},
      Attack{R"({"DeviceRequests":[null]})", "400 field_type"},
      Attack{R"({"DeviceRequests":[{"Count":-1,"Capabilities":[["gpu"]]},{}]})", "403 device_request"},
      Attack{R"({"DeviceRequests":{"0":{"Count":-1}}})", "400 field_type"},
      Attack{R"({"PortBindings":{"80/tcp":{"HostPort":"1"}}})", "400 field_type"},
      Attack{R"({"StorageOpt":{"Size":"1g"}})", "403 storage_opt"},
      Attack{R"({"Sysctls":{"kernel.shm_rmid_forced":"1"}})", "403 sysctls"},
      Attack{R"({"SecurityOpt":["no-new-privileges=false"]})", "403 security_opt"},
      Attack{R"({"SecurityOpt":["no-new-privileges","seccomp:unconfined"]})", "403 security_opt"},
      Attack{R"({"NetworkMode":"ns:/proc/1/ns/net","PidMode":"ns:/proc/1/ns/pid"})", "403 namespace"},
      Attack{R"({"UTSMode":"container:me"})", "403 namespace"},
      Attack{R"({"IpcMode":"container:"})", "400 container"},
      Attack{R"({"CgroupnsMode":"Host"})", "403 namespace"},
  };
  Facts facts = test::student();
  facts.engine.api = {1, 48};
  for (const Attack& attack : attacks) {
    const auto got = sendHost(attack.host, facts);
    EXPECT_EQ(refusal(got), attack.refusal) << attack.host;
    if (got || got.error().http_status != 403) continue;
    EXPECT_TRUE(got.error().part.starts_with("admission: ")) << got.error().part;
    EXPECT_FALSE(got.error().facts.empty()) << attack.host;
    EXPECT_FALSE(got.error().remedy.empty()) << attack.host;
  }
}

TEST(Attack, BodiesAreRefused) {
  Facts facts = test::student();
  facts.engine.api = {1, 48};
  facts.networks["n"] = {std::string(64, 'a'), "n", true};
  const std::array attacks{
      Attack{R"({"Image":"x","hostconfig":{"Privileged":true}})", "400 field_spelling"},
      Attack{R"({"Image":"x","HostConfig":{"Privileged":false,"privileged":true}})", "400 field_spelling"},
      Attack{"{\"Image\":\"x\",\"Ho\u017ftConfig\":{}}", "400 field_spelling"},
      Attack{R"({"Image":"x","Privileged":true})", "400 unknown_field"},
      Attack{R"({"Image":"x","HostConfig":[]})", "400 field_type"},
      Attack{R"({"Image":"x","Env":"NVIDIA_VISIBLE_DEVICES=all"})", "400 field_type"},
      Attack{R"({"Image":"x","Env":["A=b",null]})", "400 field_type"},
      Attack{R"({"Image":"x","Labels":{"a":{"ds01.user":"bob"}}})", "400 field_type"},
      Attack{R"({"Image":"x","StopTimeout":9223372036854775808})", "400 number_range"},
      Attack{R"({"Image":"x","NetworkingConfig":{"EndpointsConfig":{"n":{"DriverOpts":{"a":"b"}}}}})",
             "403 network_driver_options"},
      Attack{R"({"Image":"x","NetworkingConfig":{"EndpointsConfig":{"n":{"driveropts":{"a":"b"}}}}})",
             "400 field_spelling"},
      Attack{R"({"Image":"x","NetworkingConfig":{"EndpointsConfig":{"host":null}}})", "403 host_namespace"},
      Attack{R"({"Image":"x","Volumes":{"/run/nvidia-container-devices/all":{}}})", "403 gpu_mount"},
      Attack{R"({"Image":"x","Volumes":{"/x":{"a":{}}}})", "400 unknown_field"},
      Attack{R"({"Image":"x","Runtime":"nvidia"})", "400 field_refused"},
  };
  for (const Attack& attack : attacks) EXPECT_EQ(refusal(send(attack.host, facts)), attack.refusal) << attack.host;
}

json::object admitted(std::string_view request, const Facts& facts = test::student()) {
  auto got = send(request, facts);
  EXPECT_TRUE(got) << request << ": " << (got ? "" : got.error().text);
  return got ? complete(std::move(*got), {}) : json::object();
}

TEST(Attack, NullsAndEmptyThingsGiveNothing) {
  for (const std::string_view request :
       {R"({"HostConfig":null})", R"({"HostConfig":{}})", R"({"HostConfig":{"Memory":null,"NanoCpus":null,
            "PidsLimit":null,"Devices":null,"CapAdd":[],"Privileged":null,"DeviceRequests":null,"Mounts":[],
            "Ulimits":null,"LogConfig":null,"Tmpfs":null,"Sysctls":{},"Annotations":{}}})",
        "{}", "null", ""}) {
    const json::object body = admitted(request);
    const json::object& host = body.at("HostConfig").as_object();
    EXPECT_EQ(host.at("Memory").as_int64(), 32 * kGiB);
    EXPECT_EQ(host.at("NanoCpus").as_int64(), 32'000'000'000);
    EXPECT_EQ(host.at("PidsLimit").as_int64(), 4096);
    EXPECT_EQ(host.at("CapDrop"), (json::array{"MKNOD"}));
    EXPECT_EQ(host.at("CgroupParent"), "ds01-student-alice.slice");
    EXPECT_EQ(body.at("Env"), (json::array{"NVIDIA_VISIBLE_DEVICES=void"}));
  }
}

// Docker's smallest quota is 1 ms; in a period of 1 ms that is a whole CPU, whatever the limit.
TEST(Attack, AShortPeriodIsNoWayToMoreCpu) {
  Facts facts = test::student();
  facts.limits.max_cpus = CpuMillis{500};
  for (const std::string_view pair :
       {R"({"CpuPeriod":1000})", R"({"CpuPeriod":1000,"CpuQuota":1000})", R"({"CpuPeriod":1500,"CpuQuota":-1})"}) {
    const auto got = sendHost(pair, facts);
    ASSERT_TRUE(got) << got.error().text;
    const json::object& host = got->body.at("HostConfig").as_object();
    EXPECT_LE(host.at("CpuQuota").as_int64() * 2, host.at("CpuPeriod").as_int64()) << pair;
    EXPECT_GE(host.at("CpuQuota").as_int64(), 1000) << pair;
  }
}

// dockerd waits for the slowest container before it stops; with -1 for ever.
TEST(Attack, NoContainerHoldsUpTheEnginesStop) {
  EXPECT_EQ(admitted(R"({"StopTimeout":300})").at("StopTimeout"), 300);
  EXPECT_FALSE(admitted(R"({"Image":"x"})").contains("StopTimeout"));
  for (const std::string_view request :
       {R"({"StopTimeout":-1})", R"({"StopTimeout":601})", R"({"StopTimeout":9223372036854775807})"}) {
    auto got = send(request);
    ASSERT_TRUE(got);
    EXPECT_EQ(got->body.at("StopTimeout"), 600) << request;
    EXPECT_EQ(got->warnings.size(), 1U);
  }
}

TEST(Attack, ReservedLabelsOfVolumesGo) {
  const json::object body = admitted(
      R"({"HostConfig":{"Mounts":[{"Type":"volume","Target":"/x","VolumeOptions":{"Labels":
          {"ds01.user":"bob","aime.mlc.USER":"bob","mine":"yes"}}}]}})");
  const json::object expected{
      {"mine", "yes"}, {"ds01.managed", "true"}, {"ds01.uid", "1001"}, {"ds01.user", "alice@example.edu"}};
  EXPECT_EQ(body.at("HostConfig").at("Mounts").at(0).at("VolumeOptions").at("Labels"), expected);
}

TEST(Attack, HarmlessOrdersAreKept) {
  for (const std::string_view host :
       {R"({"LogConfig":{"Type":"json-file","Config":{"max-size":"10m","max-file":"3","tag":"{{.Name}}/{{.ID}}"}}})",
        R"({"LogConfig":{"Type":"local","Config":{"mode":"non-blocking","max-buffer-size":"4m"}}})",
        R"({"LogConfig":{"Type":"json-file","Config":{"labels":"a,b","env-regex":"^X"}}})",
        R"({"BlkioWeight":300,"BlkioDeviceReadBps":[{"Path":"/dev/sda","Rate":1048576}]})",
        R"({"BlkioDeviceReadBps":[{"Path":"/dev/mapper/vg-root","Rate":1048576}]})",
        R"({"CpuShares":512,"CpusetCpus":"0-3","CpusetMems":"0","OomScoreAdj":500,"GroupAdd":["44"],"Init":true})",
        R"({"Runtime":"runc"})", R"({"CapDrop":["ALL"],"CapAdd":["chown","CAP_SETUID","NET_BIND_SERVICE"]})",
        R"({"Ulimits":[{"Name":"memlock","Soft":-1,"Hard":-1},{"Name":"stack","Soft":67108864,"Hard":67108864}]})"}) {
    const auto got = sendHost(host);
    ASSERT_TRUE(got) << host << ": " << got.error().text;
    const json::object sent = test::parseObject(host);
    for (const auto& [key, value] : sent) {
      EXPECT_EQ(got->body.at("HostConfig").at(key), value) << host;
    }
  }
}

}  // namespace
}  // namespace ds01::admission
