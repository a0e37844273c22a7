#include "base/time_text.h"

#include <gtest/gtest.h>

namespace ds01 {
namespace {

TEST(TimeText, RoundTripsMilliseconds) {
  const auto at = parseRfc3339("2026-11-23T20:55:10.123Z");
  ASSERT_TRUE(at);
  EXPECT_EQ(toRfc3339(*at), "2026-11-23T20:55:10.123Z");
}

TEST(TimeText, ReadsWhatTheEngineWrites) {
  const auto at = parseRfc3339("2026-02-28T23:59:59.987654321Z");
  ASSERT_TRUE(at);
  EXPECT_EQ(toRfc3339(*at), "2026-02-28T23:59:59.987Z");
}

TEST(TimeText, AppliesOffsets) {
  EXPECT_EQ(parseRfc3339("2026-01-01T01:30:00+01:30"), parseRfc3339("2026-01-01T00:00:00Z"));
  EXPECT_EQ(parseRfc3339("2025-12-31T19:00:00-05:00"), parseRfc3339("2026-01-01T00:00:00Z"));
}

TEST(TimeText, RefusesWhatIsNoTime) {
  for (const char* text :
       {"", "2026-11-23", "2026-11-23T20:55:10", "2026-13-01T00:00:00Z", "2026-02-30T00:00:00Z", "2026-11-23T24:00:00Z",
        "2026-11-23T20:55:10.Z", "2026-11-23T20:55:10Zx", "-026-11-23T20:55:10Z", "2026-11-23T20:55:10+1:00"}) {
    EXPECT_FALSE(parseRfc3339(text)) << text;
  }
}

}  // namespace
}  // namespace ds01
