#include "events/record.h"

#include <gtest/gtest.h>

#include "base/time_text.h"
#include "events/details.h"
#include "events/event.h"

namespace ds01::events {
namespace {

Record record(std::string_view line) {
  const auto parsed = parseRecord(line);
  EXPECT_TRUE(parsed) << line;
  return parsed.value_or(Record{});
}

TEST(RecordTest, ReadsWhatWeWrite) {
  const Event event{.type = "gpu.reject",
                    .user = "alice",
                    .details = {{"container", "train"}, {"decision", "D0123456789ab"}},
                    .at = *parseRfc3339("2026-11-23T12:00:00.250Z")};
  const Record read = record(encode(event));
  EXPECT_EQ(read.at, event.at);
  EXPECT_EQ(read.type, "gpu.reject");
  EXPECT_EQ(read.user, "alice");
  EXPECT_EQ(read.container(), "train");
  EXPECT_EQ(read.text("decision"), "D0123456789ab");
}

TEST(RecordTest, ReadsTheOlderEnvelope) {
  const Record read = record(
      R"({"ts":"2026-01-26T10:00:00+01:00","event":"container.started","user":"bob","container":"c1","source":"cron"})");
  EXPECT_EQ(toRfc3339(read.at), "2026-01-26T09:00:00.000Z");
  EXPECT_EQ(read.type, "container.started");
  EXPECT_EQ(read.user, "bob");
  EXPECT_EQ(read.source, "cron");
  EXPECT_EQ(read.container(), "c1");
  // The new one with the container at the top, and a time without a zone, which was UTC.
  EXPECT_EQ(record(R"({"timestamp":"2026-01-26T10:00:00","event_type":"x","container":"c2","details":{"a":"b"}})")
                .container(),
            "c2");
}

TEST(RecordTest, WhatIsNoEventIsNone) {
  for (const char* line : {"", "null", "[]", "{}", "not json", R"({"timestamp":"yesterday","event_type":"x"})",
                           R"({"timestamp":"2026-01-26T10:00:00Z"})", R"({"timestamp":1,"event_type":"x"})"}) {
    EXPECT_FALSE(parseRecord(line)) << line;
  }
  EXPECT_FALSE(parseRecord(std::string(100'000, '[')));
}

TEST(RecordTest, FiltersNarrow) {
  const std::string id(64, 'a');
  const Record read = record(R"({"timestamp":"2026-01-26T10:00:00Z","event_type":"gpu.allocate","user":"bob",)"
                             R"("details":{"container":"train","container_id":")" +
                             id + R"("}})");
  EXPECT_TRUE(matches(read, {}));
  EXPECT_TRUE(matches(read, {.user = "bob", .type = "gpu", .container = "train"}));
  EXPECT_TRUE(matches(read, {.type = "gpu.allocate", .container = "aaaa"}));
  EXPECT_FALSE(matches(read, {.container = "aaa"})) << "too short to be an id";
  EXPECT_FALSE(matches(read, {.user = "alice"}));
  EXPECT_FALSE(matches(read, {.type = "gpu.all"}));
  EXPECT_TRUE(matches(read, {.since = read.at, .until = read.at}));
  EXPECT_FALSE(matches(read, {.since = read.at + std::chrono::seconds{1}}));
  EXPECT_FALSE(matches(read, {.until = read.at - std::chrono::seconds{1}}));
}

TEST(RecordTest, UsersSeeTheirOwnAndNothingThatTellsOfOthers) {
  const auto of = [](std::string_view type, std::string_view user, std::string_view reason = "") {
    Record made;
    made.type = type;
    made.user = user;
    made.details["reason"] = reason;
    return made;
  };
  EXPECT_TRUE(shownTo(of("auth.denied", "bob", "privileged"), "bob", false));
  EXPECT_FALSE(shownTo(of("auth.denied", "bob", "privileged"), "alice", false));
  EXPECT_FALSE(shownTo(of("auth.denied", "bob", "not_owner"), "bob", false)) << "names somebody else's container";
  EXPECT_FALSE(shownTo(of("config.change", "", ""), "bob", false));
  EXPECT_FALSE(shownTo(of("config.change", "bob", ""), "bob", false));
  EXPECT_FALSE(shownTo(of("container.create", "", ""), "", false)) << "an empty login owns nothing";
  EXPECT_TRUE(shownTo(of("auth.denied", "bob", "not_owner"), "root", true));
}

TEST(DetailsTest, ALongDecisionLosesFactsAndKeepsItsId) {
  Denial denial{.http_status = 409, .reason = "gpu_quota", .text = std::string(900, 't'), .part = "quota"};
  for (int i = 0; i < 40; ++i) denial.facts.emplace_back("fact " + std::to_string(i), std::string(500, 'v'));
  Event event{.type = "auth.denied", .user = "alice", .details = denialDetails(denial, DecisionId("D0123456789ab"))};
  const std::string line = encode(event);
  EXPECT_LE(line.size(), 4000U);
  const Record read = record(line);
  EXPECT_EQ(read.text("decision"), "D0123456789ab");
  EXPECT_EQ(read.text("reason"), "gpu_quota");
  const Facts facts = factsOf(read.details);
  ASSERT_FALSE(facts.empty());
  EXPECT_LT(facts.size(), 32U);
  EXPECT_EQ(facts.front().first, "fact 0") << "the last ones go first";

  event.details["path"] = std::string(100'000, '/');
  const Record shortened = record(encode(event));
  EXPECT_EQ(shortened.text("decision"), "D0123456789ab") << "whatever else is too long";
}

TEST(DetailsTest, CutsBetweenCharacters) {
  EXPECT_EQ(cut("abc", 3), "abc");
  EXPECT_EQ(cut("abcd", 3), "abc…");
  EXPECT_EQ(cut("aé", 2), "a…");
  EXPECT_EQ(cut("\xff\xff\xff\xff", 2), "\xff\xff…");
}

TEST(DetailsTest, FactsThatAreNoneAreLeftOut) {
  boost::json::object details;
  EXPECT_TRUE(factsOf(details).empty());
  details["facts"] = boost::json::array{boost::json::array{"a", "b"}, "x", boost::json::array{"a"},
                                        boost::json::array{"a", 1}, nullptr};
  EXPECT_EQ(factsOf(details), (Facts{{"a", "b"}}));
}

}  // namespace
}  // namespace ds01::events
