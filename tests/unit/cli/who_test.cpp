#include "cli/who.h"

#include <gtest/gtest.h>

#include "control/json_text.h"
#include "samples.h"

namespace ds01::cli {
namespace {

using namespace test;

std::string who(const control::StatusSnapshot& snapshot, std::string_view place) {
  const auto rows = slotsAt(snapshot, place);
  return rows ? whoText(*rows, place, plainPaper()) : "error: " + rows.error().message();
}

std::string slots(std::string_view place) {
  const auto rows = slotsAt(busyMachine(), place);
  if (!rows) return "none";
  std::string names;
  for (const control::GpuRow& row : *rows) names += row.slot + " ";
  return names;
}

TEST(SlotsAtTest, AGpusIndexMeansAllItsSlots) {
  EXPECT_EQ(slots("1"), "1:0 1:1 1:2 ");
  EXPECT_EQ(slots("3"), "3 ");
  EXPECT_EQ(slots(""), "0 1:0 1:1 1:2 2:0 2:1 3 ");
}

TEST(SlotsAtTest, ASlotMayBeWrittenWithColonOrDotOrAsUuid) {
  EXPECT_EQ(slots("1:0"), "1:0 ");
  EXPECT_EQ(slots("1.0"), "1:0 ");
  EXPECT_EQ(slots("MIG-2:1"), "2:1 ");
}

TEST(SlotsAtTest, OthersAreNotFound) {
  for (const std::string_view place : {"4", "1:3", "01", "+1", " 1", "1:", ":", "MIG-2", "-1", "1:0:0"}) {
    EXPECT_EQ(slots(place), "none") << place;
  }
  const auto rows = slotsAt(busyMachine(), "9");
  ASSERT_FALSE(rows);
  EXPECT_EQ(rows.error().code(), ErrorCode::NotFound);
  EXPECT_EQ(rows.error().message(), "there is no GPU or slot \"9\"; there are 0, 1:0, 1:1, 1:2, 2:0, 2:1, 3");
  EXPECT_EQ(slotsAt({}, "0").error().message(), "this machine has no GPUs to share");
}

TEST(WhoTextTest, OneGpuWithAllItsSlots) {
  EXPECT_EQ(who(busyMachine(), "1"),
            R"(SLOT  MODEL           PROFILE  STATE  USER                 SINCE                             CONTAINER
1:0   A100-SXM4-80GB  2g.20gb  held   m.curie@example.edu  2 h 10 min ago  2026-11-23 11:55  notebook
1:1   A100-SXM4-80GB  2g.20gb  free
1:2   A100-SXM4-80GB  2g.20gb  free
)");
}

TEST(WhoTextTest, WithoutAPlaceOnlyWhereSomebodyIs) {
  EXPECT_EQ(who(busyMachine(), ""),
            R"(SLOT  MODEL           PROFILE  STATE  USER                 SINCE                             CONTAINER
0     A100-SXM4-80GB  full     held   m.curie@example.edu  3 min ago       2026-11-23 14:02  train
1:0   A100-SXM4-80GB  2g.20gb  held   m.curie@example.edu  2 h 10 min ago  2026-11-23 11:55  notebook
2:0   A100-SXM4-80GB  3g.40gb  held   turing               3 d 4 h ago     2026-11-20 10:05
2:1   A100-SXM4-80GB  3g.40gb  held   turing               just now        2026-11-23 14:05
)");
}

TEST(WhoTextTest, NobodyIsASentence) {
  EXPECT_EQ(who(busyMachine(), "3"), "Nobody is on GPU 3.\n");
  EXPECT_EQ(who(busyMachine(), "1.1"), "Nobody is on slot 1:1.\n");
  EXPECT_EQ(who(freeMachine(), "2"), "Nobody is on GPU 2: its 2 slots are free.\n");
  EXPECT_EQ(who(freeMachine(), ""), "Nobody is on any GPU.\n");
  EXPECT_EQ(who({}, ""), "This machine has no GPUs to share.\n");
}

TEST(WhoTextTest, ASickGpuIsShownThoughNobodyIsThere) {
  control::StatusSnapshot snapshot = freeMachine();
  snapshot.gpus[6].state = control::SlotState::Sick;
  EXPECT_EQ(who(snapshot, "3"),
            "SLOT  MODEL           PROFILE  STATE\n"
            "3     A100-SXM4-80GB  full     sick\n");
}

TEST(WhoJsonTest, SaysNullForNobody) {
  EXPECT_EQ(control::jsonText(whoJson(*slotsAt(busyMachine(), "0"))),
            R"({"api":1,"slots":[{"slot":"0","uuid":"GPU-0","model":"NVIDIA A100-SXM4-80GB","state":"held",)"
            R"("user":"m.curie@example.edu","since":"2026-11-23T13:02:00.000Z","container":"train"}]})");
  EXPECT_EQ(control::jsonText(whoJson(*slotsAt(busyMachine(), "3"))),
            R"({"api":1,"slots":[{"slot":"3","uuid":"GPU-3","model":"NVIDIA A100-SXM4-80GB","state":"free",)"
            R"("user":null,"since":null,"container":null}]})");
}

}  // namespace
}  // namespace ds01::cli
