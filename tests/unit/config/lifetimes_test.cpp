#include "config/lifetimes.h"

#include <gtest/gtest.h>

#include "site_dir.h"

namespace ds01::config {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;
using By = Lifetime::By;

constexpr TimePoint kNow{std::chrono::sys_days{std::chrono::year{2026} / 12 / 1}};

Config configFor(const std::string& limits, const std::string& exemptions = "") {
  return configOf({{"resource-limits.yaml", limits}, {"lifecycle-exemptions.yaml", exemptions}});
}

Lifetimes lifetimesIn(const std::string& limits, std::string_view type, std::string_view login = "ada") {
  return lifetimesFor(configFor(limits), login, "", type, kNow);
}

constexpr const char* kSite =
    "defaults: {idle_timeout_h: 1, max_runtime_h: 24, container_hold_after_stop_h: 2}\n"
    "groups: {student: {max_runtime_h: 48}}\n"
    "user_overrides: {eve: {max_runtime_h: null, idle_timeout_h: null, policies: {sigterm_grace_s: 5}}}\n"
    "policies: {sigterm_grace_s: 50}\n"
    "container_types:\n"
    "  devcontainer: {idle_timeout_h: null, max_runtime_h: 168, sigterm_grace_s: 30}\n"
    "  docker: {idle_timeout_h: 0.5, max_runtime_h: 72, container_hold_after_stop_h: 1}\n"
    "  unknown: {idle_timeout_h: 0.25, max_runtime_h: null}\n";

TEST(LifetimesFor, TheSmallerOfLoginAndTypeHolds) {
  const Lifetimes docker = lifetimesIn(kSite, "docker");
  EXPECT_EQ(docker.type, "docker");
  EXPECT_EQ(docker.idle.limit, minutes(30));
  EXPECT_EQ(docker.idle.by, By::Type);
  EXPECT_EQ(docker.idle.at.line, 7);
  EXPECT_EQ(docker.runtime.limit, hours(48));
  EXPECT_EQ(docker.runtime.by, By::Limits);
  EXPECT_EQ(docker.runtime.at.line, 2);
  EXPECT_EQ(docker.hold.limit, hours(1));
  EXPECT_EQ(docker.hold.by, By::Type);
}

TEST(LifetimesFor, EqualTimesAreTheLogins) {
  const Lifetimes equal =
      lifetimesIn("container_types: {docker: {max_runtime_h: 24, idle_timeout_h: 0.5}}\n", "docker");
  EXPECT_EQ(equal.runtime.by, By::Limits);
  EXPECT_EQ(equal.idle.by, By::Limits);
  EXPECT_FALSE(equal.idle.at.file) << "a built-in default stands in no file";
}

TEST(LifetimesFor, UnlimitedOnOneSideLeavesTheOther) {
  const Lifetimes docker = lifetimesIn(kSite, "docker", "eve");
  EXPECT_EQ(docker.runtime.limit, hours(72));
  EXPECT_EQ(docker.runtime.by, By::Type);
  EXPECT_EQ(docker.idle.limit, minutes(30));
  const Lifetimes unknown = lifetimesIn(kSite, "unknown");
  EXPECT_EQ(unknown.runtime.limit, hours(48));
  EXPECT_EQ(unknown.runtime.by, By::Limits);
  EXPECT_FALSE(lifetimesIn(kSite, "unknown", "eve").runtime.limit);
}

TEST(LifetimesFor, ATypeWithoutIdleTimeoutIsNeverIdle) {
  const Lifetimes devcontainer = lifetimesIn(kSite, "devcontainer");
  EXPECT_FALSE(devcontainer.idle.limit);
  EXPECT_EQ(devcontainer.idle.by, By::Type);
  EXPECT_EQ(devcontainer.runtime.limit, hours(48));
  EXPECT_EQ(lifetimesIn("container_types: {docker: {max_runtime_h: 1}}\n", "docker").idle.limit, minutes(30))
      << "absent is not null";
}

TEST(LifetimesFor, TypesWithoutAnEntryTakeAnothersOne) {
  EXPECT_EQ(lifetimesIn(kSite, "jupyter").type, "docker");
  EXPECT_EQ(lifetimesIn(kSite, "api").type, "unknown");
  EXPECT_EQ(lifetimesIn(kSite, "").type, "unknown");
  EXPECT_EQ(lifetimesIn(kSite, "compose").idle.limit, minutes(15));
  EXPECT_EQ(lifetimesIn("container_types: {jupyter: {max_runtime_h: 9}, docker: {max_runtime_h: 1}}\n", "jupyter")
                .runtime.limit,
            hours(9));
  const Lifetimes none = lifetimesIn("defaults: {max_runtime_h: 3}\n", "docker");
  EXPECT_EQ(none.type, "");
  EXPECT_EQ(none.runtime.limit, hours(3));
}

TEST(LifetimesFor, TheGracePeriodIsTheTypesElseThePolicys) {
  EXPECT_EQ(lifetimesIn(kSite, "devcontainer").grace.limit, seconds(30));
  EXPECT_EQ(lifetimesIn(kSite, "devcontainer", "eve").grace.limit, seconds(30));
  EXPECT_EQ(lifetimesIn(kSite, "docker").grace.limit, seconds(50));
  EXPECT_EQ(lifetimesIn(kSite, "docker").grace.at.line, 4);
  EXPECT_EQ(lifetimesIn(kSite, "docker", "eve").grace.limit, seconds(5));
  EXPECT_EQ(lifetimesIn("defaults: {}\n", "docker").grace.limit, seconds(60));
}

TEST(LifetimesFor, ExemptionsLiftWhatTheyNameUntilTheyExpire) {
  const Config config = configFor(kSite,
                                  "exemptions:\n"
                                  "  - {username: ada, exempt_from: [idle_timeout_h], expires_on: 2026-12-02}\n"
                                  "  - {username: bob, exempt_from: [max_runtime], expires_on: null}\n"
                                  "  - {username: cleo, exempt_from: [idle_timeout, max_runtime_h], expires_on: "
                                  "2026-12-01}\n"
                                  "  - {username: '204214', exempt_from: [max_runtime_h], expires_on: null}\n");
  const auto of = [&config](std::string_view login, std::string_view short_name = "") {
    return lifetimesFor(config, login, short_name, "docker", kNow);
  };
  EXPECT_FALSE(of("ada").idle.limit);
  EXPECT_EQ(of("ada").idle.by, By::Exemption);
  EXPECT_EQ(of("ada").idle.at.line, 2);
  EXPECT_EQ(of("ada").runtime.limit, hours(48));
  EXPECT_EQ(lifetimesFor(config, "ada", "", "docker", kNow + hours(24)).idle.limit, minutes(30));
  EXPECT_FALSE(of("bob").runtime.limit);
  EXPECT_EQ(of("bob").idle.limit, minutes(30));
  EXPECT_EQ(of("cleo").idle.limit, minutes(30)) << "expires at this very moment";
  EXPECT_EQ(of("cleo").runtime.limit, hours(48));
  EXPECT_FALSE(of("204214@students.example.edu", "204214").runtime.limit);
  EXPECT_EQ(of("204215@students.example.edu", "204215").runtime.limit, hours(48));
}

}  // namespace
}  // namespace ds01::config
