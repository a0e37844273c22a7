#include "control/terminal.h"

#include <gtest/gtest.h>

namespace ds01::control {
namespace {

TEST(TerminalTest, KnowsWhatSteersATerminal) {
  for (const char32_t c : {0x00U, 0x07U, 0x1BU, 0x7FU, 0x85U, 0x9BU, 0x200EU, 0x2028U, 0x202EU, 0x2066U, 0xFEFFU}) {
    EXPECT_TRUE(steersTerminal(c)) << std::hex << static_cast<unsigned>(c);
  }
  for (const char32_t c : {U' ', U'~', char32_t{0xA0}, U'é', U'李', char32_t{0x200D}, U'😀'}) {
    EXPECT_FALSE(steersTerminal(c)) << std::hex << static_cast<unsigned>(c);
  }
}

}  // namespace
}  // namespace ds01::control
