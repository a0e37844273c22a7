#include "inventory/changes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ds01::inventory {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using Kind = SlotChange::Kind;

GpuSlot slot(std::string name, std::string uuid) {
  GpuSlot result;
  result.slot = std::move(name);
  result.uuid = std::move(uuid);
  result.profile = "full";
  return result;
}

GpuSlot sick(GpuSlot of, std::string why) {
  of.sick = std::move(why);
  return of;
}

TEST(Changes, NoneIfNothingChanged) {
  const Inventory inventory{{slot("0", "GPU-a"), sick(slot("1", "GPU-b"), "x")}};
  EXPECT_THAT(changes(inventory, inventory), IsEmpty());
  EXPECT_THAT(changes({}, {}), IsEmpty());
}

TEST(Changes, WhatHasGoneComesFirst) {
  const Inventory before{{slot("0", "GPU-a"), slot("1", "GPU-b")}};
  const Inventory now{{slot("0", "GPU-a"), slot("2", "GPU-c")}};
  EXPECT_THAT(changes(before, now), ElementsAre(SlotChange{Kind::Disappeared, slot("1", "GPU-b")},
                                                SlotChange{Kind::Appeared, slot("2", "GPU-c")}));
}

TEST(Changes, SicknessBeginsChangesAndEnds) {
  const Inventory well{{slot("0", "GPU-a")}};
  const Inventory ill{{sick(slot("0", "GPU-a"), "lost")}};
  const Inventory otherwise{{sick(slot("0", "GPU-a"), "rows")}};
  EXPECT_THAT(changes(well, ill), ElementsAre(SlotChange{Kind::FellIll, ill.slots[0]}));
  EXPECT_THAT(changes(ill, otherwise), ElementsAre(SlotChange{Kind::FellIll, otherwise.slots[0]}));
  EXPECT_THAT(changes(ill, well), ElementsAre(SlotChange{Kind::Recovered, ill.slots[0]}));
  EXPECT_THAT(changes({}, ill),
              ElementsAre(SlotChange{Kind::Appeared, ill.slots[0]}, SlotChange{Kind::FellIll, ill.slots[0]}));
}

TEST(Changes, AnIndexMayMoveAndNodesMayCome) {
  const Inventory before{{slot("1", "GPU-a")}};
  Inventory now{{slot("0", "GPU-a")}};
  EXPECT_THAT(changes(before, now), ElementsAre(SlotChange{Kind::Moved, now.slots[0]}));
  now = before;
  now.slots[0].device_nodes = {"/dev/nvidia1"};
  EXPECT_THAT(changes(before, now), ElementsAre(SlotChange{Kind::Moved, now.slots[0]}));
  now.slots[0].sick = "lost";
  EXPECT_THAT(changes(before, now),
              ElementsAre(SlotChange{Kind::FellIll, now.slots[0]}, SlotChange{Kind::Moved, now.slots[0]}));
}

TEST(Changes, HaveNames) {
  EXPECT_EQ(toString(Kind::Appeared), "appeared");
  EXPECT_EQ(toString(Kind::Disappeared), "disappeared");
  EXPECT_EQ(toString(Kind::FellIll), "sick");
  EXPECT_EQ(toString(Kind::Recovered), "recovered");
  EXPECT_EQ(toString(Kind::Moved), "moved");
}

}  // namespace
}  // namespace ds01::inventory
