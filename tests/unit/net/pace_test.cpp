#include "net/pace.h"

#include <gtest/gtest.h>

namespace ds01::net {
namespace {

using namespace std::chrono_literals;
using Clock = Pace::Clock;

const Pace::Limits kLimits{.per_second = 10, .at_once = 5};

class PaceTest : public ::testing::Test {
 protected:
  Pace pace{kLimits};
  Clock::time_point now = Clock::time_point(1h);

  std::chrono::milliseconds ask(std::uint64_t key, bool hold = true) {
    pace.count(key, now);
    return std::chrono::round<std::chrono::milliseconds>(pace.admit(key, hold, now));
  }
};

TEST_F(PaceTest, aloneNobodyWaits) {
  for (int i = 0; i < 10'000; ++i) EXPECT_EQ(ask(1, false), 0ms);
}

TEST_F(PaceTest, besideOthersAFloodWaitsInOrder) {
  for (int i = 0; i < 5; ++i) EXPECT_EQ(ask(1), 0ms);
  for (int i = 1; i <= 20; ++i) EXPECT_EQ(ask(1), i * 100ms);
  EXPECT_EQ(ask(2), 0ms) << "who asks little does not";
  now += 500ms;
  EXPECT_EQ(ask(1), 1600ms);
}

// What the flood did while it was alone is not held against it, but it has used up what it may do at once.
TEST_F(PaceTest, whenSomebodyComesTheFloodIsHeldUpAndNoLonger) {
  for (int i = 0; i < 10'000; ++i) ask(1, false);
  EXPECT_EQ(ask(1), 100ms);
  EXPECT_EQ(ask(1), 200ms);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(ask(1, false), 0ms) << "the other has his answer";
}

TEST_F(PaceTest, theRateIsKeptWithoutWaiting) {
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(ask(1), 0ms);
    now += 100ms;
  }
}

TEST_F(PaceTest, whoAsksMoreIsKnown) {
  for (int i = 0; i < 3; ++i) ask(1);
  ask(2);
  EXPECT_TRUE(pace.asksMore(1, 2, now));
  EXPECT_FALSE(pace.asksMore(2, 1, now));
  EXPECT_TRUE(pace.asksMore(2, 3, now)) << "who has never asked";
  now += 3s;
  ask(2);
  EXPECT_TRUE(pace.asksMore(2, 1, now)) << "what was long ago counts little";
}

TEST_F(PaceTest, whoHasGoneIsForgotten) {
  for (std::uint64_t key = 0; key < 1000; ++key) {
    ask(key);
    now += 1s;
  }
  EXPECT_LT(pace.keys(), 200U);
}

}  // namespace
}  // namespace ds01::net
