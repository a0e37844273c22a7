#include "cli/queue.h"

#include <gtest/gtest.h>

#include "control/json_text.h"
#include "samples.h"

namespace ds01::cli {
namespace {

using namespace test;

control::StatusSnapshot waiting() {
  control::StatusSnapshot snapshot = busyMachine();
  snapshot.queue = {{.user = "bob",
                     .slots = 1,
                     .since = now() - std::chrono::seconds{4},
                     .place = 2,
                     .reason = "what is free is kept for those ahead"},
                    {.user = "alice",
                     .slots = 2,
                     .since = now() - std::chrono::seconds{70},
                     .place = 1,
                     .reason = "1 of the 2 that would do is free"}};
  return snapshot;
}

TEST(QueueTextTest, ShowsTheLineInOrder) {
  EXPECT_EQ(queueText(waiting(), plainPaper()),
            R"(PLACE  WAITING  FOR     SINCE                        WHY
    1  alice    2 GPUs  1 min ago  2026-11-23 14:03  1 of the 2 that would do is free
    2  bob      1 GPU   4 s ago    2026-11-23 14:04  what is free is kept for those ahead
)");
  Paper narrow = plainPaper();
  narrow.width = 80;
  EXPECT_EQ(queueText(waiting(), narrow),
            R"(PLACE  WAITING  FOR     SINCE      WHY
    1  alice    2 GPUs  1 min ago  1 of the 2 that would do is free
    2  bob      1 GPU   4 s ago    what is free is kept for those ahead
)");
}

TEST(QueueTextTest, SaysThatNobodyWaits) {
  EXPECT_EQ(queueText(busyMachine(), plainPaper()), "Nobody waits for a GPU.\n");
}

TEST(QueueJsonTest, HasTheRowsOfStatus) {
  const boost::json::object json = queueJson(waiting());
  EXPECT_EQ(json.at("api"), control::kApiVersion);
  EXPECT_EQ(json.at("queue").as_array().size(), 2U);
  EXPECT_EQ(json.at("queue").at(1).at("reason"), "1 of the 2 that would do is free");
  EXPECT_EQ(json.at("queue").at(1).at("place"), 1);
}

}  // namespace
}  // namespace ds01::cli
