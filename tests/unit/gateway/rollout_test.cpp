// What passes while a site rolls the rules out, class by class, and what holds in any case.
#include "gateway/rollout.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "harness.h"

namespace ds01::gateway::test {
namespace {

using testing::HasSubstr;

class RolloutTest : public testing::Test {
 protected:
  RolloutTest() {
    h.ownership.add("mine", kMine, "alice");
    h.ownership.add("theirs", kTheirs, "bob");
    for (const std::string& id : {kMine, kTheirs}) {
      h.engine().answer("POST", "/v1.41/containers/" + id + "/stop", 204, "");
      h.engine().answer("POST", "/v1.41/containers/" + id + "/exec", 201, R"({"Id":"e1"})");
    }
    h.engine().answer("GET", "/v1.41/swarm", 200, "{}");
    h.engine().answer("POST", "/v1.41/containers/create", 201, R"({"Id":")" + fullId('c') + R"(","Warnings":[]})");
  }

  void watch(RuleClass rules, Enforcement mode = Enforcement::Monitoring) {
    Rollout rollout = h.site.modes;
    rollout.set(rules, mode);
    h.site.modes = rollout;
  }
  int ask(const std::string& method, const std::string& target, const std::string& body = "") {
    const auto reply = h.connect().request(method, "/v1.41" + target, body);
    last = reply ? reply->body : "";
    return reply ? reply->status : 0;
  }
  std::vector<std::string> overlooked() {
    std::vector<std::string> out;
    for (const auto& event : h.events.of("auth.would_deny")) {
      out.push_back(std::string(event.details.at("rules").as_string()) + ": " +
                    std::string(event.details.at("reason").as_string()));
    }
    return out;
  }

