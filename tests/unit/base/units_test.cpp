#include "base/units.h"

#include <gtest/gtest.h>

namespace ds01 {
namespace {

TEST(Units, GpuEqReadsLikeANumber) {
  EXPECT_EQ(toString(GpuEq::whole(2)), "2");
  EXPECT_EQ(toString(GpuEq{285'714}), "0.285714");
  EXPECT_EQ(toString(GpuEq{1'500'000}), "1.5");
  EXPECT_EQ(toString(GpuEq{0}), "0");
  EXPECT_EQ(toString(GpuEq{-250'000}), "-0.25");
}

TEST(Units, BytesUseTheLargestExactUnit) {
  EXPECT_EQ(toString(Bytes{32LL << 30}), "32 GiB");
  EXPECT_EQ(toString(Bytes{1536LL << 20}), "1536 MiB");
  EXPECT_EQ(toString(Bytes{(1LL << 30) + 1}), "1.0 GiB");
  EXPECT_EQ(toString(Bytes{17}), "17 B");
}

TEST(Units, CpusAreSingularOnlyForOne) {
  EXPECT_EQ(toString(CpuMillis{1000}), "1 CPU");
  EXPECT_EQ(toString(CpuMillis{1500}), "1.5 CPUs");
}

}  // namespace
}  // namespace ds01
