#include "admission/endpoints.h"

#include <string>

#include <boost/json/serialize.hpp>
#include <gtest/gtest.h>

#include "admission/json_guard.h"
#include "unit/admission/facts_json.h"

namespace ds01::admission {
namespace {

namespace json = boost::json;
using test::parseObject;
using Examine = BodyVerdict (*)(json::object, bool);

void expectBody(Examine examine_body, std::string_view body, std::string_view expected, bool admin = false) {
  const BodyVerdict got = examine_body(parseObject(body), admin);
  ASSERT_TRUE(got) << body << ": " << got.error().text;
  EXPECT_EQ(*got, parseObject(expected)) << json::serialize(*got);
}

void expectRefused(Examine examine_body, std::string_view body, std::string_view reason, int status = 403) {
  const BodyVerdict got = examine_body(parseObject(body), false);
  ASSERT_FALSE(got) << body;
  EXPECT_EQ(got.error().reason, reason) << body;
  EXPECT_EQ(got.error().http_status, status) << body;
  EXPECT_FALSE(got.error().text.empty());
}

// As the clients send them (recorded: docker CLI 20.10.24 and 28.2.2, docker-py 7.1.0).
constexpr std::string_view kCliExec =
    R"({"User":"","Privileged":false,"Tty":false,"AttachStdin":false,"AttachStderr":false,"AttachStdout":false,
        "Detach":true,"DetachKeys":"","Env":["A=b"],"WorkingDir":"","Cmd":["ls"]})";
constexpr std::string_view kSdkExec =
    R"({"Container":"c1","User":"","Privileged":false,"Tty":false,"AttachStdin":false,"AttachStdout":true,
        "AttachStderr":true,"Cmd":["ls"]})";
constexpr std::string_view kCliNetwork =
    R"({"CheckDuplicate":true,"Driver":"bridge","Scope":"","EnableIPv6":false,
        "IPAM":{"Driver":"default","Options":{},"Config":[{"Subnet":"172.28.0.0/16","AuxiliaryAddresses":{"a":"172.28.0.2"}}]},
        "Internal":false,"Attachable":false,"Ingress":false,"ConfigOnly":false,"ConfigFrom":null,"Options":{},"Labels":{},
        "Name":"n1"})";
constexpr std::string_view kCliConnect =
    R"({"Container":"c1","EndpointConfig":{"IPAMConfig":{},"Links":null,"Aliases":[],"MacAddress":"","DriverOpts":{},
        "GwPriority":0,"NetworkID":"","EndpointID":"","Gateway":"","IPAddress":"","IPPrefixLen":0,"IPv6Gateway":"",
        "GlobalIPv6Address":"","GlobalIPv6PrefixLen":0,"DNSNames":null}})";

TEST(Endpoints, RecordedBodiesPassTheGuardAndTheChecks) {
  struct Recorded {
    std::string_view path;
    std::string_view body;
    Examine examine_body;
  };
  for (const Recorded& recorded : {
           Recorded{"/containers/{}/exec", kCliExec, examineExec},
           Recorded{"/containers/{}/exec", kSdkExec, examineExec},
           Recorded{"/exec/{}/start", R"({"Detach":true,"Tty":false})", examineExecStart},
           Recorded{"/exec/{}/start", R"({"Detach":false,"Tty":true,"ConsoleSize":null})", examineExecStart},
           Recorded{"/networks/create", kCliNetwork, examineNetworkCreate},
           Recorded{"/networks/{}/connect", kCliConnect, examineNetworkEndpoint},
           Recorded{"/networks/{}/disconnect", R"({"Container":"c1","Force":false})", examineNetworkEndpoint},
           Recorded{"/volumes/create", R"({"Driver":"local","DriverOpts":{},"Labels":{},"Name":"v1"})",
                    examineVolumeCreate},
       }) {
    auto guarded = guardBody("POST", recorded.path, recorded.body, {false, {1, 41}});
    ASSERT_TRUE(guarded) << recorded.path << ": " << guarded.error().text;
    const BodyVerdict got = recorded.examine_body(std::move(*guarded), false);
    EXPECT_TRUE(got) << recorded.path << ": " << got.error().text;
  }
}

