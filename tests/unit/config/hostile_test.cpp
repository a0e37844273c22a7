// Files that are meant to be read differently by people and by us, or to cost us more than they are worth.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/yaml/document.h"
#include "site_dir.h"

namespace ds01::config {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

TEST(Hostile, NumbersThatOnlySomeReadersUnderstandAreRefusedEverywhere) {
  for (const std::string number : {"1e309", "-1e309", "1e-400", ".inf", "-.inf", ".nan", "NaN", "0x10", "0o17", "017",
                                   "1_000", "+0x1", "--1", "1e", "1.2.3", "٣", "１"}) {
    for (const std::string key :
         {"max_gpu_equivalents", "max_cpus", "pids_limit", "max_runtime_h", "memory", "max_containers_per_user"}) {
      EXPECT_THAT(reportFor("defaults: {" + key + ": " + number + "}\n"), HasSubstr("error: defaults." + key))
          << number;
    }
  }
}

TEST(Hostile, MinusZeroIsZero) {
  const Config config = configOf({{"resource-limits.yaml", "defaults: {max_gpu_equivalents: -0, pids_limit: 5}\n"}});
  EXPECT_EQ(limitsFor(config, "ada")->max_gpu_equivalents, GpuEq{});
  EXPECT_THAT(reportFor("defaults: {max_cpus: -0}\n"), HasSubstr("must be more than 0"));
  EXPECT_THAT(reportFor("defaults: {pids_limit: -0}\n"), HasSubstr("error"));
}

TEST(Hostile, ByteOrderMarksAndWindowsLineEndsChangeNothing) {
  const std::string plain =
      "defaults:\n  memory: 8g\n  pids_limit: 9\ngroups:\n  student:\n    max_runtime: 30m\ndefault_group: student\n";
  std::string windows = "\xEF\xBB\xBF";
  for (const char c : plain) windows += c == '\n' ? std::string("\r\n") : std::string(1, c);
  const Config config = configOf({{"resource-limits.yaml", windows}});
  const auto limits = limitsFor(config, "ada");
  EXPECT_EQ(limits->group, "student");
  EXPECT_EQ(limits->memory, Bytes{8LL << 30});
  EXPECT_EQ(limits->pids_limit, 9);
  EXPECT_EQ(limits->max_runtime, std::chrono::minutes(30));
}

TEST(Hostile, OldMacLineEndsDoNotHideKeys) {
  const yaml::Loaded loaded =
      loadFiles({{"resource-limits.yaml", "defaults: {pids_limit: 9}\rgroups: {student: {}}\r"}});
  if (loaded.config) {
    EXPECT_EQ(loaded.config->groups.size(), 1U);
  } else {
    EXPECT_THAT(report(loaded), HasSubstr("error"));
  }
}

TEST(Hostile, TabsAreAnErrorWithItsLine) {
  EXPECT_THAT(reportFor("defaults:\n\tmemory: 8g\n"), HasSubstr("resource-limits.yaml:2:"));
}

TEST(Hostile, BombsAreRefusedInEveryFile) {
  const std::string bomb = "a: &a [x, x]\nb: &b [*a, *a, *a]\nc: [*b, *b, *b]\n";
  const std::string deep(50'000, '[');
  for (const std::string& text : {bomb, deep}) {
    const yaml::Loaded loaded = loadFiles({{"resource-limits.yaml", text},
                                           {"user-overrides.yaml", text},
                                           {"lifecycle-exemptions.yaml", text},
                                           {"ds01d.yaml", text}});
    EXPECT_FALSE(loaded.config);
    EXPECT_THAT(report(loaded), AllOf(HasSubstr("resource-limits.yaml:"), HasSubstr("user-overrides.yaml:"),
                                      HasSubstr("lifecycle-exemptions.yaml:"), HasSubstr("ds01d.yaml:")));
  }
}

TEST(Hostile, HugeFilesAreRefusedUnread) {
  const std::string huge(yaml::kLargestFile + 1, '#');
  const yaml::Loaded loaded = loadFiles({{"resource-limits.yaml", "defaults: {}\n"},
                                         {"group-overrides.txt", huge},
                                         {"groups/student.members", huge},
                                         {"ds01d.yaml", huge}});
  EXPECT_FALSE(loaded.config);
  EXPECT_THAT(report(loaded),
              AllOf(HasSubstr("group-overrides.txt: error: is larger"), HasSubstr("student.members: error: is larger"),
                    HasSubstr("ds01d.yaml: error: is larger")));
}

TEST(Hostile, KeysThatDifferOnlyInHowTheyAreWrittenAreTheSame) {
  EXPECT_THAT(reportFor("defaults: {pids_limit: 5, \"pids_limit\": 6}\n"), HasSubstr("stands here twice"));
  EXPECT_THAT(reportFor("defaults: {pids_limit: 5, 'pids\\u005flimit': 6}\n"),
              HasSubstr("is not a key that can stand here"));
  EXPECT_THAT(reportFor("defaults: {pids_limit: 5, \"pids\\u005flimit\": 6}\n"), HasSubstr("stands here twice"));
  EXPECT_THAT(reportFor("defaults: {Pids_Limit: 5}\n"), HasSubstr("warning: defaults.Pids_Limit"));
  EXPECT_THAT(reportFor("user_overrides: {ada: {pids_limit: 1}, ada: {pids_limit: 2}}\n"),
              HasSubstr("stands here twice"));
}

TEST(Hostile, NamesThatWouldMeanAPathOrTwoThingsAreRefused) {
  for (const std::string name : {"a/b", "../x", "a:b", "a b", "a#b", "a\\tb", "a\\nb", "", "\\u0000"}) {
    EXPECT_THAT(reportFor("groups: {\"" + name + "\": {}}\n"), HasSubstr("error")) << name;
    EXPECT_THAT(reportFor("user_overrides: {\"" + name + "\": {pids_limit: 1}}\n"), HasSubstr("error")) << name;
    EXPECT_THAT(reportFor("access_control: {admin_users: [\"" + name + "\"]}\n"), HasSubstr("error")) << name;
  }
  const yaml::Loaded loaded = loadFiles({{"resource-limits.yaml", "groups: {student: {}}\n"},
                                         {"group-overrides.txt", "root:x:student\n"},
                                         {"groups/student.members", "root:x\n../x\n"}});
  EXPECT_FALSE(loaded.config);
  EXPECT_THAT(report(loaded), AllOf(HasSubstr("group-overrides.txt:1:6: error"),
                                    HasSubstr("student.members:1:1: error"), HasSubstr("student.members:2:1: error")));
}

// An administrator reads the report in a terminal.
TEST(Hostile, TheReportOfAThousandMistakesIsWholeAndInOrder) {
  std::string text = "user_overrides:\n";
  for (int i = 0; i < 1000; ++i) text += fmt::format("  u{}: {{memory: nonsense}}\n", i);
  const yaml::Loaded loaded = loadFiles({{"resource-limits.yaml", text}});
  ASSERT_EQ(loaded.diagnostics.size(), 1000U);
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(loaded.diagnostics[static_cast<std::size_t>(i)].line, i + 2);
}

}  // namespace
}  // namespace ds01::config
