// Which slots a granted request gets.
#include <gtest/gtest.h>

#include "unit/allocator/scene.h"

namespace ds01::allocator::test {
namespace {

RefusalCode code(const std::expected<Lease, Refusal>& answer) {
  if (answer) throw std::runtime_error("was granted");
  return answer.error().code;
}

TEST(PlaceOne, TakesMigBeforeWholeAndTheGpuWithFewestFreeSlots) {
  Scene scene(siteMachine());
  // GPU 2 has two free slots, GPU 1 three; whole GPUs come last although they have one.
  EXPECT_EQ(scene.slots(scene.ask("a", count(1))), "2:0");
  EXPECT_EQ(scene.slots(scene.ask("a", count(1))), "2:1");
  EXPECT_EQ(scene.slots(scene.ask("a", count(1))), "1:0");
  EXPECT_EQ(scene.slots(scene.ask("a", count(1))), "1:1");
  EXPECT_EQ(scene.slots(scene.ask("a", count(1))), "1:2");
  EXPECT_EQ(scene.slots(scene.ask("a", count(1))), "0");
  EXPECT_EQ(scene.slots(scene.ask("a", count(1))), "3");
  EXPECT_EQ(code(scene.ask("a", count(1))), RefusalCode::NoneFree);
}

TEST(PlaceOne, GoesOnFillingAGpuThatIsInUse) {
  Scene scene(machine({{"1g.10gb", "1g.10gb", "1g.10gb"}, {"1g.10gb", "1g.10gb", "1g.10gb"}}));
  EXPECT_EQ(scene.slots(scene.ask("a", devices({"1:1"}))), "1:1");
  EXPECT_EQ(scene.slots(scene.ask("a", count(1))), "1:0");
  EXPECT_EQ(scene.slots(scene.ask("a", count(1))), "1:2");
  EXPECT_EQ(scene.slots(scene.ask("a", count(1))), "0:0");
}

TEST(PlaceOne, TakesTheSmallestInstanceOfTheGpu) {
  Scene scene(machine({{"3g.40gb", "2g.20gb", "1g.10gb", "1g.10gb"}}));
  EXPECT_EQ(scene.slots(scene.ask("a", count(1))), "0:2");
  EXPECT_EQ(scene.slots(scene.ask("a", count(1))), "0:3");
  EXPECT_EQ(scene.slots(scene.ask("a", count(1))), "0:1");
  EXPECT_EQ(scene.slots(scene.ask("a", count(1))), "0:0");
}

TEST(PlaceOne, AProfileChoosesTheKind) {
  Scene scene(siteMachine());
  EXPECT_EQ(scene.slots(scene.ask("a", count(1, "full"))), "0");
  EXPECT_EQ(scene.slots(scene.ask("a", count(1, "2g.20gb"))), "1:0");
  EXPECT_EQ(scene.slots(scene.ask("a", count(1, "3g.40gb"))), "2:0");
  EXPECT_EQ(code(scene.ask("a", count(1, "7g.80gb"))), RefusalCode::NeverSatisfiable);
  EXPECT_EQ(code(scene.ask("a", count(2, "2g.20gb"))), RefusalCode::NeverSatisfiable);
  EXPECT_EQ(scene.slots(scene.ask("a", count(1, "full"))), "3");
  EXPECT_EQ(code(scene.ask("a", count(1, "full"))), RefusalCode::NoneFree);
}

TEST(PlaceOne, WholeGpusNeedPermission) {
  Limits limits = unlimited();
  limits.allow_full_gpu = false;
  Scene scene(machine({{"full"}, {"2g.20gb"}}));
  EXPECT_EQ(code(scene.ask("a", count(1, "full"), limits)), RefusalCode::FullGpuNotAllowed);
  EXPECT_EQ(code(scene.ask("a", devices({"0"}), limits)), RefusalCode::FullGpuNotAllowed);
  EXPECT_EQ(scene.slots(scene.ask("a", count(1), limits)), "1:0");
  // A slice exists, so waiting helps, although a whole GPU is free.
  EXPECT_EQ(code(scene.ask("a", count(1), limits)), RefusalCode::NoneFree);
  Scene whole_only(machine({{"full"}, {"full"}}));
  EXPECT_EQ(code(whole_only.ask("a", count(1), limits)), RefusalCode::FullGpuNotAllowed);
  EXPECT_EQ(code(whole_only.ask("a", all(), limits)), RefusalCode::FullGpuNotAllowed);
  EXPECT_EQ(code(whole_only.ask("a", count(2), limits)), RefusalCode::FullGpuNotAllowed);
}

TEST(PlaceOne, ChoosesAmongWhatFitsTheQuota) {
  Scene scene(machine({{"full"}, {"3g.40gb", "1g.10gb"}, {"2g.20gb"}}));
  // 0.3 left: the 2g is on the GPU with the fewest free slots.
  EXPECT_EQ(scene.slots(scene.ask("a", count(1), quota(0.3))), "2:0");
  // 0.014286 left: nothing fits, and waiting would not help.
  EXPECT_EQ(code(scene.ask("a", count(1), quota(0.3))), RefusalCode::Quota);
  // 0.15 left of 0.44: only the 1g, not the 3g beside it.
  EXPECT_EQ(scene.slots(scene.ask("a", count(1), quota(0.44))), "1:1");
  // b: a 1g would fit but somebody has it, so waiting helps; the free 3g and the whole GPU would not fit.
  EXPECT_EQ(code(scene.ask("b", count(1), quota(0.2))), RefusalCode::NoneFree);
}

TEST(PlaceOne, WithoutSmallSlotsAnAlmostUsedQuotaIsOverQuota) {
  Scene scene(machine({{"full"}, {"3g.40gb", "3g.40gb"}}));
  EXPECT_EQ(scene.slots(scene.ask("a", count(1), quota(1))), "1:0");
  EXPECT_EQ(scene.slots(scene.ask("a", count(1), quota(1))), "1:1");
  const auto refused = scene.ask("a", count(1), quota(1));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, RefusalCode::Quota);
  EXPECT_EQ(refused.error().held, GpuEq{857142});
  EXPECT_EQ(refused.error().asked, GpuEq{428571});
  EXPECT_EQ(refused.error().limit, GpuEq::whole(1));
}

TEST(PlaceOne, SevenSlicesOfSevenStayBelowOneGpu) {
  Scene scene(machine({{"1g.10gb", "1g.10gb", "1g.10gb", "1g.10gb", "1g.10gb", "1g.10gb", "1g.10gb"}, {"1g.10gb"}}));
  for (int i = 0; i < 7; ++i) ASSERT_TRUE(scene.ask("a", count(1), quota(1)));
  EXPECT_EQ(code(scene.ask("a", count(1), quota(1))), RefusalCode::Quota);
  EXPECT_EQ(scene.ledger.heldBy(scene.uid("a")), GpuEq{999'999});
}

TEST(PlaceOne, AnEmptyMachineSaysSo) {
  Scene scene(Inventory{});
  EXPECT_EQ(code(scene.ask("a", count(1))), RefusalCode::NeverSatisfiable);
  EXPECT_EQ(code(scene.ask("a", count(2))), RefusalCode::NeverSatisfiable);
  EXPECT_EQ(code(scene.ask("a", all())), RefusalCode::NeverSatisfiable);
  EXPECT_EQ(code(scene.ask("a", devices({"0"}))), RefusalCode::NoSuchDevice);
}

TEST(PlaceOne, CountsThatMeanNothingAreRefused) {
  Scene scene(siteMachine());
  EXPECT_EQ(code(scene.ask("a", count(0))), RefusalCode::NeverSatisfiable);
  EXPECT_EQ(code(scene.ask("a", count(-7))), RefusalCode::NeverSatisfiable);
  EXPECT_EQ(code(scene.ask("a", count(INT64_MAX))), RefusalCode::NeverSatisfiable);
  EXPECT_EQ(code(scene.ask("a", count(INT64_MAX), quota(2))), RefusalCode::NeverSatisfiable);
}

TEST(PlaceWhole, SeveralAreWholeGpusOnly) {
  Scene scene(siteMachine());
  EXPECT_EQ(code(scene.ask("a", count(3))), RefusalCode::NeverSatisfiable);
  EXPECT_EQ(scene.slots(scene.ask("a", count(2))), "0,3");
  EXPECT_EQ(code(scene.ask("b", count(2))), RefusalCode::NoneFree);
  EXPECT_EQ(code(scene.ask("b", count(2, "full"))), RefusalCode::NoneFree);
  Scene cut(machine({{"2g.20gb", "2g.20gb"}}));
  EXPECT_EQ(code(cut.ask("a", count(2))), RefusalCode::NeverSatisfiable);
}

TEST(PlaceWhole, LongestUnusedFirstAndNeverUsedBeforeThat) {
  Scene scene(machine({{"full"}, {"full"}, {"full"}, {"full"}}));
  const Lease zero = *scene.ask("a", devices({"0"}));
  const Lease one = *scene.ask("a", devices({"1"}));
  ASSERT_TRUE(scene.ledger.release(one.id));
  ASSERT_TRUE(scene.ledger.release(zero.id));
  EXPECT_EQ(scene.slots(scene.ask("a", count(3))), "2,3,1");
  EXPECT_EQ(scene.slots(scene.ask("a", count(1))), "0");
}

TEST(PlaceOne, TiesGoToTheGpuGivenBackLongestAgo) {
  Scene scene(machine({{"1g.10gb", "1g.10gb"}, {"1g.10gb", "1g.10gb"}, {"1g.10gb", "1g.10gb"}}));
  const Lease on_zero = *scene.ask("a", devices({"0:0"}));
  const Lease on_one = *scene.ask("a", devices({"1:0"}));
  scene.ledger.release(on_zero.id);
  scene.ledger.release(on_one.id);
  EXPECT_EQ(scene.slots(scene.ask("a", count(1))), "2:0");
  EXPECT_EQ(scene.slots(scene.ask("a", count(1))), "2:1");
  EXPECT_EQ(scene.slots(scene.ask("a", count(1))), "0:0");
}

TEST(PlaceCaps, PerContainerCountsSlots) {
  Limits limits = unlimited();
  limits.max_gpu_slots_per_container = 2;
  Scene scene(machine({{"full"}, {"full"}, {"full"}, {"2g.20gb"}}));
  EXPECT_EQ(code(scene.ask("a", count(3), limits)), RefusalCode::PerContainerCap);
  EXPECT_EQ(code(scene.ask("a", devices({"0", "1", "2"}), limits)), RefusalCode::PerContainerCap);
  EXPECT_EQ(scene.slots(scene.ask("a", count(2), limits)), "0,1");
  // Another container of the same user is another matter.
  EXPECT_EQ(scene.slots(scene.ask("a", count(1, "full"), limits)), "2");
  limits.max_gpu_slots_per_container = 0;
  EXPECT_EQ(code(scene.ask("a", count(1), limits)), RefusalCode::PerContainerCap);
}

TEST(PlaceCaps, TheSmallerQuotaBindsAndIsNamed) {
  Limits limits = unlimited();
  limits.max_gpu_equivalents = GpuEq::whole(3);
  limits.aggregate.gpu_limit = GpuEq::whole(1);
  Scene scene(machine({{"full"}, {"full"}, {"full"}, {"full"}}));
  auto refused = scene.ask("a", count(2), limits);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, RefusalCode::Quota);
  EXPECT_EQ(refused.error().limit_key, "aggregate.gpu_limit");
  EXPECT_EQ(refused.error().limit, GpuEq::whole(1));
  limits.aggregate.gpu_limit = GpuEq::whole(4);
  refused = scene.ask("a", count(4), limits);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().limit_key, "max_gpu_equivalents");
  EXPECT_EQ(refused.error().limit, GpuEq::whole(3));
  // Equal limits: the one people know.
  refused = scene.ask("a", count(4), quota(3));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().limit_key, "max_gpu_equivalents");
  EXPECT_EQ(scene.slots(scene.ask("a", count(3), limits)), "0,1,2");
}

