#include "daemon/descriptors.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

namespace ds01::daemon {
namespace {

TEST(Descriptors, theSoftLimitIsRaisedToTheHardOne) {
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  rlimit low = before;
  low.rlim_cur = 256;
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &low), 0);
  const std::uint64_t raised = raiseDescriptorLimit();
  rlimit after{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &after), 0);
  ::setrlimit(RLIMIT_NOFILE, &before);
  EXPECT_EQ(raised, before.rlim_max);
  EXPECT_EQ(after.rlim_cur, before.rlim_max);
}

TEST(Descriptors, aConnectionTakesThree) {
  EXPECT_EQ(connectionsFor(1024), 256U);
  EXPECT_EQ(connectionsFor(256 + 3 * 1000), 1000U);
  EXPECT_EQ(connectionsFor(524'288), 4096U);
  EXPECT_EQ(connectionsFor(RLIM_INFINITY), 4096U);
  EXPECT_EQ(connectionsFor(0), 64U) << "too few for anything; then accept(2) says so";
}

}  // namespace
}  // namespace ds01::daemon
