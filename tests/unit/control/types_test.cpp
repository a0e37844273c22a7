#include "control/types.h"

#include <gtest/gtest.h>

#include "samples.h"

namespace ds01::control {
namespace {

using test::sampleContainer;
using test::sampleStatus;

TEST(SlotStateTest, TextGoesBothWays) {
  for (const SlotState state :
       {SlotState::Free, SlotState::Reserved, SlotState::Held, SlotState::Foreign, SlotState::Stale, SlotState::Sick}) {
    EXPECT_EQ(parseSlotState(toString(state)), state);
  }
  EXPECT_EQ(toString(SlotState::Foreign), "foreign");
  EXPECT_FALSE(parseSlotState("Free"));
  EXPECT_FALSE(parseSlotState(""));
}

TEST(VisibleToTest, OthersSeeUserAndSinceButNoContainers) {
  const StatusSnapshot whole = sampleStatus();
  const StatusSnapshot seen = visibleTo(whole, "bob", false);

  ASSERT_EQ(seen.gpus.size(), whole.gpus.size());
  EXPECT_EQ(seen.gpus[0].user, "alice");
  EXPECT_EQ(seen.gpus[0].since, whole.gpus[0].since);
  EXPECT_FALSE(seen.gpus[0].container);
  EXPECT_FALSE(seen.gpus[0].container_id);
  EXPECT_EQ(seen.gpus[1].container, "notebook");
  EXPECT_EQ(seen.gpus[1].container_id, "bbbb");
  EXPECT_FALSE(seen.gpus[3].container);  // nobody's that we know
  EXPECT_FALSE(seen.gpus[3].container_id);
  EXPECT_EQ(seen.queue, whole.queue);
  EXPECT_EQ(seen.users, whole.users);
}

TEST(VisibleToTest, AdminsSeeAll) {
  EXPECT_EQ(visibleTo(sampleStatus(), "root", true), sampleStatus());
  EXPECT_EQ(visibleTo(sampleStatus(), "", true), sampleStatus());
}

TEST(VisibleToTest, NoLoginOwnsNothing) {
  StatusSnapshot snapshot = sampleStatus();
  snapshot.gpus[0].user = "";
  EXPECT_FALSE(visibleTo(snapshot, "", false).gpus[0].container);
  EXPECT_FALSE(visibleTo(snapshot, "", false).gpus[3].container);
}

TEST(VisibleToTest, LoginsAreComparedWhole) {
  EXPECT_FALSE(visibleTo(sampleStatus(), "bo", false).gpus[1].container);
  EXPECT_FALSE(visibleTo(sampleStatus(), "Bob", false).gpus[1].container);
}

TEST(VisibleToTest, ContainersAreTheOwnersOnly) {
  const std::vector<ContainerRow> rows{sampleContainer("a", "alice"), sampleContainer("b", "bob"),
                                       sampleContainer("c", std::nullopt)};
  const ContainerList bobs = visibleTo(rows, "bob", false);
  ASSERT_EQ(bobs.containers.size(), 1U);
  EXPECT_EQ(bobs.containers[0].id, "b");
  EXPECT_FALSE(bobs.all);

  EXPECT_TRUE(visibleTo(rows, "", false).containers.empty());
  EXPECT_EQ(visibleTo(rows, "bob", true).containers, rows);
  EXPECT_TRUE(visibleTo(rows, "bob", true).all);
}

}  // namespace
}  // namespace ds01::control
