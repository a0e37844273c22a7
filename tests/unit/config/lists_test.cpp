// groups/*.members and group-overrides.txt.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "site_dir.h"

namespace ds01::config {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

const std::string kLimits = "groups: {student: {}, staff: {}}\n";

TEST(Members, TakesCommentsBlanksAndWindowsLineEnds) {
  const Config config = configOf({{"resource-limits.yaml", kLimits},
                                  {"groups/staff.members",
                                   "\xEF\xBB\xBF"
                                   "# staff\r\n\r\n  ada@example.edu\t# since May\r\n\tbob#x\r\nzoe"}});
  EXPECT_EQ(config.members.size(), 3U);
  EXPECT_EQ(groupFor(config, "ada@example.edu"), "staff");
  EXPECT_EQ(groupFor(config, "bob"), "staff");
  EXPECT_EQ(groupFor(config, "zoe"), "staff");
}

TEST(Members, RefusesTwoLoginsInALine) {
  EXPECT_EQ(report(loadFiles({{"resource-limits.yaml", kLimits}, {"groups/staff.members", "ada\n  bob eve\n"}})),
            "groups/staff.members:2:3: error: expected one login per line, without blanks, \"/\", \":\" or \"#\"\n");
}

TEST(Members, RefusesAFileForAGroupThatIsNotThere) {
  EXPECT_EQ(report(loadFiles({{"resource-limits.yaml", kLimits}, {"groups/staf.members", "ada\n"}})),
            "groups/staf.members: error: staf: there is no group of this name in the file of limits\n");
}

TEST(Members, WarnsOfLoginsInSeveralGroups) {
  const yaml::Loaded loaded = loadFiles({{"resource-limits.yaml", kLimits},
                                         {"groups/staff.members", "ada\nbob\nbob\n"},
                                         {"groups/student.members", "ada\n"}});
  EXPECT_THAT(report(loaded), AllOf(HasSubstr("warning: ada: is listed in staff and in student; the first in the file "
                                              "of limits, student, holds"),
                                    HasSubstr("staff.members:3:1: warning: bob: is listed twice")));
  ASSERT_TRUE(loaded.config);
  EXPECT_EQ(groupFor(*loaded.config, "ada"), "student");
}

TEST(Members, TakesTheInlineListsOfOlderFilesToo) {
  const yaml::Loaded loaded =
      loadFiles({{"resource-limits.yaml", "groups:\n  student: {members: []}\n  staff: {members: [ada, bob]}\n"},
                 {"groups/student.members", "bob\n"}});
  ASSERT_TRUE(loaded.config);
  EXPECT_EQ(groupFor(*loaded.config, "ada"), "staff");
  EXPECT_EQ(groupFor(*loaded.config, "bob"), "student");
  EXPECT_THAT(report(loaded), HasSubstr("student.members:1:1: warning: bob: is listed in staff and in student"));
  EXPECT_THAT(reportFor("groups: {student: {members: [ada]}, staff: {members: [ada]}}\n"),
              HasSubstr("warning: ada: is listed in student and in staff; the first in the file of limits, student"));
}

TEST(Members, NotesFilesThatAreNotRead) {
  const yaml::Loaded loaded =
      loadFiles({{"resource-limits.yaml", kLimits}, {"groups/staff.members~", "ada\n"}, {"groups/README", "x"}});
  EXPECT_TRUE(loaded.config);
  EXPECT_THAT(report(loaded, Severity::Note), HasSubstr("groups/staff.members~: note: is not read"));
}

TEST(GroupOverrides, ReadsLoginAndGroup) {
  const Config config = configOf({{"resource-limits.yaml", kLimits},
                                  {"group-overrides.txt", "# visiting\n\n ada@example.edu : staff  # until June\n"}});
  EXPECT_EQ(groupFor(config, "ada@example.edu"), "staff");
}

TEST(GroupOverrides, NamesThePlaceOfAGroupThatIsNotThere) {
  EXPECT_EQ(report(loadFiles({{"resource-limits.yaml", kLimits}, {"group-overrides.txt", "ada: stuff\n"}})),
            "group-overrides.txt:1:6: error: ada: there is no group stuff in the file of limits\n");
}

TEST(GroupOverrides, RefusesWhatIsNoPair) {
  const std::string text =
      report(loadFiles({{"resource-limits.yaml", kLimits},
                        {"group-overrides.txt", "ada staff\nbob:\n:staff\nzoe:staff\nzoe:student\n"}}));
  EXPECT_THAT(text, HasSubstr("group-overrides.txt:1:1: error: expected LOGIN:GROUP, found \"ada staff\""));
  EXPECT_THAT(text, HasSubstr("group-overrides.txt:2:5: error: bob: expected a group, found nothing"));
  EXPECT_THAT(text, HasSubstr("group-overrides.txt:3:1: error: expected a login, found nothing"));
  EXPECT_THAT(text, HasSubstr("group-overrides.txt:5:1: error: zoe: has a group in this file already"));
}

}  // namespace
}  // namespace ds01::config
