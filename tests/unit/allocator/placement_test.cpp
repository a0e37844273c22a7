#include "allocator/placement.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "scene.h"

namespace ds01::allocator {
namespace {

using namespace test;
using testing::HasSubstr;

std::string fact(const Facts& facts, std::string_view name) {
  for (const auto& [key, value] : facts) {
    if (key == name) return value;
  }
  return "(none)";
}

ReserveRequest wanting(GpuRequest gpu) {
  return {.id = LeaseId("Lnew"),
          .uid = 7,
          .login = "alice",
          .group = "student",
          .container_name = "train",
          .decision = {},
          .gpu = std::move(gpu),
          .limits = quota(2),
          .now = {}};
}

TEST(PlacementTest, APreviewIsWhatReserveThenDoesAndHoldsNothing) {
  Scene scene(siteMachine());
  for (const GpuRequest& gpu : {count(1), count(2), devices({"1:1"}), count(1, "full"), count(9)}) {
    const ReserveRequest request = wanting(gpu);
    const auto preview = scene.ledger.preview(request);
    EXPECT_TRUE(scene.ledger.leases().empty());
    const auto lease = scene.ledger.reserve(request);
    ASSERT_EQ(preview.has_value(), lease.has_value());
    if (!lease) {
      EXPECT_EQ(preview.error().text, lease.error().text);
      continue;
    }
    EXPECT_EQ(preview->uuids, lease->uuids);
    scene.ledger.release(lease->id);
  }
}

TEST(PlacementTest, SaysTheSameBeforeAndAfterTheGrant) {
  Scene scene(siteMachine());
  scene.hold("bob", "x", devices({"1:0"}));
  const ReserveRequest request = wanting(count(1));
  const auto preview = scene.ledger.preview(request);
  ASSERT_TRUE(preview);
  const Facts before = placementOf(scene.ledger, *preview, request);
  const auto lease = scene.ledger.reserve(request);
  ASSERT_TRUE(lease);
  EXPECT_EQ(placementOf(scene.ledger, *lease, request), before);
  EXPECT_EQ(fact(before, "slot"), "1:1 (2g.20gb)");
  EXPECT_THAT(fact(before, "why this one"), HasSubstr("GPU 1 had the fewest free slots (2)"));
  EXPECT_EQ(fact(before, "limit"), "2 (group student)");
  EXPECT_EQ(fact(before, "free slots then"), "6 of 7");
}

TEST(PlacementTest, NamedAndWholeOnesHaveTheirOwnReasons) {
  Scene scene(siteMachine());
  const auto why = [&](const GpuRequest& gpu, const char* name) {
    const ReserveRequest request = wanting(gpu);
    const auto lease = scene.ledger.preview(request);
    return lease ? fact(placementOf(scene.ledger, *lease, request), name) : "refused";
  };
  EXPECT_THAT(why(devices({"0"}), "why these"), HasSubstr("named"));
  EXPECT_THAT(why(count(2), "why these"), HasSubstr("whole"));
  EXPECT_THAT(why(count(1, "3g.40gb"), "why this one"), HasSubstr("profile 3g.40gb"));
}

TEST(PlacementTest, ARefusalCountsTheFreeSlotsAndSaysWhatWouldWork) {
  Scene scene(siteMachine());
  scene.hold("alice", "train", count(2));
  const auto refused = scene.ask("alice", count(2), quota(2));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().free_slots, 5);
  EXPECT_EQ(refused.error().all_slots, 7);
  EXPECT_THAT(refused.error().remedy, HasSubstr("docker rm -f train"));
  EXPECT_TRUE(refused.error().text.ends_with(refused.error().remedy));
}

TEST(InGpus, ReadsAsASentenceDoes) {
  EXPECT_EQ(inGpus({285'714}), "0.285714 of a GPU");
  EXPECT_EQ(inGpus(GpuEq::whole(1)), "1 GPU");
  EXPECT_EQ(inGpus(GpuEq::whole(2)), "2 GPUs");
  EXPECT_EQ(inGpus({1'285'714}), "1.285714 GPUs");
}

}  // namespace
}  // namespace ds01::allocator
