#include "gateway/memory_budget.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ds01::gateway {
namespace {

using testing::HasSubstr;

constexpr std::size_t kMiB = 1UL << 20U;
constexpr std::uint32_t kAlice = 1001;
constexpr std::uint32_t kBob = 1002;
constexpr MemoryLimits kLimits{.bytes_per_uid = 100 * kMiB, .bytes_of_users = 150 * kMiB};

TEST(MemoryBudget, oneUserHoldsSoMuchAndGivesItBack) {
  MemoryBudget budget(kLimits);
  {
    MemoryBudget::Charge first(budget, kAlice);
    EXPECT_FALSE(first.growTo(60 * kMiB));
    MemoryBudget::Charge second(budget, kAlice);
    const auto denial = second.growTo(40 * kMiB + 1);
    ASSERT_TRUE(denial);
    EXPECT_EQ(denial->http_status, 503);
    EXPECT_EQ(denial->reason, "memory_budget");
    EXPECT_THAT(denial->text, HasSubstr("needs 41 MiB"));
    EXPECT_THAT(denial->text, HasSubstr("hold 60 of the 100 MiB"));
    EXPECT_EQ(second.bytes(), 0U);
    EXPECT_FALSE(second.growTo(40 * kMiB));
    EXPECT_EQ(budget.bytesOf(kAlice), 100 * kMiB);
  }
  EXPECT_EQ(budget.bytesOf(kAlice), 0U);
  EXPECT_EQ(budget.bytesOfUsers(), 0U);
}

TEST(MemoryBudget, aChargeGrowsByTheDifferenceAndNeverShrinks) {
  MemoryBudget budget(kLimits);
  MemoryBudget::Charge charge(budget, kAlice);
  EXPECT_FALSE(charge.growTo(90 * kMiB));
  EXPECT_FALSE(charge.growTo(100 * kMiB)) << "its own part is not counted twice";
  EXPECT_FALSE(charge.growTo(1));
  EXPECT_EQ(budget.bytesOf(kAlice), 100 * kMiB);
}

TEST(MemoryBudget, usersTogetherHoldSoMuchAndRootHasItsOwn) {
  MemoryBudget budget(kLimits);
  MemoryBudget::Charge alice(budget, kAlice);
  MemoryBudget::Charge bob(budget, kBob);
  MemoryBudget::Charge root(budget, 0);
  EXPECT_FALSE(alice.growTo(100 * kMiB));
  const auto denial = bob.growTo(51 * kMiB);
  ASSERT_TRUE(denial);
  EXPECT_THAT(denial->text, HasSubstr("of all users"));
  EXPECT_FALSE(bob.growTo(50 * kMiB));
  EXPECT_FALSE(root.growTo(100 * kMiB));
  EXPECT_TRUE(root.growTo(100 * kMiB + 1));
  EXPECT_EQ(budget.bytesOfUsers(), 150 * kMiB);
}

TEST(MemoryBudget, aNumberThatIsTooLargeDoesNotWrapAround) {
  MemoryBudget budget(kLimits);
  MemoryBudget::Charge charge(budget, kAlice);
  EXPECT_FALSE(charge.growTo(kMiB));
  EXPECT_TRUE(charge.growTo(static_cast<std::size_t>(-1)));
  EXPECT_EQ(budget.bytesOf(kAlice), kMiB);
}

TEST(MemoryBudget, ordinaryBodiesAreFree) {
  EXPECT_EQ(costOf(0, kRequestCost), 0U);
  EXPECT_EQ(costOf(kFreeBodyBytes, kRequestCost), 0U);
  EXPECT_EQ(costOf(kFreeBodyBytes + 1, kRequestCost), (kFreeBodyBytes + 1) * kRequestCost);
}

}  // namespace
}  // namespace ds01::gateway
