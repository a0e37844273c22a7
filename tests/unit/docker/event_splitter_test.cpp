#include "docker/event_splitter.h"

#include <algorithm>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace ds01::docker {
namespace {

using Objects = std::vector<std::string>;

// Feeds the text in pieces of `step` bytes.
Objects split(std::string_view text, std::size_t step, Status* status = nullptr) {
  EventSplitter splitter;
  Objects objects;
  for (std::size_t i = 0; i < text.size(); i += step) {
    const Status fed =
        splitter.feed(text.substr(i, step), [&](std::string_view object) { objects.emplace_back(object); });
    if (status != nullptr) {
      *status = fed;
      if (!fed) break;
    } else {
      EXPECT_TRUE(fed);
    }
  }
  return objects;
}

TEST(EventSplitter, GivesTheSameObjectsHoweverTheBytesCome) {
  const std::string text =
      "{\"a\":1}\n{\"b\":{\"c\":{}}}{\"d\":\"}{\"}\r\n\n "
      "\x1e{\"e\":\"\\\"}\"}\t{\"f\":\"\\\\\"}\n{}{\"g\":[{},\"]\"]}\n";
  const Objects expected{R"({"a":1})", R"({"b":{"c":{}}})", R"({"d":"}{"})", R"({"e":"\"}"})", R"({"f":"\\"})",
                         "{}",         R"({"g":[{},"]"]})"};
  for (std::size_t step = 1; step <= text.size(); ++step) EXPECT_EQ(split(text, step), expected) << step;
}

TEST(EventSplitter, KeepsAnUnfinishedObjectForLater) {
  EventSplitter splitter;
  Objects objects;
  const auto keep = [&](std::string_view object) { objects.emplace_back(object); };
  EXPECT_TRUE(splitter.feed("{\"a\":\"", keep));
  EXPECT_TRUE(splitter.feed("", keep));
  EXPECT_TRUE(objects.empty());
  EXPECT_TRUE(splitter.feed("x\"}", keep));
  EXPECT_EQ(objects, Objects{R"({"a":"x"})"});
}

TEST(EventSplitter, AnythingButAnObjectBreaksItForGood) {
  for (const char* text : {"x", "[1]", "}", "\"a\"", "7", "null", "{}x{}", "HTTP/1.1 200 OK"}) {
    Status status;
    split(text, 1, &status);
    ASSERT_FALSE(status) << text;
    EXPECT_EQ(status.error().code(), ErrorCode::Malformed);
  }
  EventSplitter splitter;
  int count = 0;
  const auto counting = [&](std::string_view) { ++count; };
  EXPECT_FALSE(splitter.feed("{}x", counting));
  EXPECT_FALSE(splitter.feed("{}", counting));
  EXPECT_EQ(count, 1);
}

TEST(EventSplitter, BoundsTheLengthOfAnObject) {
  const auto object = [](std::size_t size) { return "{\"" + std::string(size - 4, 'x') + "\"}"; };
  const std::string longest = object(EventSplitter::kMaxObjectBytes);
  for (const std::size_t step : {std::size_t{1000}, longest.size()}) {
    EXPECT_EQ(split(longest, step), Objects{longest});
    EXPECT_EQ(split(longest + "\n" + longest, step), (Objects{longest, longest})) << "each on its own";
    EXPECT_EQ(split("{\"a\":1}" + object(EventSplitter::kMaxObjectBytes + 1) + "{\"b\":\"}\"}", step),
              (Objects{"{\"a\":1}", "{\"b\":\"}\"}"}))
        << "a longer one is passed over";
  }
  EXPECT_EQ(split("{" + std::string(2 * EventSplitter::kMaxObjectBytes, '{'), 4096), Objects{});
}

TEST(EventSplitter, OneLongObjectDoesNotKeepItsMemory) {
  for (const std::size_t size : {EventSplitter::kMaxObjectBytes, EventSplitter::kMaxObjectBytes + 1000}) {
    const std::string text = "{\"" + std::string(size - 4, 'x') + "\"}";
    EventSplitter splitter;
    std::size_t most = 0;
    for (std::size_t at = 0; at < text.size(); at += 1000) {
      EXPECT_TRUE(splitter.feed(text.substr(at, 1000), [](std::string_view) {}));
      most = std::max(most, splitter.reservedBytes());
    }
    EXPECT_GT(most, EventSplitter::kKeptBytes) << "it was held";
    EXPECT_LE(splitter.reservedBytes(), EventSplitter::kKeptBytes);
  }
}

}  // namespace
}  // namespace ds01::docker
