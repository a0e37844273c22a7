#include "control/utf8.h"

#include <gtest/gtest.h>

namespace ds01::control {
namespace {

TEST(Utf8Test, ReadsEveryLength) {
  const auto check = [](std::string_view text, char32_t value, std::size_t length) {
    const CodePoint found = firstCodePoint(text);
    EXPECT_TRUE(found.valid) << text;
    EXPECT_EQ(found.value, value);
    EXPECT_EQ(found.length, length);
  };
  check("a", U'a', 1);
  check("éx", U'é', 2);
  check("李", U'李', 3);
  check("😀", U'😀', 4);
  check("\xF4\x8F\xBF\xBF", 0x10FFFF, 4);
}

TEST(Utf8Test, RefusesWhatTheRfcForbids) {
  for (const std::string_view text : {"\x80", "\xC3", "\xC0\xAF", "\xE0\x80\x80", "\xED\xA0\x80", "\xF4\x90\x80\x80",
                                      "\xF0\x82\x82\xAC", "\xFF", "\xE6\x9D",
                                      "\xE6"
                                      "a\x9D"}) {
    const CodePoint found = firstCodePoint(text);
    EXPECT_FALSE(found.valid);
    EXPECT_EQ(found.length, 1U);
    EXPECT_EQ(found.value, static_cast<unsigned char>(text[0]));
  }
}

TEST(Utf8Test, KnowsWhatSteersATerminal) {
  for (const char32_t c : {0x00U, 0x07U, 0x1BU, 0x7FU, 0x85U, 0x9BU, 0x200EU, 0x2028U, 0x202EU, 0x2066U, 0xFEFFU}) {
    EXPECT_TRUE(steersTerminal(c)) << std::hex << static_cast<unsigned>(c);
  }
  for (const char32_t c : {U' ', U'~', char32_t{0xA0}, U'é', U'李', char32_t{0x200D}, U'😀'}) {
    EXPECT_FALSE(steersTerminal(c)) << std::hex << static_cast<unsigned>(c);
  }
}

}  // namespace
}  // namespace ds01::control
