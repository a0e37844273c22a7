#include "config/yaml/load.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "site_dir.h"

namespace ds01::config {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

TEST(Load, NeedsTheFileOfLimits) {
  const yaml::Loaded loaded = loadFiles({});
  EXPECT_FALSE(loaded.config);
  EXPECT_THAT(report(loaded), HasSubstr("resource-limits.yaml: error: is missing"));
  EXPECT_THAT(reportFor("# nothing\n"), HasSubstr("resource-limits.yaml: error: is empty"));
  EXPECT_THAT(reportFor("- a\n"),
              HasSubstr("resource-limits.yaml:1:1: error: expected a mapping of keys to values, found a list"));
}

TEST(Load, TakesAllOtherFilesForOptional) {
  EXPECT_EQ(reportFor("defaults: {}\n"), "");
  EXPECT_EQ(report(loadFiles({{"resource-limits.yaml", "defaults: {}\n"},
                              {"user-overrides.yaml", "# none\n"},
                              {"lifecycle-exemptions.yaml", ""},
                              {"ds01d.yaml", "# none\n"},
                              {"group-overrides.txt", ""}})),
            "");
}

TEST(Load, RefusesFilesThatItCannotRead) {
  const test::TempDir dir;
  dir.write("resource-limits.yaml", "defaults: {}\n");
  dir.makeDir("user-overrides.yaml");
  ASSERT_EQ(::symlink("nowhere", dir.file("group-overrides.txt").c_str()), 0);
  dir.makeDir("groups/student.members");
  const yaml::Loaded loaded = yaml::load(dir.path());
  EXPECT_FALSE(loaded.config);
  EXPECT_THAT(report(loaded), AllOf(HasSubstr("user-overrides.yaml: error: is not a regular file"),
                                    HasSubstr("group-overrides.txt: error: cannot be read: "),
                                    HasSubstr("student.members: error: is not a regular file")));
}

TEST(Load, RefusesAGroupsFolderThatIsNone) {
  EXPECT_THAT(report(loadFiles({{"resource-limits.yaml", "defaults: {}\n"}, {"groups", "x"}})),
              HasSubstr("groups: error: cannot be read: "));
}

TEST(Load, SaysEverythingThatIsWrongAtOnce) {
  const std::string text = report(loadFiles({{"resource-limits.yaml",
                                              "defaults:\n"
                                              "  memory: lots\n"
                                              "  pids_limit: -4\n"
                                              "default_group: guest\n"
                                              "groups:\n"
                                              "  student:\n"
                                              "    memmory: 3g\n"},
                                             {"user-overrides.yaml", "ada: [\n"},
                                             {"group-overrides.txt", "ada:nowhere\n"},
                                             {"ds01d.yaml", "gpu: {emitter: cuda}\n"},
                                             {"lifecycle-exemptions.yaml", "exemptions: 3\n"}}));
  EXPECT_THAT(text, HasSubstr("resource-limits.yaml:2:11: error: defaults.memory: expected a size such as 32g or 86G, "
                              "in units of 1024, found lots\n"));
  EXPECT_THAT(text,
              HasSubstr("resource-limits.yaml:3:15: error: defaults.pids_limit: must not be negative, found -4\n"));
  EXPECT_THAT(text,
              HasSubstr("resource-limits.yaml:4:16: error: default_group: there is no group guest under groups\n"));
  EXPECT_THAT(text, HasSubstr("resource-limits.yaml:7:5: warning: groups.student.memmory: is not a key that can stand "
                              "here; did you mean memory?\n"));
  EXPECT_THAT(text, HasSubstr("user-overrides.yaml:"));
  EXPECT_THAT(text, HasSubstr("group-overrides.txt:1:5: error: ada: there is no group nowhere"));
  EXPECT_THAT(text, HasSubstr("ds01d.yaml:1:16: error: gpu.emitter: expected sim or nvidia or cdi, found cuda\n"));
  EXPECT_THAT(text,
              HasSubstr("lifecycle-exemptions.yaml:1:13: error: exemptions: expected a list of mappings, found 3"));
}

TEST(Load, GoesOnBesideAFileOfLimitsWithBrokenSyntax) {
  const yaml::Loaded loaded = loadFiles({{"resource-limits.yaml", "a: [\n"},
                                         {"ds01d.yaml", "sockets: {mode: x}\n"},
                                         {"groups/s.members", "ada\n"},
                                         {"user-overrides.yaml", "ada: {memory: x}\n"}});
  EXPECT_FALSE(loaded.config);
  EXPECT_THAT(report(loaded), AllOf(HasSubstr("resource-limits.yaml:"), HasSubstr("ds01d.yaml:1:17: error"),
                                    HasSubstr("user-overrides.yaml:1:15: error"), Not(HasSubstr("s.members")),
                                    Not(HasSubstr("is missing"))));
}

TEST(Load, RefusesAKeyThatStandsTwice) {
  EXPECT_THAT(reportFor("defaults:\n  memory: 32g\n  pids_limit: 3\n  memory: 64g\n"),
              HasSubstr(":4:3: error: defaults.memory: stands here twice, first in line 2; keep one"));
  EXPECT_THAT(reportFor("groups: {student: {}}\ngroups: {staff: {}}\n"),
              HasSubstr(":2:1: error: groups: stands here twice"));
  EXPECT_THAT(reportFor("groups:\n  student: {}\n  student: {}\n"), HasSubstr("groups.student: stands here twice"));
  EXPECT_THAT(reportFor("x: 1\nx: 2\n"), HasSubstr(":2:1: error: x: stands here twice"));
}

TEST(Load, RefusesOneTimeInTwoUnits) {
  EXPECT_THAT(reportFor("defaults:\n  max_runtime_h: 24\n  max_runtime: 30m\n"),
              HasSubstr(":3:3: error: defaults.max_runtime: stands here twice, first in line 2"));
  EXPECT_THAT(reportFor("defaults: {cpus: 2, max_cpus: 4}\n"), HasSubstr("error: defaults.cpus: says the same"));
}

TEST(Load, WarnsOfUnknownKeys) {
  EXPECT_THAT(reportFor("defaults: {}\nqueue: {}\n"),
              HasSubstr(":2:1: warning: queue: is not a key that can stand here; it has no effect"));
  EXPECT_THAT(reportFor("defaults: {members: [ada]}\n"), HasSubstr("warning: defaults.members"));
  EXPECT_THAT(reportFor("groups: {student: {aggregate: {memory: 3G}}}\n"),
              HasSubstr("warning: groups.student.aggregate.memory"));
}

TEST(Load, RefusesKeysThatAreNoNames) {
  EXPECT_THAT(reportFor("? [a, b]\n: 1\n"), HasSubstr("error: expected a name in front of the colon, found a list"));
  EXPECT_THAT(reportFor("defaults: {~: 1}\n"), HasSubstr("expected a name in front of the colon"));
}

TEST(Load, RefusesMappingsAndListsInTheWrongPlace) {
  EXPECT_THAT(reportFor("defaults: 3\n"), HasSubstr("defaults: expected a mapping of keys to values, found 3"));
  EXPECT_THAT(reportFor("groups: [student]\n"),
              HasSubstr("groups: expected a mapping of keys to values, found a list"));
  EXPECT_THAT(reportFor("defaults: {memory: {max: 3g}}\n"),
              HasSubstr("expected a size such as 32g or 86G, in units of 1024, found a mapping"));
  EXPECT_THAT(reportFor("access_control: {admin_users: eve}\n"),
              HasSubstr("access_control.admin_users: expected a list of texts, found eve"));
  EXPECT_THAT(reportFor("access_control: {admin_users: [eve, {a: 1}]}\n"),
              HasSubstr("expected a text in this list, found a mapping"));
  EXPECT_THAT(reportFor("default_group: [a]\n"), HasSubstr("default_group: expected a text, found a list"));
}

TEST(Load, TakesAnEmptySectionForAbsent) {
  EXPECT_EQ(reportFor("defaults:\ngroups:\n  student:\ngpu_allocation: null\npolicies:\naccess_control:\n"), "");
}

TEST(Load, RefusesGroupNamesThatCannotBecomeASlice) {
  EXPECT_THAT(reportFor("groups: {archived: {}}\n"), HasSubstr("groups.archived: cannot be a group"));
  EXPECT_THAT(reportFor("groups: {a-b: {}, a_b: {}}\n"), HasSubstr("would have the same slice as the group a-b"));
  EXPECT_THAT(reportFor("groups: {'--': {}}\n"), HasSubstr("expected a group name of letters and digits"));
  EXPECT_THAT(reportFor("groups: {'a b': {}}\n"), HasSubstr("expected one group name"));
  EXPECT_THAT(reportFor("groups: {'../x': {}}\n"), HasSubstr("expected one group name"));
}

TEST(Load, RefusesLessSwapThanMemoryInOneLayer) {
  EXPECT_THAT(
      reportFor("defaults: {memory: 32g, memory_swap: 16g}\n"),
      HasSubstr(
          "error: defaults.memory_swap: is memory plus swap and must not be less than the memory beside it, 32 GiB"));
}

TEST(Load, WarnsOfSettingsWithoutEffect) {
  EXPECT_THAT(
      reportFor("defaults: {max_gpu_equivalents: 1}\ngroups: {student: {max_mig_instances: 3}}\n"),
      HasSubstr("warning: groups.student.max_mig_instances: has no effect, because defaults.max_gpu_equivalents "
                "is set too and goes before it"));
  EXPECT_THAT(reportFor("defaults: {max_gpu_slots_per_container: 1, max_mig_per_container: 3}\n"),
              HasSubstr("warning: defaults.max_mig_per_container: has no effect"));
  EXPECT_THAT(reportFor("defaults: {aggregate: {memory_max: 10G, memory_high: 20G}}\n"),
              HasSubstr("warning: defaults.aggregate.memory_high: is more than memory_max"));
}

TEST(Load, NotesOlderNamesOnce) {
  const std::string notes =
      reportFor("defaults: {max_mig_instances: 1}\ngroups: {student: {max_mig_instances: 3}}\n", Severity::Note);
  EXPECT_EQ(notes,
            "resource-limits.yaml:1:12: note: defaults.max_mig_instances: is an older name of max_gpu_equivalents\n");
}

TEST(Load, LetsTheOverridesFileWinOverTheInlineOnes) {
  const yaml::Loaded loaded =
      loadFiles({{"resource-limits.yaml",
                  "groups: {student: {}}\nuser_overrides: {ada: {pids_limit: 1, max_cpus: 1}, bob: {pids_limit: 2}}\n"},
                 {"user-overrides.yaml", "ada: {pids_limit: 3}\n"}});
  ASSERT_TRUE(loaded.config);
  EXPECT_EQ(limitsFor(*loaded.config, "ada")->pids_limit, 3);
  EXPECT_EQ(limitsFor(*loaded.config, "ada")->max_cpus, CpuMillis{16'000});
  EXPECT_EQ(limitsFor(*loaded.config, "bob")->pids_limit, 2);
  EXPECT_THAT(report(loaded), HasSubstr("warning: user_overrides.ada: has no effect"));
}

TEST(Load, ReadsModesOfEnforcement) {
  const auto rollout = [](const std::string& text) {
    return configOf({{"resource-limits.yaml", "access_control: {" + text + "}\n"}}).access.rollout;
  };
  EXPECT_TRUE(Config{}.access.rollout.full());
  EXPECT_TRUE(rollout("wrapper: {enforcement_mode: full}").full());
  for (const RuleClass rules : kRuleClasses) {
    EXPECT_EQ(rollout("wrapper: {enforcement_mode: monitoring}").of(rules), Enforcement::Monitoring);
    EXPECT_EQ(rollout("wrapper: {enforcement_mode: disabled}").of(rules), Enforcement::Disabled);
  }
}

TEST(Load, AClassOfRulesGoesBeforeAllOfThem) {
  const Rollout rollout =
      configOf(
          {{"resource-limits.yaml",
            "access_control: {wrapper: {enforcement_mode: monitoring}, rules: {ownership: full, api: disabled}}\n"}})
          .access.rollout;
  EXPECT_EQ(rollout.of(RuleClass::Host), Enforcement::Monitoring);
  EXPECT_EQ(rollout.of(RuleClass::Ownership), Enforcement::Full);
  EXPECT_EQ(rollout.of(RuleClass::Api), Enforcement::Disabled);
  const auto loaded = loadFiles({{"resource-limits.yaml", "access_control: {rules: {hosts: monitoring}}\n"}});
  EXPECT_THAT(report(loaded), HasSubstr("access_control.rules.hosts"));
}

TEST(Load, ChecksExemptions) {
  const std::string text = report(loadFiles({{"resource-limits.yaml", "defaults: {}\n"},
                                             {"lifecycle-exemptions.yaml",
                                              "exemptions:\n"
                                              "  - {username: ada, exempt_from: [idle_timeout], expires_on: null}\n"
                                              "  - {exempt_from: [gpu_quota], expires_on: never}\n"
                                              "  - {username: bob}\n"}}));
  EXPECT_THAT(text, Not(HasSubstr(":2:")));
  EXPECT_THAT(text, HasSubstr(":3:5: error: username: is missing"));
  EXPECT_THAT(text, HasSubstr("expected idle_timeout_h or max_runtime_h, found gpu_quota"));
  EXPECT_THAT(text,
              HasSubstr("exemptions[1].expires_on: expected a time in UTC such as 2027-01-31T00:00:00Z, found never"));
  EXPECT_THAT(text, HasSubstr(":4:5: error: exempt_from: is missing"));
  EXPECT_THAT(text, HasSubstr(":4:5: warning: expires_on: is missing, so this never ends"));
}

TEST(Load, RefusesFractionsOverOne) {
  EXPECT_THAT(reportFor("policies: {high_demand_threshold: 80}\n"), HasSubstr("is a fraction; expected 0 to 1"));
}

TEST(ToString, LeavesOutWhatIsNotKnown) {
  EXPECT_EQ(toString({Severity::Error, "f", 3, 4, "k", "m"}), "f:3:4: error: k: m");
  EXPECT_EQ(toString({Severity::Note, "f", 0, 0, "", "m"}), "f: note: m");
}

}  // namespace
}  // namespace ds01::config
