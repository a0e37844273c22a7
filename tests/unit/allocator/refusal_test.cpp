// What users read. Each text is a promise: what it suggests is tried here.
#include <gtest/gtest.h>

#include "unit/allocator/scene.h"

namespace ds01::allocator::test {
namespace {

std::string text(const std::expected<Lease, Refusal>& answer) {
  return answer ? "granted" : answer.error().text;
}

TEST(RefusalText, QuotaNamesWhatIsHeldAndWhatToRemove) {
  Scene scene(siteMachine());
  scene.hold("a", "train", devices({"0"}), quota(2));
  const Lease eval = scene.hold("a", "eval", devices({"3"}), quota(2));
  const auto refused = scene.ask("a", count(1), quota(2));
  EXPECT_EQ(text(refused),
            "You hold 2 GPUs' worth (slot 0 in train; slot 3 in eval) and asked for at least 0.285714 more; your limit "
            "is 2 (max_gpu_equivalents, group student). Remove one of them (docker rm -f train).");
  EXPECT_EQ(refused.error().held_by_user,
            (std::vector<std::string>{"slot 0 (container train)", "slot 3 (container eval)"}));
  scene.ledger.release(eval.id);
  EXPECT_TRUE(scene.ask("a", count(1), quota(2)));
}

TEST(RefusalText, QuotaSuggestsASliceThatFits) {
  Scene scene(siteMachine());
  scene.hold("a", "train", devices({"0"}), quota(1.5));
  EXPECT_EQ(text(scene.ask("a", count(1, "full"), quota(1.5))),
            "You hold 1 GPU's worth (slot 0 in train) and asked for 1 more; your limit is 1.5 (max_gpu_equivalents, "
            "group student). Remove train (docker rm -f train), or ask for a MIG slice (--gpus 1): 3g.40gb in slot 2:0 "
            "is free and 0.428571 would fit.");
  EXPECT_EQ(scene.slots(scene.ask("a", count(1), quota(1.5))), "2:0");
}

TEST(RefusalText, QuotaBelowTheRequestSuggestsLess) {
  Scene scene(machine({{"full"}, {"full"}, {"full"}, {"full"}}));
  EXPECT_EQ(text(scene.ask("a", count(4), quota(2))),
            "You hold no GPU and asked for 4; your limit is 2 (max_gpu_equivalents, group student). Ask for --gpus 2: "
            "slots 0, 1 are free.");
  EXPECT_EQ(text(scene.ask("a", count(2), quota(1))),
            "You hold no GPU and asked for 2; your limit is 1 (max_gpu_equivalents, group student). Ask for one GPU "
            "(--gpus 1): slot 0 is free and would fit.");
  EXPECT_EQ(text(scene.ask("a", count(1), quota(0))),
            "You hold no GPU and asked for 1; your limit is 0 (max_gpu_equivalents, group student).");
}

TEST(RefusalText, SeveralContainersAreNamedWhenOneIsNotEnough) {
  Scene scene(machine({{"full"}, {"full"}, {"full"}}));
  scene.hold("a", "one", count(1), quota(3));
  scene.hold("a", "two", count(1), quota(3));
  scene.hold("a", "three", count(1), quota(3));
  EXPECT_EQ(
      text(scene.ask("a", count(2), quota(3))),
      "You hold 3 GPUs' worth (slot 0 in one; slot 1 in two; slot 2 in three) and asked for 2 more; your limit is 3 "
      "(max_gpu_equivalents, group student). Remove three and two (docker rm -f three two).");
}

TEST(RefusalText, TheSmallestContainerThatIsEnoughIsNamed) {
  Scene scene(machine({{"full"}, {"full"}, {"full"}, {"2g.20gb"}}));
  scene.hold("a", "big", count(2), quota(3));
  scene.hold("a", "small", count(1, "2g.20gb"), quota(3));
  EXPECT_EQ(
      text(scene.ask("a", count(1, "full"), quota(3))),
      "You hold 2.285714 GPUs' worth (slots 0, 1 in big; slot 3:0 in small) and asked for 1 more; your limit is 3 "
      "(max_gpu_equivalents, group student). Remove one of them (docker rm -f small).");
}

TEST(RefusalText, WhatIsBeingCreatedIsNotOfferedForRemoval) {
  Scene scene(machine({{"full"}, {"full"}}));
  ASSERT_TRUE(scene.ask("a", count(1), quota(1), GpusForAll::One, "train"));
  EXPECT_EQ(text(scene.ask("a", count(1), quota(1))),
            "You hold 1 GPU's worth (slot 0 in train, being created) and asked for 1 more; your limit is 1 "
            "(max_gpu_equivalents, group student).");
}

TEST(RefusalText, AContainerWithoutANameIsNamedById) {
  Scene scene(machine({{"full"}, {"full"}}));
  const auto lease = scene.ask("a", count(1), quota(1));
  ASSERT_TRUE(scene.ledger.bind(lease->id, ContainerId("0123456789abcdef0123"), ""));
  EXPECT_EQ(
      text(scene.ask("a", count(1), quota(1))),
      "You hold 1 GPU's worth (slot 0 in 0123456789ab) and asked for 1 more; your limit is 1 (max_gpu_equivalents, "
      "group student). Remove 0123456789ab (docker rm -f 0123456789ab).");
}

TEST(RefusalText, SlotLimit) {
  Limits limits = unlimited();
  limits.max_gpu_slots = 1;
  Scene scene(siteMachine());
  scene.hold("a", "train", count(1), limits);
  EXPECT_EQ(
      text(scene.ask("a", count(1), limits)),
      "You hold 0.428571 of a GPU (slot 2:0 in train) and asked for 1 more; your limit is 1 (max_gpu_slots, group "
      "student). Remove train (docker rm -f train).");
}

TEST(RefusalText, PerContainerCap) {
  Limits limits = quota(4);
  limits.max_gpu_slots_per_container = 2;
  Scene scene(machine({{"full"}, {"full"}, {"full"}, {"full"}}));
  EXPECT_EQ(
      text(scene.ask("a", count(3), limits)),
      "You hold no GPU and asked for 3 whole GPUs; your limit is 2 in one container (max_gpu_slots_per_container, "
      "group student). Ask for --gpus 2: slots 0, 1 are free.");
}

TEST(RefusalText, WholeGpusNotAllowed) {
  Limits limits = unlimited();
  limits.allow_full_gpu = false;
  Scene scene(siteMachine());
  EXPECT_EQ(text(scene.ask("a", count(2), limits)),
            "You hold no GPU and asked for 2 whole GPUs; only whole GPUs would do, and group student may not use them "
            "(allow_full_gpu). Ask for a MIG slice (--gpus 1): 3g.40gb in slot 2:0 is free and 0.428571 would fit.");
  Scene whole(machine({{"full"}}));
  EXPECT_EQ(text(whole.ask("a", count(1), limits)),
            "You hold no GPU and asked for one GPU; only whole GPUs would do, and group student may not use them "
            "(allow_full_gpu).");
}

TEST(RefusalText, NeverOnThisMachine) {
  Scene scene(siteMachine());
  EXPECT_EQ(text(scene.ask("a", count(5))),
            "You hold no GPU and asked for 5 whole GPUs; this machine has 2. Ask for --gpus 2: slots 0, 3 are free.");
  EXPECT_EQ(text(scene.ask("a", count(1, "7g.80gb"))),
            "You hold no GPU and asked for one MIG slice \"7g.80gb\"; the kinds on this machine are full, 2g.20gb, "
            "3g.40gb. Ask for a MIG slice (--gpus 1): 3g.40gb in slot 2:0 is free and 0.428571 would fit.");
  EXPECT_EQ(
      text(scene.ask("a", count(2, "2g.20gb"))),
      "You hold no GPU and asked for 2 times \"2g.20gb\"; a CUDA process can use only one MIG slice, so a container "
      "gets only one. Ask for --gpus 2: slots 0, 3 are free.");
  EXPECT_EQ(text(scene.ask("a", count(0))),
            "You hold no GPU and asked for 0 whole GPUs; one is the least. Ask for a MIG slice (--gpus 1): 3g.40gb in "
            "slot 2:0 is free and 0.428571 would fit.");
  EXPECT_EQ(text(Scene(Inventory{}).ask("a", count(1))),
            "You hold no GPU and asked for one GPU; this machine has no GPU to give.");
  EXPECT_EQ(
      text(Scene(machine({{"2g.20gb"}})).ask("a", count(2))),
      "You hold no GPU and asked for 2 whole GPUs; this machine has none. Ask for a MIG slice (--gpus 1): 2g.20gb "
      "in slot 0:0 is free and 0.285714 would fit.");
}

TEST(RefusalText, NoneFreeSaysWhoHoldsThemButNotTheirContainers) {
  Scene scene(machine({{"2g.20gb", "2g.20gb"}, {"full"}}));
  scene.hold("b", "b-secret", devices({"0:0"}));
  scene.hold("a", "mine", devices({"0:1"}));
  const auto refused = scene.ask("a", count(1, "2g.20gb"));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, RefusalCode::NoneFree);
  EXPECT_EQ(refused.error().text,
            "You hold 0.285714 of a GPU (slot 0:1 in mine) and asked for one MIG slice \"2g.20gb\"; all 2 slots that "
            "would do are held: 0:0 by b since 2026-11-23 08:00 UTC, 0:1 by you in mine since 2026-11-23 08:01 UTC. "
            "Remove mine (docker rm -f mine), or ask for one GPU (--gpus 1): slot 1 is free and would fit.");
}

TEST(RefusalText, NoneFreeAndNothingElseWorks) {
  Scene scene(machine({{"full"}}));
  scene.hold("b", "x", count(1));
  EXPECT_EQ(text(scene.ask("a", count(1))),
            "You hold no GPU and asked for one GPU; the only slot that would do is held: 0 by b since 2026-11-23 08:00 "
            "UTC. Try again when it is given back; ds01 status shows who holds what.");
}

TEST(RefusalText, NoneFreeOfSeveral) {
  Scene scene(machine({{"full"}, {"full"}, {"full"}}));
  scene.hold("b", "x", count(2));
  EXPECT_EQ(
      text(scene.ask("a", count(2))),
      "You hold no GPU and asked for 2 whole GPUs; 1 of 3 is free, held are 0 by b since 2026-11-23 08:00 UTC, 1 by "
      "b since 2026-11-23 08:00 UTC. Ask for one GPU (--gpus 1): slot 2 is free and would fit.");
}

TEST(RefusalText, LongListsAreCut) {
  Scene scene(machine(std::vector<std::vector<std::string>>(12, {"full"})));
  for (int i = 0; i < 12; ++i) scene.hold("b", "c" + std::to_string(i), count(1));
  const std::string refused = text(scene.ask("a", count(1)));
  EXPECT_NE(refused.find(" and 4 more."), std::string::npos) << refused;
}

}  // namespace
}  // namespace ds01::allocator::test
