#include "cli/status.h"

#include <gtest/gtest.h>

#include "samples.h"

namespace ds01::cli {
namespace {

using control::SlotState;
using namespace test;

TEST(StatusTextTest, ABusyMachinePiped) {
  control::StatusSnapshot snapshot = busyMachine();
  snapshot.queue = {{.user = "李明", .slots = 1, .since = now() - std::chrono::seconds{4}, .place = 2},
                    {.user = "bob", .slots = 2, .since = now() - std::chrono::seconds{40}, .place = 1}};
  EXPECT_EQ(statusText(snapshot, plainPaper()),
            R"(4 GPUs, 7 slots: 3 free, 4 held by 2 users; 2 waiting

GPU  SLOT  PROFILE  STATE  USER                 CONTAINER  SINCE
0    0     full     held   m.curie@example.edu  train      3 min ago       2026-11-23 14:02
1    1:0   2g.20gb  held   m.curie@example.edu  notebook   2 h 10 min ago  2026-11-23 11:55
     1:1   2g.20gb  free
     1:2   2g.20gb  free
2    2:0   3g.40gb  held   turing                          3 d 4 h ago     2026-11-20 10:05
     2:1   3g.40gb  held   turing                          just now        2026-11-23 14:05
3    3     full     free

USER                 GROUP       CONTAINERS  GPUS
m.curie@example.edu  researcher          12  1.29 / 2      ######....
turing               student              2  0.86 / 0.86   ##########
hopper               admin                0  0 / no limit

PLACE  WAITING  FOR     SINCE
    1  bob      2 GPUs  40 s ago  2026-11-23 14:04
    2  李明     1 GPU   4 s ago   2026-11-23 14:04
)");
}

TEST(StatusTextTest, WhenStoppedContainersGiveBackTheirs) {
  control::StatusSnapshot snapshot = busyMachine();
  snapshot.gpus.resize(2);
  snapshot.users.clear();
  snapshot.gpus[0].until = now() + std::chrono::minutes{12};
  EXPECT_EQ(statusText(snapshot, plainPaper()),
            R"(2 GPUs, 2 slots: none free, 2 held by 1 user

GPU  SLOT  PROFILE  STATE  USER                 CONTAINER  UNTIL                 SINCE
0    0     full     held   m.curie@example.edu  train      stopped, 12 min left  3 min ago       2026-11-23 14:02
1    1:0   2g.20gb  held   m.curie@example.edu  notebook                         2 h 10 min ago  2026-11-23 11:55
)");
}

TEST(StatusTextTest, ABusyMachineOnANarrowTerminal) {
  EXPECT_EQ(statusText(busyMachine(), terminal(66)),
            R"(4 GPUs, 7 slots: 3 free, 4 held by 2 users

GPU  SLOT  PROFILE  STATE   USER          CONTAINER  SINCE
0    0     full     ● held  m.curie@exa…  train      3 min ago
1    1:0   2g.20gb  ● held  m.curie@exa…  notebook   2 h 10 min ago
     1:1   2g.20gb  ○ free
     1:2   2g.20gb  ○ free
2    2:0   3g.40gb  ● held  turing                   3 d 4 h ago
     2:1   3g.40gb  ● held  turing                   just now
3    3     full     ○ free

USER              GROUP       CONTAINERS  GPUS
m.curie@example…  researcher          12  1.29 / 2      ██████░░░░
turing            student              2  0.86 / 0.86   ██████████
hopper            admin                0  0 / no limit
)");
}

TEST(StatusTextTest, AFreeMachineAndNone) {
  EXPECT_EQ(statusText(freeMachine(), plainPaper()),
            R"(4 GPUs, 7 slots: all free

GPU  SLOT  PROFILE  STATE
0    0     full     free
1    1:0   2g.20gb  free
     1:1   2g.20gb  free
     1:2   2g.20gb  free
2    2:0   3g.40gb  free
     2:1   3g.40gb  free
3    3     full     free
)");
  EXPECT_EQ(statusText({}, plainPaper()), "This machine has no GPUs to share.\n");
}

TEST(StatusTextTest, ColoursSayTheStateAgain) {
  control::StatusSnapshot snapshot;
  snapshot.gpus = {slot("0", 0, "full", 1'000'000)};
  Paper paper = plainPaper();
  paper.colour = true;
  EXPECT_EQ(statusText(snapshot, paper),
            "1 GPU, 1 slot: all free\n\n"
            "\x1b[1mGPU\x1b[0m  \x1b[1mSLOT\x1b[0m  \x1b[1mPROFILE\x1b[0m  \x1b[1mSTATE\x1b[0m\n"
            "0    0     full     \x1b[32mfree\x1b[0m\n");
}

TEST(StatusTextTest, NamesCannotSteerTheTerminal) {
  control::StatusSnapshot snapshot;
  snapshot.gpus = {held(slot("0\x1b[H", 0, "full\r", 1), "eve\x1b]0;owned\x07", std::chrono::seconds{5})};
  snapshot.gpus[0].container = "\xE2\x80\xAEx\x9B";
  snapshot.users = {{.user = "eve\n", .group = "\x1b[31m", .gpueq = {1}, .limit = GpuEq{1}, .containers = 1}};
  snapshot.queue = {{.user = "\x1b", .slots = -3, .since = now(), .place = 1}};
  const std::string text = statusText(snapshot, plainPaper());
  for (const char c : text) EXPECT_TRUE(c == '\n' || static_cast<unsigned char>(c) >= 0x20) << text;
  EXPECT_NE(text.find("eve\\x1b]0;owned\\x07"), text.npos) << text;
  EXPECT_NE(text.find("\\u202ex\\x9b"), text.npos) << text;
}

TEST(SummaryTest, CountsEveryState) {
  control::StatusSnapshot snapshot = freeMachine();
  snapshot.gpus[0].state = SlotState::Reserved;
  snapshot.gpus[0].user = "a";
  snapshot.gpus[1] = held(snapshot.gpus[1], "b", {});
  snapshot.gpus[2].state = SlotState::Foreign;
  snapshot.gpus[3].state = SlotState::Stale;
  snapshot.gpus[4].state = SlotState::Sick;
  snapshot.gpus[5].state = SlotState::Sick;
  snapshot.gpus.pop_back();
  EXPECT_EQ(summary(snapshot), "3 GPUs, 6 slots: none free, 1 held by 1 user, 1 reserved, 1 foreign, 1 stale, 2 sick");
}

TEST(BarTest, IsFullOnlyWhenNothingIsLeft) {
  const auto bar = [](std::int64_t gpueq, std::int64_t limit) {
    control::StatusSnapshot snapshot;
    snapshot.users = {{.user = "u", .group = "g", .gpueq = {gpueq}, .limit = GpuEq{limit}, .containers = 0}};
    const std::string text = statusText(snapshot, plainPaper());
    return text.substr(text.find_last_of(' ') + 1);
  };
  EXPECT_EQ(bar(0, 1'000'000), "..........\n");
  EXPECT_EQ(bar(1, 1'000'000), "#.........\n");
  EXPECT_EQ(bar(500'000, 1'000'000), "#####.....\n");
  EXPECT_EQ(bar(999'999, 1'000'000), "#########.\n");
  EXPECT_EQ(bar(1'000'000, 1'000'000), "##########\n");
  EXPECT_EQ(bar(9'000'000, 1'000'000), "##########\n");
  EXPECT_EQ(bar(0, 0), "0\n");  // nothing allowed: no bar
}

TEST(GpuGroupTest, NamesEachGpuOnce) {
  const control::GpuRow first = slot("1:0", 1, "1g", 1);
  const control::GpuRow second = slot("1:1", 1, "1g", 1);
  control::GpuRow lost = slot("?", 0, "1g", 1);
  lost.gpu.reset();
  EXPECT_EQ(gpuGroup(first, nullptr), "1");
  EXPECT_EQ(gpuGroup(second, &first), "");
  EXPECT_EQ(gpuGroup(slot("2", 2, "full", 1), &second), "2");
  EXPECT_EQ(gpuGroup(lost, &first), "?");
}

TEST(StatusTextTest, SaysWhatCouldNotBeAsked) {
  control::StatusSnapshot snapshot = freeMachine();
  snapshot.counters = {{"unanswered_engine", 0}, {"unwritten_state", 1}, {"unanswered_user_database", 12}, {"x", 3}};
  EXPECT_TRUE(statusText(snapshot, plainPaper())
                  .ends_with("\n\n12 times since the start: the user database did not answer\n"
                             "1 time since the start: the ledger could not be written to disk\n"));
  snapshot.counters = {{"unanswered_engine", 0}};
  EXPECT_EQ(statusText(snapshot, plainPaper()), statusText(freeMachine(), plainPaper()));
}

TEST(StatusTextTest, SaysWhatIsWrongWithTheGpus) {
  control::StatusSnapshot snapshot;
  snapshot.gpu_problem = "the NVIDIA driver does not answer";
  EXPECT_EQ(summary(snapshot), "No GPU can be given now: the NVIDIA driver does not answer.");
  snapshot.gpus = {slot("0", 0, "full", 1'000'000)};
  snapshot.gpus[0].state = SlotState::Stale;
  EXPECT_EQ(summary(snapshot),
            "1 GPU, 1 slot: none free, 1 stale\nNo GPU can be given now: the NVIDIA driver does not answer.");
  snapshot.gpu_problem.reset();
  snapshot.gpus[0].state = SlotState::Sick;
  snapshot.gpus[0].problem = "it has fallen off the bus";
  EXPECT_NE(statusText(snapshot, plainPaper()).find("\nSlot 0 is sick: it has fallen off the bus.\n"),
            std::string::npos);
}

}  // namespace
}  // namespace ds01::cli
