#include "inventory/supervision.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ds01::inventory {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const TimePoint kStart{seconds{1'800'000'000}};

TimePoint at(int s) {
  return kStart + seconds{s};
}

TEST(Supervision, IsStaleUntilTheDriverHasAnswered) {
  Supervision it({}, kStart);
  EXPECT_EQ(it.staleReason(at(0)), "the NVIDIA driver has not answered yet");
  it.started(at(0));
  EXPECT_EQ(it.staleReason(at(1)), "the NVIDIA driver has not answered yet");
  it.confirmed(at(2));
  EXPECT_THAT(it.staleReason(at(2)), IsEmpty());
}

TEST(Supervision, SilenceIsAHang) {
  Supervision it({}, kStart);
  it.started(at(0));
  it.confirmed(at(10));
  EXPECT_EQ(it.deadline(), at(40));
  EXPECT_FALSE(it.mustKill(at(39)));
  EXPECT_THAT(it.staleReason(at(39)), IsEmpty());
  EXPECT_TRUE(it.mustKill(at(40)));
  EXPECT_EQ(it.staleReason(at(40)), "the NVIDIA driver does not answer");
  // Said once; what is stuck in the kernel does not end, and is not joined by another.
  EXPECT_FALSE(it.mustKill(at(41)));
  EXPECT_FALSE(it.deadline());
  EXPECT_EQ(it.ended(at(4000)), milliseconds{500});
  it.started(at(4001));
  EXPECT_EQ(it.staleReason(at(4001)), "the NVIDIA driver does not answer");
  it.confirmed(at(4002));
  EXPECT_THAT(it.staleReason(at(4002)), IsEmpty());
}

TEST(Supervision, ADriverThatHangsAtTheStartIsNotWaitedForForEver) {
  Supervision it({}, kStart);
  it.started(at(0));
  EXPECT_TRUE(it.mustKill(at(30)));
  EXPECT_EQ(it.staleReason(at(30)), "the NVIDIA driver does not answer");
}

TEST(Supervision, WhatWasSaidIsTrueWhileAnotherProcessIsStarted) {
  Supervision it({}, kStart);
  it.started(at(0));
  it.confirmed(at(5));
  it.ended(at(6));
  EXPECT_THAT(it.staleReason(at(34)), IsEmpty());
  EXPECT_EQ(it.deadline(), at(35));
  EXPECT_EQ(it.staleReason(at(35)), "the NVIDIA driver does not answer");
}

TEST(Supervision, AFailureIsBelievedAtOnce) {
  Supervision it({}, kStart);
  it.started(at(0));
  it.confirmed(at(5));
  it.failed(at(15), "the NVIDIA driver cannot be read: Driver Not Loaded");
  EXPECT_EQ(it.staleReason(at(15)), "the NVIDIA driver cannot be read: Driver Not Loaded");
  it.ended(at(15));
  it.started(at(16));
  EXPECT_EQ(it.staleReason(at(16)), "the NVIDIA driver cannot be read: Driver Not Loaded");
}

TEST(Supervision, ProcessesThatEndWithoutAWordAreSaidToDoSo) {
  Supervision it({}, kStart);
  it.started(at(0));
  it.ended(at(0));
  EXPECT_THAT(it.staleReason(at(0)), HasSubstr("ends without an answer"));
}

TEST(Supervision, PausesGrowAndAreShortAgainAfterWork) {
  Supervision it({}, kStart);
  for (const int expected : {500, 1000, 2000, 4000, 8000, 16000, 30000, 30000}) {
    it.started(at(0));
    EXPECT_EQ(it.ended(at(1)), milliseconds{expected});
  }
  it.started(at(100));
  it.confirmed(at(159));
  EXPECT_EQ(it.ended(at(160)), milliseconds{500});
}

TEST(Supervision, ProcessesThatReadAndEndKeepTheInventoryTrue) {
  Supervision it({}, kStart);
  int s = 0;
  for (const int expected : {500, 1000, 2000, 4000, 7500, 7500}) {
    it.started(at(++s));
    it.confirmed(at(++s));
    EXPECT_EQ(it.ended(at(++s)), milliseconds{expected});
  }
}

TEST(Supervision, AClockThatIsSetBackDelaysNothingForLong) {
  Supervision it({}, kStart);
  it.started(at(10'000));
  it.confirmed(at(10'000));
  EXPECT_FALSE(it.mustKill(at(0)));
  EXPECT_THAT(it.staleReason(at(0)), IsEmpty());
  EXPECT_EQ(it.deadline(), at(30));
  EXPECT_TRUE(it.mustKill(at(30)));
}

}  // namespace
}  // namespace ds01::inventory