  const std::string kMine = fullId('a');
  const std::string kTheirs = fullId('b');
  const std::string kPrivileged = R"({"Image":"busybox","HostConfig":{"Privileged":true}})";
  Harness h;
  std::string last;
};

TEST_F(RolloutTest, InFullNothingPasses) {
  EXPECT_EQ(ask("POST", "/containers/theirs/stop"), 404);
  EXPECT_EQ(ask("GET", "/swarm"), 403);
  EXPECT_EQ(ask("POST", "/containers/create", kPrivileged), 403);
  EXPECT_EQ(ask("POST", "/containers/mine/exec", R"({"Cmd":["id"],"Privileged":true})"), 403);
  EXPECT_TRUE(h.engine().requests().empty());
  EXPECT_THAT(overlooked(), testing::IsEmpty());
}

TEST_F(RolloutTest, WhatIsWatchedPassesAndIsLogged) {
  for (const RuleClass rules : kRuleClasses) watch(rules);
  EXPECT_EQ(ask("POST", "/containers/theirs/stop"), 204) << last;
  EXPECT_EQ(ask("GET", "/swarm"), 200) << last;
  EXPECT_EQ(ask("POST", "/containers/create", kPrivileged), 201) << last;
  EXPECT_EQ(ask("POST", "/containers/mine/exec", R"({"Cmd":["id"],"Privileged":true})"), 201) << last;
  EXPECT_THAT(overlooked(),
              testing::ElementsAre("ownership: not_owner", "api: admins_only", "host: privileged", "host: privileged"));
  EXPECT_THAT(h.events.of("auth.denied"), testing::IsEmpty());
  EXPECT_THAT(h.engine().requests().at(2).body, HasSubstr(R"("ds01.user":"alice")")) << "and it is owned all the same";
  EXPECT_THAT(h.engine().requests().at(2).body, HasSubstr(R"("Privileged":true)"));
}

TEST_F(RolloutTest, WhatIsOffPassesInSilence) {
  watch(RuleClass::Ownership, Enforcement::Disabled);
  EXPECT_EQ(ask("POST", "/containers/theirs/stop"), 204);
  EXPECT_THAT(overlooked(), testing::IsEmpty());
}

TEST_F(RolloutTest, OtherClassesHold) {
  watch(RuleClass::Host);
  EXPECT_EQ(ask("POST", "/containers/theirs/exec", R"({"Cmd":["id"],"Privileged":true})"), 404) << "somebody else's";
  EXPECT_EQ(ask("GET", "/swarm"), 403);
  EXPECT_EQ(
      ask("POST", "/containers/create", R"({"Image":"busybox","HostConfig":{"Privileged":true,"Binds":["/etc:/x"]}})"),
      403)
      << "what comes behind the rule that was let pass is looked at too";
  EXPECT_THAT(last, HasSubstr("/etc"));
  EXPECT_EQ(ask("POST", "/containers/create",
                R"({"Image":"busybox","HostConfig":{"Privileged":true,"PidMode":"container:theirs"}})"),
            400)
      << last;
  EXPECT_TRUE(h.engine().requests().empty());
}

TEST_F(RolloutTest, ContainersOfOthersCanBeJoinedWhileOwnershipIsWatched) {
  watch(RuleClass::Ownership);
  EXPECT_EQ(ask("POST", "/containers/create", R"({"Image":"busybox","HostConfig":{"PidMode":"container:theirs"}})"),
            201)
      << last;
  EXPECT_THAT(h.engine().requests().at(0).body, HasSubstr("container:" + kTheirs));
  EXPECT_THAT(overlooked(), testing::ElementsAre("ownership: container"));
}

// One pass may guard more than one class.
TEST_F(RolloutTest, WatchedOwnershipOpensNeitherTheHostNorFolders) {
  watch(RuleClass::Ownership);
  ContainerView theirs;
  theirs.id = ContainerId(kTheirs);
  theirs.mounts.resize(1);
  theirs.mounts[0].type = "bind";
  theirs.mounts[0].source = "/run/ds01/pins/7a/0";
  theirs.mounts[0].target = "/x";
  h.engine_client.container_views[kTheirs] = theirs;
  h.pins.sources["/run/ds01/pins/7a/0"] = {"bob", {"/home/bob/x", ""}};
  for (const char* const host : {R"({"NetworkMode":"host"})", R"({"VolumesFrom":["theirs"]})"}) {
    EXPECT_EQ(ask("POST", "/containers/create", std::string(R"({"Image":"busybox","HostConfig":)") + host + "}"), 403)
        << host;
  }
  EXPECT_EQ(ask("POST", "/containers/create",
                R"({"Image":"busybox","NetworkingConfig":{"EndpointsConfig":{"bridge":{"DriverOpts":{"a":"b"}}}}})"),
            403);
  EXPECT_TRUE(h.engine().requests().empty());
  watch(RuleClass::Mounts);
  EXPECT_EQ(ask("POST", "/containers/create", R"({"Image":"busybox","HostConfig":{"VolumesFrom":["theirs"]}})"), 201);
  EXPECT_THAT(h.engine().requests().back().body, HasSubstr(R"("VolumesFrom":[")" + kTheirs + R"("])"));
  EXPECT_THAT(overlooked(), testing::Contains("mounts: volumes_from"));
}

TEST_F(RolloutTest, WatchedFoldersOpenNoGpu) {
  watch(RuleClass::Mounts);
  for (const char* const host :
       {R"({"Binds":["/dev/null:/var/run/nvidia-container-devices/all"]})",
        R"({"Mounts":[{"Type":"bind","Source":"/dev/null","Target":"/run/nvidia-container-devices/all"}]})",
        R"({"Tmpfs":{"/run/nvidia-container-devices/all":""}})"}) {
    EXPECT_EQ(ask("POST", "/containers/create", std::string(R"({"Image":"busybox","HostConfig":)") + host + "}"), 403)
        << host;
    EXPECT_THAT(last, HasSubstr("--gpus"));
  }
  EXPECT_EQ(ask("POST", "/containers/create", R"({"Image":"busybox","HostConfig":{"Binds":["/etc:/x"]}})"), 201)
      << last;
  EXPECT_THAT(h.engine().requests().at(0).body, HasSubstr(R"("ds01.excused":"mounts")"));
}

TEST_F(RolloutTest, ContainersOfRootStayClosedWhileOwnershipIsWatched) {
  watch(RuleClass::Ownership);
  h.ownership.add("roots", fullId('d'), std::nullopt);
  EXPECT_EQ(ask("POST", "/containers/roots/exec", R"({"Cmd":["id"]})"), 404);
  EXPECT_EQ(ask("POST", "/containers/create", R"({"Image":"busybox","HostConfig":{"PidMode":"container:roots"}})"),
            400);
  EXPECT_TRUE(h.engine().requests().empty());
}

TEST_F(RolloutTest, SeveralClassesPassOneAfterTheOther) {
  watch(RuleClass::Host);
  watch(RuleClass::Ownership);
  EXPECT_EQ(ask("POST", "/containers/theirs/exec", R"({"Cmd":["id"],"Privileged":true})"), 201) << last;
  EXPECT_THAT(overlooked(), testing::ElementsAre("ownership: not_owner", "host: privileged"));
  EXPECT_EQ(h.engine().requests().size(), 1U) << "sent once";
  EXPECT_THAT(h.engine().requests().at(0).body, HasSubstr("Privileged"));
}

TEST_F(RolloutTest, WhatIsMalformedOrUnknownIsRefusedInEveryMode) {
  for (const RuleClass rules : kRuleClasses) watch(rules, Enforcement::Disabled);
  EXPECT_EQ(ask("POST", "/containers/create", R"({"Image":1})"), 400);
  EXPECT_EQ(ask("POST", "/containers/create", R"({"Image":"x","image":"y"})"), 400);
  EXPECT_EQ(ask("POST", "/containers/nothing/stop"), 404);
  EXPECT_TRUE(h.engine().requests().empty());
}

TEST_F(RolloutTest, OverQuotaPassesWithTheGpuThatIsThere) {
  watch(RuleClass::Limits);
  h.site.quota = GpuEq::whole(1);
  h.grants.quota_used_up = true;
  const char* const kGpu =
      R"({"Image":"busybox","HostConfig":{"DeviceRequests":[{"Count":1,"Capabilities":[["gpu"]]}]}})";
  EXPECT_EQ(ask("POST", "/containers/create", kGpu), 201) << last;
  EXPECT_THAT(overlooked(), testing::ElementsAre("limits: gpu_quota"));
  EXPECT_THAT(h.engine().requests().at(0).body, HasSubstr("GPU-1"));
}

TEST(RolloutClasses, AreOnlyOfRefusals) {
  EXPECT_EQ(classOf({403, "admins_only", ""}), RuleClass::Api);
  EXPECT_EQ(classOf({503, "gpu_quota", ""}), std::nullopt);
  EXPECT_EQ(classOf({403, "policy", ""}), std::nullopt) << "the site's own";
  EXPECT_EQ(classOf({403, "peer_gone", ""}), std::nullopt);
  EXPECT_EQ(classOf({409, "volume_taken", ""}), std::nullopt);
  Denial denial{403, "x", ""};
  denial.rules = RuleClass::Mounts;
  EXPECT_EQ(classOf(denial), RuleClass::Mounts);
  denial.http_status = 400;
  EXPECT_EQ(classOf(denial), std::nullopt);
}

}  // namespace
}  // namespace ds01::gateway::test
