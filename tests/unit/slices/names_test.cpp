#include "slices/names.h"

#include <array>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "slices/md5.h"

namespace ds01::slices {
namespace {

TEST(Sanitise, FollowsTheTableOfTheEarlierSystem) {
  const std::array<std::pair<std::string, std::string>, 13> cases{{
      {"204214@x", "204214"},
      {"a-b", "a_b"},
      {"a.b", "a_b"},
      {"a_b", "a_b"},
      {"u@d1", "u"},
      {"u@d2", "u"},
      {"a:b", "a:b"},
      {"Ü.ser", "ser"},
      {std::string(40, 'x'), std::string(27, 'x') + "_2e5a"},
      {"a.very.long.username.with.many.dots@domain.edu", "a_very_long_username_with_m_9f4c"},
      {"..a..b..", "a_b"},
      {"Ada", "Ada"},
      {std::string(32, 'y'), std::string(32, 'y')},
  }};
  for (const auto& [login, expected] : cases) {
    const Result<std::string> name = sanitise(login);
    ASSERT_TRUE(name) << login;
    EXPECT_EQ(*name, expected) << login;
  }
}

TEST(Sanitise, LeavesNoUnderscoreBeforeTheHash) {
  const Result<std::string> name = sanitise(std::string(26, 'a') + ".bbbbbbbbbb");
  ASSERT_TRUE(name);
  EXPECT_EQ(name->size(), 26U + 5U);
  EXPECT_EQ(name->find("__"), std::string::npos);
}

TEST(Sanitise, HashesTheWholeLoginWithItsDomain) {
  const std::string local(40, 'x');
  EXPECT_NE(*sanitise(local + "@a"), *sanitise(local + "@b"));
}

TEST(Sanitise, RefusesANameOfWhichNothingIsLeft) {
  for (const std::string_view login : {"", "@x", "...", "-", "Ü@x", "_"}) {
    const Result<std::string> name = sanitise(login);
    ASSERT_FALSE(name) << login;
    EXPECT_EQ(name.error().code(), ErrorCode::InvalidArgument);
  }
}

TEST(Sanitise, LetsNothingThroughThatCouldEndAUnitName) {
  EXPECT_EQ(*sanitise("a\nb/../c%d\\"), "a_b_c_d");
}

TEST(Md5, AgreesWithTheVectorsOfRfc1321) {
  EXPECT_EQ(md5Hex(""), "d41d8cd98f00b204e9800998ecf8427e");
  EXPECT_EQ(md5Hex("a"), "0cc175b9c0f1b6a831c399e269772661");
  EXPECT_EQ(md5Hex("message digest"), "f96b697d7cb7938d525a2f31aaf161d0");
  EXPECT_EQ(md5Hex("12345678901234567890123456789012345678901234567890123456789012345678901234567890"),
            "57edf4a22be3c955ac49da2e2107b67a");
}

TEST(SanitiseWithHash, KeepsRoomForTheHash) {
  EXPECT_EQ(*sanitiseWithHash("u@d2", 4), "u_" + md5Hex("u@d2").substr(0, 4));
  EXPECT_EQ(*sanitiseWithHash("u@d2", 32), "u_" + md5Hex("u@d2"));
  const std::string forty(40, 'x');
  EXPECT_EQ(*sanitiseWithHash(forty, 4), *sanitise(forty));
  EXPECT_EQ(*sanitiseWithHash(std::string(26, 'x') + "..y", 4),
            std::string(26, 'x') + "_" + md5Hex(std::string(26, 'x') + "..y").substr(0, 4));
  EXPECT_FALSE(sanitiseWithHash("@x", 4));
}

TEST(CgroupParent, HasTheFormOfTheDriver) {
  EXPECT_EQ(*cgroupParent(CgroupDriver::Systemd, "student", "ada"), "ds01-student-ada.slice");
  EXPECT_EQ(*cgroupParent(CgroupDriver::Systemd, "phd-students", "a_b"), "ds01-phd_students-a_b.slice");
  EXPECT_EQ(*cgroupParent(CgroupDriver::Cgroupfs, "student", "ada"),
            "/ds01.slice/ds01-student.slice/ds01-student-ada.slice");
  for (const char* part : {"", "a-b", "a.b", "a/b", "..", "a b"}) {
    EXPECT_FALSE(cgroupParent(CgroupDriver::Cgroupfs, "student", part)) << part;
  }
  EXPECT_FALSE(cgroupParent(CgroupDriver::Systemd, "", "ada"));
}

TEST(UserPartOf, KnowsWhatCgroupParentMakesInAnyGroup) {
  for (const char* part : {"ada", "m_curie", "u_0cc1", "build"}) {
    for (const CgroupDriver driver : {CgroupDriver::Systemd, CgroupDriver::Cgroupfs}) {
      for (const char* group : {"student", "phd-students"}) {
        EXPECT_EQ(userPartOf(*cgroupParent(driver, group, part)), part);
      }
    }
  }
}

TEST(UserPartOf, IsUnsetForEverythingElse) {
  for (const std::string_view parent : {"",
                                        "ada",
                                        "ds01.slice",
                                        "ds01-student.slice",
                                        "ds01--ada.slice",
                                        "ds01-ada.slice",
                                        "ds01-a-b-ada.slice",
                                        "ds01-student-.slice",
                                        "ds01-student-ada.scope",
                                        "ds01-student-ada",
                                        "ds01-",
                                        "ds01-.slice",
                                        ".slice",
                                        "system.slice/ds01-student-ada.slice",
                                        "/ds01-student-ada.slice",
                                        "/ds01.slice/../ds01-student-ada.slice",
                                        "/ds01.slice/ds01-faculty.slice/ds01-student-ada.slice",
                                        "/ds01.slice/ds01-student.slice/ds01-student-ada.slice/",
                                        "/ds01.slice/ds01-student.slice/ds01-student-ada.slice/x",
                                        "ds01-stu dent-ada.slice"}) {
    EXPECT_EQ(userPartOf(parent), std::nullopt) << parent;
  }
}

TEST(BuildCgroupParent, IsBelowTheUsersSliceAndNobodysOwn) {
  for (const CgroupDriver driver : {CgroupDriver::Systemd, CgroupDriver::Cgroupfs}) {
    for (const char* part : {"alice", "build", "a_build"}) {
      const std::string parent = *cgroupParent(driver, "student", part);
      EXPECT_EQ(userPartOf(buildCgroupParent(parent)), std::nullopt) << parent;
    }
  }
  EXPECT_EQ(buildCgroupParent("ds01-student-alice.slice"), "ds01-student-alice-build.slice");
  EXPECT_EQ(buildCgroupParent("/ds01.slice/ds01-student.slice/ds01-student-alice.slice"),
            "/ds01.slice/ds01-student.slice/ds01-student-alice.slice/build");
}

}  // namespace
}  // namespace ds01::slices
