#include "events/event.h"

#include <boost/json/parse.hpp>
#include <gtest/gtest.h>

namespace ds01::events {
namespace {

const TimePoint kAt{std::chrono::microseconds{1'795'467'310'123'456}};

boost::json::object parsed(const std::string& line) {
  boost::system::error_code error;
  const boost::json::value value = boost::json::parse(line, error);
  EXPECT_FALSE(error) << error.message() << ": " << line;
  return value.is_object() ? value.get_object() : boost::json::object{};
}

TEST(EncodeEvent, OneCompactLine) {
  EXPECT_EQ(
      encode({.type = "gpu.allocate",
              .user = "m.curie@example.edu",
              .details = {{"container", "train"}, {"slots", {"1:0"}}, {"gpueq", 0.285714}, {"uid", 7}},
              .at = kAt}),
      R"({"timestamp":"2026-11-23T20:55:10.123Z","event_type":"gpu.allocate","schema_version":"1",)"
      R"("user":"m.curie@example.edu","details":{"container":"train","slots":["1:0"],"gpueq":2.85714E-1,"uid":7}})");
}

TEST(EncodeEvent, WhatIsEmptyIsLeftOut) {
  EXPECT_EQ(encode({.type = "health.check", .at = kAt}),
            R"({"timestamp":"2026-11-23T20:55:10.123Z","event_type":"health.check","schema_version":"1"})");
}

TEST(EncodeEvent, NeverMoreThanOneLine) {
  const std::string line = encode({.type = "a\nb", .user = "c\r\nd", .details = {{"k\n", "v\n\x01\x7f"}}, .at = kAt});
  EXPECT_EQ(line.find_first_of("\r\n"), std::string::npos);
  EXPECT_EQ(parsed(line).at("details").at("k\n").as_string(), "v\n\x01\x7f");
}

TEST(EncodeEvent, InvalidUtf8IsReplaced) {
  const std::string line =
      encode({.type = "x", .user = "caf\xe9", .details = {{"k\xff", {"\xe2\x82", "\xf0\x9f\x90\xb3"}}}, .at = kAt});
  const boost::json::object object = parsed(line);
  EXPECT_EQ(object.at("user").as_string(), "caf\xEF\xBF\xBD");
  EXPECT_EQ(object.at("details").at("k\xEF\xBF\xBD").at(0).as_string(), "\xEF\xBF\xBD");
  EXPECT_EQ(object.at("details").at("k\xEF\xBF\xBD").at(1).as_string(), "\xf0\x9f\x90\xb3");
}

TEST(EncodeEvent, DetailsThatDoNotFitAreReplaced) {
  const Event small{.type = "x", .user = "u", .details = {{"k", ""}}, .at = kAt};
  const std::size_t room = 4000 - encode(small).size();
  Event event = small;
  event.details["k"] = std::string(room, 'v');
  EXPECT_EQ(encode(event).size(), 4000U);
  event.details["k"] = std::string(room + 1, 'v');
  EXPECT_EQ(encode(event),
            R"({"timestamp":"2026-11-23T20:55:10.123Z","event_type":"x","schema_version":"1","user":"u",)"
            R"("details":{"truncated":true,"original_size":4001}})");
}

TEST(EncodeEvent, SizeCountsAfterReplacement) {
  // 2000 invalid bytes are 6000 bytes of U+FFFD.
  const std::string line = encode({.type = "x", .details = {{"k", std::string(2000, '\xff')}}, .at = kAt});
  EXPECT_LE(line.size(), 4000U);
  EXPECT_TRUE(parsed(line).at("details").at("truncated").as_bool());
}

TEST(EncodeEvent, EndlessNamesAreCut) {
  for (const std::string piece : {"\x01", "\xff", "x", "\xf0\x9f\x90\xb3", "\x80"}) {
    std::string endless;
    while (endless.size() < 5000) endless += piece;
    const std::string line = encode({.type = endless, .user = endless, .details = {{"k", endless}}, .at = kAt});
    EXPECT_LE(line.size(), 4000U);
    const boost::json::object object = parsed(line);
    EXPECT_GE(object.at("user").as_string().size(), 253U);
    EXPECT_TRUE(object.at("details").at("truncated").as_bool());
  }
  // Not in the middle of a character.
  const std::string whales = "ab" + [] {
    std::string text;
    for (int i = 0; i < 100; ++i) text += "\xf0\x9f\x90\xb3";
    return text;
  }();
  EXPECT_EQ(parsed(encode({.type = whales, .at = kAt})).at("event_type").as_string(), whales.substr(0, 254));
}

}  // namespace
}  // namespace ds01::events