TEST(Exec, TheContainerThatSdksRepeatIsNotSentOn) {
  const auto guarded = guardBody("POST", "/containers/{}/exec", kSdkExec, {false, {1, 41}});
  ASSERT_TRUE(guarded) << guarded.error().text;
  EXPECT_FALSE(guarded->contains("Container"));
}

TEST(Exec, PrivilegedIsForAdmins) {
  expectRefused(examineExec, R"({"Privileged":true,"Cmd":["sh"]})", "privileged");
  expectBody(examineExec, R"({"Privileged":true,"Cmd":["sh"]})", R"({"Privileged":true,"Cmd":["sh"]})", true);
}

TEST(NetworkCreate, PlainBridgesOnly) {
  expectRefused(examineNetworkCreate, R"({"Driver":"macvlan"})", "network_driver");
  expectRefused(examineNetworkCreate, R"({"Driver":"host"})", "network_driver");
  expectRefused(examineNetworkCreate, R"({"Scope":"swarm"})", "network_scope");
  expectRefused(examineNetworkCreate, R"({"Ingress":true})", "network_scope");
  expectRefused(examineNetworkCreate, R"({"ConfigOnly":true})", "network_scope");
  expectRefused(examineNetworkCreate, R"({"ConfigFrom":{"Network":"other"}})", "network_scope");
  expectRefused(examineNetworkCreate, R"({"Options":{"com.docker.network.bridge.name":"docker0"}})", "network_option");
  expectRefused(examineNetworkCreate, R"({"Options":{"parent":"eth0"}})", "network_option");
  expectRefused(examineNetworkCreate, R"({"IPAM":{"Driver":"dhcp"}})", "network_ipam");
  expectRefused(examineNetworkCreate, R"({"IPAM":{"Options":{"a":"b"}}})", "network_ipam");
  constexpr std::string_view kBody =
      R"({"Name":"n","Driver":"","ConfigFrom":{"Network":""},"Options":{"com.docker.network.driver.mtu":"1400"},
          "IPAM":{"Driver":"default","Config":[{"Subnet":"172.28.0.0/16"}]}})";
  expectBody(examineNetworkCreate, kBody, kBody);
  expectBody(examineNetworkCreate, R"({"Driver":"macvlan"})", R"({"Driver":"macvlan"})", true);
}

TEST(NetworkCreate, OurLabelsAreNotTheUsersToSet) {
  expectBody(examineNetworkCreate, R"({"Labels":{"a":"b","ds01.user":"bob"}})", R"({"Labels":{"a":"b"}})");
  expectBody(examineVolumeCreate, R"({"Labels":{"ds01.user":"bob"}})", R"({"Labels":{}})");
}

TEST(NetworkEndpoint, NamesAContainerThatIsReplaced) {
  BodyVerdict got = examineNetworkEndpoint(parseObject(R"({"Container":"web","Force":true})"), false);
  ASSERT_TRUE(got);
  EXPECT_EQ(endpointContainer(*got), "web");
  replaceEndpointContainer(*got, ContainerId(std::string(64, 'a')));
  EXPECT_EQ(endpointContainer(*got), std::string(64, 'a'));
  EXPECT_TRUE(got->at("Force").as_bool());
  expectRefused(examineNetworkEndpoint, R"({"Force":true})", "container", 400);
  expectRefused(examineNetworkEndpoint, R"({"Container":""})", "container", 400);
  expectRefused(examineNetworkEndpoint, R"({"Container":"c","EndpointConfig":{"DriverOpts":{"a":"b"}}})",
                "network_driver_options");
  expectRefused(examineNetworkEndpoint, R"({"Container":"c","EndpointConfig":{"NetworkID":"abc"}})", "network_id");
}

TEST(VolumeCreate, LocalAndPlainOnly) {
  expectRefused(examineVolumeCreate, R"({"Driver":"nfs"})", "volume_driver");
  expectRefused(examineVolumeCreate, R"({"DriverOpts":{"type":"none","o":"bind","device":"/etc"}})", "volume_options");
  expectRefused(examineVolumeCreate, R"({"ClusterVolumeSpec":{"Group":"g"}})", "volume_cluster");
  expectRefused(examineVolumeCreate, R"({"Name":"../x"})", "volume_name", 400);
  expectBody(examineVolumeCreate, R"({"Name":"v1","Driver":"local","DriverOpts":null})",
             R"({"Name":"v1","Driver":"local","DriverOpts":null})");
}

}  // namespace
}  // namespace ds01::admission