TEST(PlaceCaps, SitesThatCountSlotsAreServed) {
  Limits limits = unlimited();
  limits.max_gpu_slots = 2;
  Scene scene(siteMachine());
  EXPECT_TRUE(scene.ask("a", count(1), limits));
  EXPECT_TRUE(scene.ask("a", count(1), limits));
  const auto refused = scene.ask("a", count(1), limits);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, RefusalCode::Quota);
  EXPECT_EQ(refused.error().limit_key, "max_gpu_slots");
  EXPECT_FALSE(refused.error().limit);
  EXPECT_EQ(scene.slots(scene.ask("b", all(), limits, GpusForAll::Available)), "0,3");
}

TEST(PlaceAll, OneMeansOne) {
  Scene scene(siteMachine());
  EXPECT_EQ(scene.slots(scene.ask("a", all())), "2:0");
  EXPECT_EQ(scene.slots(scene.ask("a", all("full"))), "0");
}

TEST(PlaceAll, AvailableIsWhatCapQuotaAndMachineLeave) {
  const Inventory six = machine({{"full"}, {"full"}, {"full"}, {"full"}, {"full"}, {"2g.20gb"}});
  const auto taken = [&](const Limits& limits, const std::string& profile = {}) {
    Scene scene(six);
    scene.hold("other", "x", devices({"0"}));
    return scene.slots(scene.ask("a", all(profile), limits, GpusForAll::Available));
  };
  EXPECT_EQ(taken(unlimited()), "1,2,3,4");
  EXPECT_EQ(taken(quota(3.9)), "1,2,3");
  Limits capped = quota(4);
  capped.max_gpu_slots_per_container = 2;
  EXPECT_EQ(taken(capped), "1,2");
  // Less than two whole GPUs: one slot, a slice if there is one.
  EXPECT_EQ(taken(quota(1.9)), "5:0");
  EXPECT_EQ(taken(quota(1.9), "full"), "1");
  EXPECT_EQ(taken(unlimited(), "2g.20gb"), "5:0");
  Limits no_full = unlimited();
  no_full.allow_full_gpu = false;
  EXPECT_EQ(taken(no_full), "5:0");
}

TEST(PlaceAll, AvailableWaitsOnlyForTheFirst) {
  Scene scene(machine({{"full"}, {"full"}}));
  scene.hold("b", "x", count(1));
  EXPECT_EQ(scene.slots(scene.ask("a", all(), unlimited(), GpusForAll::Available)), "1");
  EXPECT_EQ(code(scene.ask("a", all(), unlimited(), GpusForAll::Available)), RefusalCode::NoneFree);
  EXPECT_EQ(code(scene.ask("b", all(), quota(1), GpusForAll::Available)), RefusalCode::Quota);
}

}  // namespace
}  // namespace ds01::allocator::test
