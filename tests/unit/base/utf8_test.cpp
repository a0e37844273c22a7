#include "base/utf8.h"

#include <gtest/gtest.h>

namespace ds01 {
namespace {

const std::string kBad = "\xEF\xBF\xBD";

TEST(Utf8, ValidTextIsLeftAlone) {
  for (const std::string text :
       {"", "plain", "\x01\n\x7f", "\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80", "\xed\x9f\xbf", "\xee\x80\x80",
        "\xef\xbf\xbf", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf", "caf\xc3\xa9"}) {
    EXPECT_EQ(replaceInvalidUtf8(text), text);
  }
  EXPECT_EQ(replaceInvalidUtf8(std::string("a\0b", 3)), std::string("a\0b", 3));
}

TEST(Utf8, InvalidSequencesAreReplaced) {
  EXPECT_EQ(replaceInvalidUtf8("caf\xe9!"), "caf" + kBad + "!");
  EXPECT_EQ(replaceInvalidUtf8("\x80"), kBad);
  EXPECT_EQ(replaceInvalidUtf8("\xc3"), kBad);
  EXPECT_EQ(replaceInvalidUtf8("\xe2\x82"), kBad);           // cut short: one
  EXPECT_EQ(replaceInvalidUtf8("\xe2\x82\""), kBad + "\"");  // and what follows stays
  EXPECT_EQ(replaceInvalidUtf8("\xe2\x82\xe2\x82\xac"), kBad + "\xe2\x82\xac");
  EXPECT_EQ(replaceInvalidUtf8("\xc0\xaf"), kBad + kBad);  // overlong
  EXPECT_EQ(replaceInvalidUtf8("\xe0\x80\xaf"), kBad + kBad + kBad);
  EXPECT_EQ(replaceInvalidUtf8("\xf0\x80\x80\xaf"), kBad + kBad + kBad + kBad);
  EXPECT_EQ(replaceInvalidUtf8("\xed\xa0\x80"), kBad + kBad + kBad);             // a surrogate
  EXPECT_EQ(replaceInvalidUtf8("\xf4\x90\x80\x80"), kBad + kBad + kBad + kBad);  // above U+10FFFF
  EXPECT_EQ(replaceInvalidUtf8("\xff\xfe"), kBad + kBad);
}

TEST(FirstCodePoint, ReadsEveryLength) {
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

TEST(FirstCodePoint, RefusesWhatTheRfcForbids) {
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

}  // namespace
}  // namespace ds01
