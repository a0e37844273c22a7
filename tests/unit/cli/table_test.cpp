#include "cli/table.h"

#include <gtest/gtest.h>

#include "cli/text.h"
#include "samples.h"

namespace ds01::cli {
namespace {

using namespace test;

TEST(TableTest, AlignsByWhatIsSeenNotByBytes) {
  Table table({{.title = "NAME"}, {.title = "N", .right = true}, {.title = "END"}});
  table.add({"Zoë", "1", "x"});
  table.add({"李明", "200", "y"});
  table.add(
      {"e\xCC\x81"
       "b",
       "30", "z"});  // e and a combining accent
  EXPECT_EQ(table.render(plainPaper()),
            "NAME    N  END\n"
            "Zoë     1  x\n"
            "李明  200  y\n"
            "e\xCC\x81"
            "b     30  z\n");
}

TEST(TableTest, LeavesEmptyColumnsAndTrailingBlanksOut) {
  Table table({{.title = "A"}, {.title = "B"}, {.title = "C"}, {.title = "D"}});
  table.add({"1", "", "3"});
  table.add({"longer"});
  EXPECT_EQ(table.render(plainPaper()), "A       C\n1       3\nlonger\n");
}

TEST(TableTest, CutsOnlyWhatMayBeCutAndOnlyOnATerminal) {
  Table table({{.title = "A", .min_width = 4}, {.title = "B"}, {.title = "C", .min_width = 3}});
  table.add({"aaaaaaaaaa", "bbbbbbbbbb", "cccccc"});
  EXPECT_EQ(table.render(plainPaper()), "A           B           C\naaaaaaaaaa  bbbbbbbbbb  cccccc\n");
  EXPECT_EQ(table.render(terminal(30)), "A           B           C\naaaaaaaaaa  bbbbbbbbbb  cccccc\n");
  EXPECT_EQ(table.render(terminal(24)), "A      B           C\naaaa…  bbbbbbbbbb  cccc…\n");
}

TEST(TableTest, StopsCuttingAtTheLeastWidth) {
  Table table({{.title = "A", .min_width = 4}, {.title = "B"}});
  table.add({"aaaaaaaaaa", "bbbbbbbbbb"});
  EXPECT_EQ(table.render(terminal(5)), "A     B\naaa…  bbbbbbbbbb\n");
}

TEST(TableTest, LeavesOptionalColumnsOutWhereCuttingIsNotEnough) {
  Table table({{.title = "A", .min_width = 4},
               {.title = "B", .optional = true},
               {.title = "C"},
               {.title = "D", .optional = true}});
  table.add({"aaaaaaaaaa", "bbbb", "cccc", "dddd"});
  EXPECT_EQ(table.render(terminal(22)), "A     B     C     D\naaa…  bbbb  cccc  dddd\n");
  EXPECT_EQ(table.render(terminal(21)), "A          B     C\naaaaaaaa…  bbbb  cccc\n");
  EXPECT_EQ(table.render(terminal(15)), "A          C\naaaaaaaa…  cccc\n");
  EXPECT_EQ(table.render(terminal(3)), "A     C\naaa…  cccc\n");
  EXPECT_EQ(table.render(plainPaper()), "A           B     C     D\naaaaaaaaaa  bbbb  cccc  dddd\n");
}

TEST(TableTest, ColoursAreOutsideTheWidths) {
  Table table({{.title = "A"}, {.title = "B"}});
  table.add({{"x", Tone::Bad}, "y"});
  table.add({"long", {"z", Tone::Soft}});
  Paper paper = plainPaper();
  paper.colour = true;
  EXPECT_EQ(table.render(paper),
            "\x1b[1mA\x1b[0m     \x1b[1mB\x1b[0m\n"
            "\x1b[31mx\x1b[0m     y\n"
            "long  \x1b[2mz\x1b[0m\n");
}

TEST(TableTest, ACellCannotBreakItsLine) {
  Table table({{.title = "A"}, {.title = "B"}});
  table.add({"one\ntwo\t", "\x1b[2J"});
  EXPECT_EQ(table.render(plainPaper()), "A               B\none\\x0atwo\\x09  \\x1b[2J\n");
}

}  // namespace
}  // namespace ds01::cli
