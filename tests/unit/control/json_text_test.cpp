#include "control/json_text.h"

#include <limits>

#include <boost/json/parse.hpp>
#include <gtest/gtest.h>

namespace ds01::control {
namespace {

TEST(JsonTextTest, WritesNumbersAsPeopleDo) {
  EXPECT_EQ(jsonText(0.285714), "0.285714");
  EXPECT_EQ(jsonText(1.5), "1.5");
  EXPECT_EQ(jsonText(std::numeric_limits<std::int64_t>::min()), "-9223372036854775808");
  EXPECT_EQ(jsonText(std::numeric_limits<std::uint64_t>::max()), "18446744073709551615");
  EXPECT_EQ(jsonText(std::numeric_limits<double>::infinity()), "null");
  EXPECT_EQ(boost::json::parse(jsonText(1e-7)).as_double(), 1e-7);
}

TEST(JsonTextTest, EscapesWhatSteersATerminal) {
  EXPECT_EQ(jsonText("a\"b\\c\n\x1b[2J\x7f"), R"("a\"b\\c\u000a\u001b[2J\u007f")");
  EXPECT_EQ(jsonText("\xC2\x9B"), R"("\u009b")");       // CSI as one code point
  EXPECT_EQ(jsonText("\xE2\x80\xAE"), R"("\u202e")");   // right-to-left override
  EXPECT_EQ(jsonText("Zoë 李"), "\"Zoë 李\"");          // text stays text
  EXPECT_EQ(jsonText("a\xFFz"), "\"a\xEF\xBF\xBDz\"");  // not UTF-8
  EXPECT_EQ(jsonText(boost::json::object{{"\x1b", 1}}), R"({"\u001b":1})");
}

TEST(JsonTextTest, IndentsOnRequest) {
  const boost::json::value value = boost::json::parse(R"({"a":[1,{"b":null}],"c":{},"d":[],"e":true})");
  EXPECT_EQ(jsonText(value), R"({"a":[1,{"b":null}],"c":{},"d":[],"e":true})");
  EXPECT_EQ(jsonText(value, 2), R"({
  "a": [
    1,
    {
      "b": null
    }
  ],
  "c": {},
  "d": [],
  "e": true
})");
}

}  // namespace
}  // namespace ds01::control
