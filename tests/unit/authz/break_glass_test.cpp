#include "authz/break_glass.h"

#include <gtest/gtest.h>

#include "base/time_text.h"

namespace ds01::authz {
namespace {

const TimePoint kNow = parseRfc3339("2026-11-29T12:00:00Z").value();

TEST(BreakGlass, isOpenUntilThePointInTimeThatItNames) {
  const BreakGlass glass = readBreakGlass("2026-11-29T13:00:00Z\n", kNow, kNow);
  ASSERT_TRUE(glass.until.has_value());
  EXPECT_EQ(toRfc3339(*glass.until), "2026-11-29T13:00:00.000Z");
  EXPECT_EQ(glass.problem, "");
  EXPECT_TRUE(readBreakGlass("  2026-11-29T14:00:00+01:30 ", kNow, kNow).until.has_value());
  EXPECT_TRUE(readBreakGlass("2026-11-30T12:00:00Z", kNow, kNow).until.has_value());
}

TEST(BreakGlass, isClosedByAnythingElse) {
  for (const std::string_view text :
       {"", "\n\n", "yes", "2026-11-29", "2026-11-29T13:00:00", "2026-11-29T12:00:00Z", "2026-11-29T11:59:59Z",
        "2026-11-30T12:00:01Z", "9999-12-31T23:59:59Z", "2026-11-29T13:00:00Z 2026-11-29T13:00:00Z"}) {
    const BreakGlass glass = readBreakGlass(text, kNow, kNow);
    EXPECT_FALSE(glass.until.has_value()) << text;
    EXPECT_NE(glass.problem, "") << text;
  }
}

TEST(BreakGlass, OneOfSomeOtherDayNeverOpens) {
  const TimePoint written = kNow - std::chrono::hours(24 * 30);
  EXPECT_FALSE(readBreakGlass("2026-11-29T13:00:00Z", written, kNow).until) << "it said 30 days ahead";
  EXPECT_TRUE(readBreakGlass("2026-11-29T13:00:00Z", kNow - std::chrono::hours(22), kNow).until);
}

}  // namespace
}  // namespace ds01::authz
