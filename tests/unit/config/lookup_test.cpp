#include "config/lookup.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "site_dir.h"

namespace ds01::config {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using ::testing::HasSubstr;

Limits limitsIn(const std::string& yaml, std::string_view login = "ada") {
  const auto limits = limitsFor(configOf({{"resource-limits.yaml", yaml}}), login);
  EXPECT_TRUE(limits);
  return limits.value_or(Limits{});
}

TEST(LimitsFor, UsesTheDocumentedDefaultsOfAbsentKeys) {
  const Limits limits = limitsIn("defaults: {}\n");
  EXPECT_EQ(limits.group, "student");
  EXPECT_EQ(limits.max_gpu_equivalents, GpuEq::whole(1));
  EXPECT_FALSE(limits.max_gpu_slots);
  EXPECT_EQ(limits.max_gpu_slots_per_container, 1);
  EXPECT_TRUE(limits.allow_full_gpu);
  EXPECT_FALSE(limits.host_network);
  EXPECT_FALSE(limits.host_ipc);
  EXPECT_TRUE(limits.capabilities.empty());
  EXPECT_EQ(limits.max_containers_per_user, 3);
  EXPECT_EQ(limits.priority, 10);
  EXPECT_EQ(limits.max_cpus, CpuMillis{16'000});
  EXPECT_EQ(limits.memory, Bytes{32LL << 30});
  EXPECT_EQ(limits.memory_swap, Bytes{32LL << 30});
  EXPECT_EQ(limits.shm_size, Bytes{16LL << 30});
  EXPECT_EQ(limits.pids_limit, 4096);
  EXPECT_EQ(limits.max_runtime, hours(24));
  EXPECT_EQ(limits.idle_timeout, minutes(30));
  EXPECT_EQ(limits.gpu_hold_after_stop, minutes(15));
  EXPECT_EQ(limits.container_hold_after_stop, minutes(30));
  EXPECT_FALSE(limits.aggregate.gpu_limit);
}

TEST(LimitsFor, TellsNullFromAbsent) {
  const Limits limits = limitsIn("defaults: {max_gpu_equivalents: null, pids_limit: unlimited, max_runtime_h: null}\n");
  EXPECT_FALSE(limits.max_gpu_equivalents);
  EXPECT_FALSE(limits.pids_limit);
  EXPECT_FALSE(limits.max_runtime);
  EXPECT_EQ(limits.max_gpu_slots_per_container, 1);
}

TEST(LimitsFor, MergesKeyByKeyWithTheOverrideOnTop) {
  const Config config = configOf({{"resource-limits.yaml",
                                   "defaults: {max_cpus: 4, memory: 8g, pids_limit: 100}\n"
                                   "groups:\n"
                                   "  student: {memory: 16g, pids_limit: 200}\n"},
                                  {"user-overrides.yaml", "ada: {pids_limit: 300}\n"}});
  const auto limits = limitsFor(config, "ada");
  ASSERT_TRUE(limits);
  EXPECT_EQ(limits->group, "student");
  EXPECT_EQ(limits->max_cpus, CpuMillis{4'000});
  EXPECT_EQ(limits->memory, Bytes{16LL << 30});
  EXPECT_EQ(limits->pids_limit, 300);
  EXPECT_EQ(limitsFor(config, "bob")->pids_limit, 200);
}

TEST(LimitsFor, LetsAnUpperLayerLiftALimitAndSetItAgain) {
  const std::string yaml =
      "defaults: {max_containers_per_user: 3}\n"
      "groups:\n"
      "  student: {max_containers_per_user: null}\n"
      "user_overrides:\n"
      "  eve: {max_containers_per_user: 2}\n";
  EXPECT_FALSE(limitsIn(yaml, "ada").max_containers_per_user);
  EXPECT_EQ(limitsIn(yaml, "eve").max_containers_per_user, 2);
}

TEST(LimitsFor, ReadsThePriorityOfEachLayer) {
  const std::string yaml =
      "defaults: {priority: 5}\n"
      "groups:\n"
      "  student: {priority: 20}\n"
      "user_overrides:\n"
      "  eve: {priority: 90}\n";
  EXPECT_EQ(limitsIn("defaults: {priority: 5}\n").priority, 5);
  EXPECT_EQ(limitsIn(yaml, "ada").priority, 20);
  EXPECT_EQ(limitsIn(yaml, "eve").priority, 90);
}

TEST(GroupFor, AnOverrideByShortNameGoesBeforeAMembersFileWithTheWholeLogin) {
  const Config config = configOf({{"resource-limits.yaml", "groups: {student: {}, staff: {}}\n"},
                                  {"group-overrides.txt", "204214:staff\n"},
                                  {"groups/student.members", "204214@students.example.edu\n"}});
  EXPECT_EQ(groupFor(config, "204214@students.example.edu", "204214"), "staff");
  EXPECT_EQ(groupFor(config, "204214@students.example.edu"), "student");
}

TEST(LimitsFor, LiftsTheWholeAggregateByNull) {
  const std::string yaml =
      "groups:\n"
      "  student:\n"
      "    aggregate: {memory_max: 96G, gpu_limit: 2.0, tasks_max: 100, cpu_quota: 100%, memory_high: 90G}\n"
      "user_overrides:\n"
      "  eve: {aggregate: null}\n"
      "  bob: {aggregate: {gpu_limit: unlimited}}\n";
  EXPECT_EQ(limitsIn(yaml).aggregate.gpu_limit, GpuEq::whole(2));
  const AggregateLimits eve = limitsIn(yaml, "eve").aggregate;
  EXPECT_FALSE(eve.gpu_limit || eve.memory_max || eve.memory_high || eve.tasks_max || eve.cpu_quota);
  EXPECT_FALSE(limitsIn(yaml, "bob").aggregate.gpu_limit);
  EXPECT_EQ(limitsIn(yaml, "bob").aggregate.tasks_max, 100);
}

TEST(LimitsFor, NeverGivesLessSwapThanMemory) {
  const std::string yaml =
      "defaults: {memory: 32g, memory_swap: 32g}\n"
      "user_overrides:\n"
      "  eve: {memory: 64g}\n"
      "  bob: {memory: null}\n"
      "  joe: {memory_swap: null}\n";
  EXPECT_EQ(limitsIn(yaml, "eve").memory_swap, Bytes{64LL << 30});
  EXPECT_FALSE(limitsIn(yaml, "bob").memory_swap);
  EXPECT_FALSE(limitsIn(yaml, "joe").memory_swap);
  EXPECT_EQ(limitsIn(yaml, "joe").memory, Bytes{32LL << 30});
}

TEST(LimitsFor, CountsSlotsWhereTheSiteStillDoes) {
  for (const std::string key : {"max_mig_instances", "max_gpus_per_user", "max_gpu_slots"}) {
    const Limits limits = limitsIn("defaults: {" + key + ": 3}\n");
    EXPECT_EQ(limits.max_gpu_slots, 3) << key;
    EXPECT_EQ(limits.max_gpu_equivalents, GpuEq::whole(3)) << key;
  }
  const Limits unlimited = limitsIn("defaults: {max_mig_instances: null}\n");
  EXPECT_FALSE(unlimited.max_gpu_slots);
  EXPECT_FALSE(unlimited.max_gpu_equivalents);
}

TEST(LimitsFor, PrefersTheNewestNameThatAnyLayerHas) {
  const Limits limits = limitsIn(
      "defaults: {max_gpu_equivalents: 1.0, max_mig_per_container: 4, max_gpus_per_container: 2}\n"
      "groups: {student: {max_mig_instances: 6}}\n");
  EXPECT_EQ(limits.max_gpu_equivalents, GpuEq::whole(1));
  EXPECT_FALSE(limits.max_gpu_slots);
  EXPECT_EQ(limits.max_gpu_slots_per_container, 2);
}

TEST(LimitsFor, TakesCpusForMaxCpus) {
  EXPECT_EQ(limitsIn("defaults: {cpus: 6}\n").max_cpus, CpuMillis{6'000});
}

TEST(LimitsFor, RefusesArchivedLogins) {
  const Config config = configOf({{"resource-limits.yaml", "groups: {student: {}}\n"},
                                  {"groups/archived.members", "eve@example.edu\nold\n"},
                                  {"groups/student.members", "eve@example.edu\n"}});
  const auto limits = limitsFor(config, "eve@example.edu");
  ASSERT_FALSE(limits);
  EXPECT_EQ(limits.error().http_status, 403);
  EXPECT_EQ(limits.error().reason, "archived");
  EXPECT_THAT(limits.error().text, HasSubstr("eve@example.edu is archived"));
  EXPECT_TRUE(limitsFor(config, "eve"));
  EXPECT_FALSE(limitsFor(config, "old@x", "old"));
}

TEST(GroupFor, PutsTheOverrideBeforeTheMembersBeforeTheDefault) {
  const Config config = configOf({{"resource-limits.yaml",
                                   "default_group: guest\n"
                                   "groups: {guest: {}, student: {}, staff: {members: [zoe]}}\n"},
                                  {"groups/student.members", "ada\nbob\nzoe\n"},
                                  {"groups/staff.members", "ada\n"},
                                  {"group-overrides.txt", "bob:staff\n"}});
  EXPECT_EQ(groupFor(config, "ada"), "student");
  EXPECT_EQ(groupFor(config, "bob"), "staff");
  EXPECT_EQ(groupFor(config, "zoe"), "student");
  EXPECT_EQ(groupFor(config, "eve"), "guest");
}

TEST(GroupFor, TriesTheShortNameAfterTheLogin) {
  const Config config = configOf({{"resource-limits.yaml", "groups: {student: {}, staff: {}}\n"},
                                  {"groups/staff.members", "ada\nbob\n"},
                                  {"groups/student.members", "ada@example.edu\n"}});
  EXPECT_EQ(groupFor(config, "ada@example.edu", "ada"), "student");
  EXPECT_EQ(groupFor(config, "bob@example.edu", "bob"), "staff");
  EXPECT_EQ(groupFor(config, "bob@example.edu"), "student");
}

TEST(PoliciesFor, MergesSiteGroupAndOverride) {
  const Config config = configOf({{"resource-limits.yaml",
                                   "policies: {gpu_idle_threshold: 7, sigterm_grace_s: 20, grace_period_m: 10}\n"
                                   "groups: {student: {policies: {cpu_idle_threshold: 3.5, sigterm_grace_s: 30}}}\n"},
                                  {"user-overrides.yaml", "eve: {policies: {sigterm_grace: 2m}}\n"}});
  const Policies ada = policiesFor(config, "ada");
  EXPECT_DOUBLE_EQ(ada.gpu_idle_threshold, 7);
  EXPECT_DOUBLE_EQ(ada.cpu_idle_threshold, 3.5);
  EXPECT_EQ(ada.sigterm_grace, std::chrono::seconds(30));
  EXPECT_EQ(ada.grace_period, minutes(10));
  EXPECT_EQ(ada.idle_detection_window, 3);
  EXPECT_EQ(policiesFor(config, "eve").sigterm_grace, minutes(2));
  EXPECT_DOUBLE_EQ(policiesFor(config, "eve").cpu_idle_threshold, 3.5);
}

TEST(IsAdminLogin, GoesByTheListAndNotByTheLimitsGroup) {
  const Config config = configOf({{"resource-limits.yaml",
                                   "groups: {student: {}, admin: {members: [eve]}}\n"
                                   "access_control: {admin_users: [root2], admin_group: wheel}\n"}});
  EXPECT_TRUE(isAdminLogin(config, "root2"));
  EXPECT_FALSE(isAdminLogin(config, "eve"));
  EXPECT_FALSE(isAdminLogin(config, "root2@example.edu"));
  EXPECT_EQ(adminGroup(config), "wheel");
  EXPECT_EQ(adminGroup(Config{}), "ds01-admin");
}

}  // namespace
}  // namespace ds01::config
