#include "gateway/memory_budget.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ds01::gateway {
namespace {

using testing::HasSubstr;

constexpr std::size_t kMiB = 1UL << 20U;
constexpr std::uint32_t kAlice = 1001;
constexpr std::uint32_t kBob = 1002;
constexpr std::uint32_t kCarol = 1003;
constexpr MemoryLimits kLimits{
    .bytes_per_uid = 100 * kMiB, .shared_by_users = 150 * kMiB, .kept_per_uid = 0, .kept_uids = 0};
constexpr MemoryLimits kKeeping{
    .bytes_per_uid = 100 * kMiB, .shared_by_users = 150 * kMiB, .kept_per_uid = 4 * kMiB, .kept_uids = 4};

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
  EXPECT_EQ(budget.bytesShared(), 0U);
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
  EXPECT_EQ(budget.bytesShared(), 150 * kMiB);
}

TEST(MemoryBudget, whoeverFloodsTogetherLeavesTheOthersTheirPart) {
  MemoryBudget budget(kKeeping);
  MemoryBudget::Charge alice(budget, kAlice);
  MemoryBudget::Charge bob(budget, kBob);
  EXPECT_FALSE(alice.growTo(100 * kMiB));
  EXPECT_FALSE(bob.growTo(58 * kMiB));
  EXPECT_TRUE(bob.growTo(58 * kMiB + 1)) << "all that is shared is taken";
  EXPECT_EQ(budget.bytesShared(), 150 * kMiB);
  {
    MemoryBudget::Charge first(budget, kCarol);
    MemoryBudget::Charge second(budget, kCarol);
    EXPECT_FALSE(first.growTo(3 * kMiB));
    EXPECT_FALSE(second.growTo(kMiB));
    const auto denial = second.growTo(kMiB + 1);
    ASSERT_TRUE(denial) << "of one user, not of one request";
    EXPECT_THAT(denial->text, HasSubstr("of all users"));
  }
  MemoryBudget::Charge again(budget, kCarol);
  EXPECT_FALSE(again.growTo(4 * kMiB)) << "given back";
}

TEST(MemoryBudget, soManyUsersHaveTheirPartAndNoMore) {
  MemoryBudget budget(kKeeping);
  MemoryBudget::Charge alice(budget, kAlice);
  MemoryBudget::Charge bob(budget, kBob);
  MemoryBudget::Charge carol(budget, kCarol);
  EXPECT_FALSE(alice.growTo(100 * kMiB));
  EXPECT_FALSE(bob.growTo(58 * kMiB));
  EXPECT_FALSE(carol.growTo(4 * kMiB));
  MemoryBudget::Charge root(budget, 0);
  EXPECT_FALSE(root.growTo(100 * kMiB)) << "and takes nobody's";
  MemoryBudget::Charge fifth(budget, 1005);
  {
    MemoryBudget::Charge fourth(budget, 1004);
    EXPECT_FALSE(fourth.growTo(4 * kMiB));
    EXPECT_EQ(budget.bytesOf(kAlice) + budget.bytesOf(kBob) + budget.bytesOf(kCarol) + budget.bytesOf(1004),
              kKeeping.ofUsers());
    EXPECT_TRUE(fifth.growTo(1));
  }
  EXPECT_FALSE(fifth.growTo(4 * kMiB)) << "another one has ended";
}

TEST(MemoryBudget, whoCameWhenNoPartWasLeftPaysFromTheShareUntilItHoldsNothing) {
  MemoryLimits limits = kKeeping;
  limits.kept_uids = 1;
  MemoryBudget budget(limits);
  MemoryBudget::Charge bob(budget, kBob);
  {
    MemoryBudget::Charge alice(budget, kAlice);
    EXPECT_FALSE(alice.growTo(kMiB));
    EXPECT_FALSE(bob.growTo(2 * kMiB));
    EXPECT_EQ(budget.bytesShared(), 2 * kMiB);
  }
  EXPECT_FALSE(bob.growTo(3 * kMiB));
  EXPECT_EQ(budget.bytesShared(), 3 * kMiB);
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
