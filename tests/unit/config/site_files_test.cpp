// The files of a real deployment, in both of its formats, and those that ship with DS01.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/lookup.h"
#include "config/yaml/load.h"
#include "site_dir.h"

namespace ds01::config {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using ::testing::HasSubstr;
using ::testing::Not;

Config site(const std::string& directory) {
  const yaml::Loaded loaded = yaml::load(DS01_SOURCE_DIR "/" + directory);
  EXPECT_TRUE(loaded.config) << report(loaded);
  EXPECT_EQ(report(loaded), "") << "no warnings about files that were right all along";
  return loaded.config.value_or(Config{});
}

constexpr Bytes gib(std::int64_t n) {
  return Bytes{n << 30};
}

TEST(CurrentSite, GivesAStudentTheGroupsLimits) {
  const Config config = site("tests/data/site/current");
  const auto limits = limitsFor(config, "204214@students.example.edu");
  ASSERT_TRUE(limits);
  EXPECT_EQ(limits->group, "student");
  EXPECT_EQ(limits->max_gpu_equivalents, GpuEq::whole(2));
  EXPECT_EQ(limits->max_gpu_slots_per_container, 2);
  EXPECT_EQ(limits->max_cpus, CpuMillis{32'000});
  EXPECT_EQ(limits->memory, gib(32));
  EXPECT_EQ(limits->shm_size, gib(16));
  EXPECT_EQ(limits->max_runtime, hours(24));
  EXPECT_EQ(limits->idle_timeout, minutes(30));
  EXPECT_EQ(limits->gpu_hold_after_stop, minutes(15));
  EXPECT_EQ(limits->aggregate.cpu_quota, CpuMillis{96'000});
  EXPECT_EQ(limits->aggregate.memory_high, gib(86));
  EXPECT_EQ(limits->aggregate.gpu_limit, GpuEq::whole(2));
  EXPECT_EQ(limitsFor(config, "nobody@example.edu")->group, "student");
}

TEST(CurrentSite, PutsAVisitorIntoTheGroupOfTheOverridesFile) {
  const auto limits = limitsFor(site("tests/data/site/current"), "n.bohr@example.edu");
  ASSERT_TRUE(limits);
  EXPECT_EQ(limits->group, "researcher");
  EXPECT_EQ(limits->max_gpu_slots_per_container, 3);
  EXPECT_EQ(limits->max_cpus, CpuMillis{48'000});
}

TEST(CurrentSite, LaysAUsersOverrideOverTheGroup) {
  const Config config = site("tests/data/site/current");
  const auto limits = limitsFor(config, "m.curie@example.edu");
  ASSERT_TRUE(limits);
  EXPECT_EQ(limits->group, "researcher");
  EXPECT_EQ(limits->max_gpu_equivalents, GpuEq::whole(6));
  EXPECT_FALSE(limits->max_runtime);
  EXPECT_EQ(limits->idle_timeout, hours(1));
  EXPECT_EQ(limits->memory, gib(64));
  const Policies policies = policiesFor(config, "m.curie@example.edu");
  EXPECT_EQ(policies.idle_detection_window, 6);
  EXPECT_DOUBLE_EQ(policies.cpu_idle_threshold, 3.0);
}

TEST(CurrentSite, KeepsTheOtherKeysOfAnAggregate) {
  const auto limits = limitsFor(site("tests/data/site/current"), "248835@students.example.edu");
  ASSERT_TRUE(limits);
  EXPECT_EQ(limits->memory, gib(64));
  EXPECT_EQ(limits->memory_swap, gib(64));
  EXPECT_EQ(limits->aggregate.memory_max, gib(128));
  EXPECT_EQ(limits->aggregate.memory_high, gib(86));
  EXPECT_EQ(limits->aggregate.tasks_max, 12288);
  EXPECT_EQ(limits->aggregate.gpu_limit, GpuEq::whole(2));
}

TEST(CurrentSite, DoesNotLimitTheGroupAdmin) {
  const auto limits = limitsFor(site("tests/data/site/current"), "datasciencelab");
  ASSERT_TRUE(limits);
  EXPECT_EQ(limits->group, "admin");
  EXPECT_FALSE(limits->max_gpu_equivalents);
  EXPECT_FALSE(limits->max_gpu_slots);
  EXPECT_FALSE(limits->max_gpu_slots_per_container);
  EXPECT_FALSE(limits->aggregate.gpu_limit || limits->aggregate.memory_max || limits->aggregate.cpu_quota);
  EXPECT_EQ(limits->max_containers_per_user, 10);
}

TEST(CurrentSite, ReadsTheRest) {
  const Config config = site("tests/data/site/current");
  EXPECT_FALSE(limitsFor(config, "left.2024@example.edu"));
  EXPECT_TRUE(isAdminLogin(config, "datasciencelab"));
  EXPECT_EQ(adminGroup(config), "ds01-admin");
  EXPECT_TRUE(config.access.rollout.full());
  EXPECT_TRUE(config.aggregate_limits);
  EXPECT_EQ(config.policies.created_container_timeout, minutes(30));
  ASSERT_TRUE(config.container_types.contains("devcontainer"));
  EXPECT_TRUE(config.container_types.at("devcontainer").idle_timeout.present);
  EXPECT_FALSE(config.container_types.at("devcontainer").idle_timeout.value);
  EXPECT_EQ(config.container_types.at("compose").sigterm_grace.value, std::chrono::seconds(45));
  ASSERT_EQ(config.exemptions.size(), 1U);
  EXPECT_EQ(config.exemptions[0].login, "m.curie@example.edu");
  EXPECT_TRUE(config.exemptions[0].idle_timeout && config.exemptions[0].max_runtime);
  ASSERT_TRUE(config.exemptions[0].expires_on);
  EXPECT_EQ(config.exemptions[0].expires_on->time_since_epoch(), std::chrono::seconds(1801353600));
}

TEST(CurrentSite, HasItsIneffectiveKeysReportedAsNotes) {
  const std::string notes = report(yaml::load(DS01_SOURCE_DIR "/tests/data/site/current"), Severity::Note);
  EXPECT_THAT(notes, HasSubstr("resource-limits.yaml:15:3: note: defaults.max_tasks: has no effect here; use "
                               "aggregate.tasks_max"));
  EXPECT_THAT(notes, HasSubstr("note: defaults.max_runtime_h: is read and checked, but nothing acts on it yet"));
  EXPECT_THAT(notes, HasSubstr("note: monitoring.infrastructure_label: has no effect here"));
  EXPECT_THAT(notes, Not(HasSubstr("groups.admin.max_tasks")));
}

TEST(SiteOfJanuary2026, CountsSlots) {
  const Config config = site("tests/data/site/2026-01");
  const auto student = limitsFor(config, "ada");
  ASSERT_TRUE(student);
  EXPECT_EQ(student->max_gpu_slots, 3);
  EXPECT_EQ(student->max_gpu_equivalents, GpuEq::whole(3));
  EXPECT_EQ(student->max_gpu_slots_per_container, 3);
  EXPECT_FALSE(student->allow_full_gpu);
  EXPECT_EQ(student->max_runtime, hours(24));
  EXPECT_EQ(student->idle_timeout, minutes(30));
  const auto researcher = limitsFor(config, "m.curie@example.edu");
  EXPECT_EQ(researcher->max_gpu_slots, 6);
  EXPECT_EQ(researcher->max_gpu_slots_per_container, 4);
  EXPECT_TRUE(researcher->allow_full_gpu);
  EXPECT_EQ(researcher->max_runtime, hours(48));
  const auto admin = limitsFor(config, "datasciencelab");
  EXPECT_FALSE(admin->max_gpu_slots || admin->max_gpu_equivalents || admin->max_gpu_slots_per_container);
  EXPECT_EQ(admin->gpu_hold_after_stop, hours(1));
  EXPECT_EQ(config.container_types.at("unknown").idle_timeout.value, minutes(15));
}

TEST(ShippedFiles, LoadWithoutWarnings) {
  const Config config = site("config");
  const auto student = limitsFor(config, "somebody");
  ASSERT_TRUE(student);
  EXPECT_EQ(student->group, "student");
  EXPECT_EQ(student->max_gpu_equivalents, GpuEq::whole(1));
  EXPECT_TRUE(student->aggregate.memory_max);
  EXPECT_TRUE(config.access.admin_users.empty());
}

}  // namespace
}  // namespace ds01::config
