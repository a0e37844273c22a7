#include "gateway/build_calls.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "harness.h"

namespace ds01::gateway {
namespace {

using buildkit::Attributes;
using buildkit::Exporter;
using buildkit::SolveRequest;
using buildkit::WithinRequest;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

SolveRequest solve() {
  SolveRequest request;
  request.ref = "r1";
  request.exporter = Exporter{.type = "moby", .attributes = {{"name", "mine"}}, .id = ""};
  return request;
}

std::string reasonOf(const std::optional<Denial>& denial) {
  return denial ? denial->reason : "";
}

std::string reasonOf(SolveRequest request) {
  std::vector<docker::ImageReference> tags;
  return reasonOf(examineSolveRequest(request, 1000, tags));
}

TEST(BuildCalls, namesAreWrittenAnewWhereverTheyAre) {
  SolveRequest request = solve();
  request.exporters = {Exporter{.type = "image", .attributes = {{"name", "a:1,host/b"}}, .id = "0"},
                       Exporter{.type = "local", .attributes = {{"dest", "/x"}}, .id = "1"}};
  std::vector<docker::ImageReference> tags;
  ASSERT_EQ(reasonOf(examineSolveRequest(request, 1000, tags)), "");
  ASSERT_EQ(tags.size(), 3U);
  EXPECT_EQ(tags[0].tagged(), "docker.io/library/mine:latest");
  EXPECT_EQ(request.exporter->attributes, (Attributes{{"name", "docker.io/library/mine:latest"}}));
  EXPECT_EQ(request.exporters[0].attributes, (Attributes{{"name", "docker.io/library/a:1,docker.io/host/b:latest"}}));
}

TEST(BuildCalls, onlyTheEnginesOwnFrontendWithoutAnotherOne) {
  SolveRequest request = solve();
  request.frontend = "dockerfile.v0";
  request.options = {{"filename", "Dockerfile"}, {"build-arg:BUILDKIT_CACHE_MOUNT_NS", "x"}, {"cmdline", ""}};
  std::vector<docker::ImageReference> tags;
  ASSERT_EQ(reasonOf(examineSolveRequest(request, 1000, tags)), "");
  EXPECT_EQ(request.options, (Attributes{{"add-hosts", "ds01-uid-1000=127.0.0.1"},
                                         {"filename", "Dockerfile"},
                                         {"build-arg:BUILDKIT_CACHE_MOUNT_NS", "ds01-1000-x"},
                                         {"cmdline", "dockerfile.v0"}}));
  WithinRequest within;
  within.frontend = "dockerfile.v0";
  ASSERT_EQ(reasonOf(examineWithinRequest(within, 1000)), "");
  EXPECT_EQ(within.options, (Attributes{{"add-hosts", "ds01-uid-1000=127.0.0.1"},
                                        {"build-arg:BUILDKIT_CACHE_MOUNT_NS", "ds01-1000"},
                                        {"cmdline", "dockerfile.v0"}}));
}

TEST(BuildCalls, noImageOfAUsersMakesAttestations) {
  const auto with = [](const std::string& key, const std::string& value) {
    SolveRequest request = solve();
    request.options = {{key, value}};
    return reasonOf(request);
  };
  EXPECT_EQ(with("attest:sbom", "generator=mine"), "build_attestation");
  EXPECT_EQ(with("attest:sbom", ""), "build_attestation");
  EXPECT_EQ(with("attest:other", "x"), "build_attestation");
  EXPECT_EQ(with("attest:sbom", "disabled=true"), "build_attestation") << "which BuildKit does not know";
  EXPECT_EQ(with("attest:provenance", "mode=min,inline-only=true"), "");
}

TEST(BuildCalls, whatAStepHasMadeIsItsUsersOwn) {
  SolveRequest request = solve();
  request.options = {{"add-hosts", "a=10.0.0.1,b=10.0.0.2"}};
  std::vector<docker::ImageReference> tags;
  ASSERT_EQ(reasonOf(examineSolveRequest(request, 1001, tags)), "");
  EXPECT_EQ(request.options["add-hosts"], "a=10.0.0.1,b=10.0.0.2,ds01-uid-1001=127.0.0.1");
  ASSERT_EQ(reasonOf(examineSolveRequest(request, 1001, tags)), "") << "and once";
  EXPECT_EQ(request.options["add-hosts"], "a=10.0.0.1,b=10.0.0.2,ds01-uid-1001=127.0.0.1");
  for (const char* hosts : {"xds01-uid-1000=127.0.0.1", "ds01-uid-1000=127.0.0.1,ds01-uid-1000=127.0.0.1",
                            "ds01-uid-1002=127.0.0.1", "a=1.1.1.1,DS01-UID-2=127.0.0.1", "\"ds01-uid-1\"=1.1.1.1",
                            "ds01-u\xC4\xB0"
                            "d-1=127.0.0.1\n",
                            "a=1.1.1.1\n", "\"a=1.1.1.1\"", "\xC4\xB0=1.1.1.1"}) {
    request = solve();
    request.options = {{"add-hosts", hosts}};
    EXPECT_EQ(reasonOf(request), "build_host") << hosts;
  }
}

TEST(BuildCalls, whatIsClosedWithinABuild) {
  for (const char* frontend : {"", "gateway.v0", "Dockerfile.v0", "dockerfile.v0 "}) {
    WithinRequest request;
    request.frontend = frontend;
    EXPECT_EQ(reasonOf(examineWithinRequest(request, 1000)), "build_frontend") << frontend;
  }
  WithinRequest llb;
  llb.frontend = "dockerfile.v0";
  llb.own_llb = true;
  EXPECT_EQ(reasonOf(examineWithinRequest(llb, 1000)), "build_frontend");
  WithinRequest parent;
  parent.frontend = "dockerfile.v0";
  parent.options = {{"cgroup-parent", "/"}};
  EXPECT_EQ(reasonOf(examineWithinRequest(parent, 1000)), "build_cgroup_parent");
  for (const auto& [value, reason] : std::vector<std::pair<std::string, std::string>>{
           {"nofile=1:2,cpu=3", ""}, {"nofile=1,rtprio=9", "ulimit"}, {"\"Nice=1:1\"", "ulimit"}}) {
    WithinRequest ulimit;
    ulimit.frontend = "dockerfile.v0";
    ulimit.options = {{"ulimit", value}};
    EXPECT_EQ(reasonOf(examineWithinRequest(ulimit, 1000)), reason) << value;
  }
}

TEST(BuildCalls, whatIsClosedInABuild) {
  EXPECT_EQ(reasonOf(solve()), "");
  SolveRequest request = solve();
  request.entitlements = {"network.host"};
  EXPECT_EQ(reasonOf(request), "build_entitlement");
  request = solve();
  request.frontend = "gateway.v0";
  EXPECT_EQ(reasonOf(request), "build_frontend");
  request = solve();
  request.own_llb = true;
  EXPECT_EQ(reasonOf(request), "build_frontend");
  request = solve();
  request.exporters_by_session = true;
  EXPECT_EQ(reasonOf(request), "build_outputs");
}

TEST(BuildCalls, outputsThatAreClosed) {
  const auto with = [](const std::string& type, const Attributes& attributes) {
    SolveRequest request = solve();
    request.exporters = {Exporter{.type = type, .attributes = attributes, .id = ""}};
    return reasonOf(request);
  };
  EXPECT_EQ(with("docker", {{"load", "true"}, {"push", "false"}, {"annotation.x", "y"}}), "");
  EXPECT_EQ(with("registry", {}), "build_outputs");
  EXPECT_EQ(with("oci", {}), "build_outputs");
  for (const char* attribute :
       {"push", "push-by-digest", "dangling-name-prefix", "name-canonical", "store", "", "Name"}) {
    EXPECT_EQ(with("image", {{attribute, "true"}}), "build_outputs") << attribute;
  }
  for (const char* name : {"*", "a b", "a,,b", ",", "x@sha256:1"}) {
    EXPECT_EQ(with("image", {{"name", name}}), "build_outputs") << name;
  }
}

TEST(BuildCalls, contextsComeFromTheClientItself) {
  const auto with = [](const std::string& key, const std::string& value) {
    SolveRequest request = solve();
    request.options = {{key, value}};
    return reasonOf(request);
  };
  for (const char* address : {"https://host/x.tar", "http://buildkit-session/1", "https://host/x.git#main:../..",
                              "git@host:x", "./x", "docker-image://x", "input:base", "oci-layout://x"}) {
    EXPECT_EQ(with("context", address), "build_remote") << address;
  }
  for (const char* address : {"https://host/x.git", "input:base", "oci-layout://x", " docker-image://x", "target:x"}) {
    EXPECT_EQ(with("context:base", address), "build_remote") << address;
    EXPECT_EQ(with("context:base::linux/amd64", address), "build_remote") << address;
  }
  EXPECT_EQ(with("context", ""), "");
  EXPECT_EQ(with("context:base", "docker-image://alpine"), "");
  EXPECT_EQ(with("context:base", "local:base"), "");
  for (const char* key : {"contextkey", "dockerfilekey"}) EXPECT_EQ(with(key, "x"), "build_remote");
  EXPECT_EQ(with("contextkey", "context"), "");
  EXPECT_EQ(with("contextkey", ""), "");
  EXPECT_EQ(with("dockerfilekey", "dockerfile"), "");
  WithinRequest within;
  within.frontend = "dockerfile.v0";
  within.options = {{"context", "https://host/x.tar"}};
  EXPECT_EQ(reasonOf(examineWithinRequest(within, 1000)), "build_remote");
}

using BuildKitTest = ::testing::Test;

std::string upgrade() {
  return "POST /grpc HTTP/1.1\r\nHost: d\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n";
}

TEST_F(BuildKitTest, whereContainersRunAsTheirOwnerItIsClosed) {
  test::Harness h;
  h.site.run_as_owner = true;
  test::Client client = h.connect();
  ASSERT_TRUE(client.send(upgrade()));
  const auto reply = client.read();
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->status, 403);
  EXPECT_THAT(reply->body, HasSubstr("run as their owner"));
  EXPECT_THAT(h.engine().requests(), IsEmpty());
}

TEST_F(BuildKitTest, itIsClosedUnlessItIsOpened) {
  test::Harness h;
  h.site.buildkit = false;
  test::Client client = h.connect();
  ASSERT_TRUE(client.send(upgrade()));
  const auto reply = client.read();
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->status, 403);
  EXPECT_THAT(reply->body, HasSubstr("DOCKER_BUILDKIT=0"));
  EXPECT_THAT(h.engine().requests(), IsEmpty());
}

TEST_F(BuildKitTest, oneConnectionsMemoryIsCounted) {
  GatewayOptions options;
  options.memory.bytes_per_uid = 1024;
  test::Harness h(options);
  test::Client client = h.connect();
  ASSERT_TRUE(client.send(upgrade()));
  EXPECT_EQ(client.read()->status, 503);
}

}  // namespace
}  // namespace ds01::gateway
