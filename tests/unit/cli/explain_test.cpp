#include "cli/explain.h"

#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/dry_run.h"
#include "cli/events.h"
#include "cli/text.h"
#include "samples.h"

namespace ds01::cli {
namespace {

using namespace test;
using control::Explanation;
using testing::HasSubstr;
using testing::Not;

Explanation refusal() {
  return {.subject = "D0123456789ab",
          .outcome = Explanation::Outcome::Refused,
          .at = now() - std::chrono::minutes{3},
          .user = "alice",
          .reason = "gpu_quota",
          .part = "GPU quota and placement",
          .text =
              "You hold 2 GPUs' worth (slots 0, 3 in train) and asked for at least 0.285714 more; your limit is 2 "
              "(max_gpu_equivalents, group student).",
          .facts = {{"image", "busybox"}, {"free slots", "5 of 7"}},
          .remedy = "Remove train (docker rm -f train)."};
}

TEST(ExplainTextTest, AsItLooks) {
  EXPECT_EQ(explanationText(refusal(), terminal(80)),
            "Refused D0123456789ab, 3 min ago (2026-11-23 14:02)\n"
            "\n"
            "  You hold 2 GPUs' worth (slots 0, 3 in train) and asked for at least 0.285714\n"
            "  more; your limit is 2 (max_gpu_equivalents, group student).\n"
            "\n"
            "  rule        gpu_quota (GPU quota and placement)\n"
            "  image       busybox\n"
            "  free slots  5 of 7\n"
            "\n"
            "What would work: Remove train (docker rm -f train).\n");
}

TEST(ExplainTextTest, WhatWouldWorkIsSaidOnce) {
  Explanation whole = refusal();
  whole.text += " " + whole.remedy;  // as the client was told
  EXPECT_EQ(explanationText(whole, terminal(80)), explanationText(refusal(), terminal(80)));
  whole.text += " The request would wait.";
  EXPECT_THAT(explanationText(whole, terminal(80)), HasSubstr("group student). The request would\n  wait.\n"));
  whole.text = whole.remedy;
  EXPECT_THAT(explanationText(whole, terminal(80)), Not(HasSubstr("  Remove train")));
}

TEST(ExplainTextTest, NothingIsWiderThanTheTerminal) {
  Explanation long_one = refusal();
  for (int i = 0; i < 30; ++i) long_one.facts.back().second += " and more words";
  long_one.remedy = long_one.facts.back().second;
  long_one.changes = {{"HostConfig.Memory", {}, "34359738368"}, {"Env[]", std::string(90, 'x'), {}}};
  long_one.warnings = {long_one.remedy};
  for (const std::size_t width : {80U, 60U, 120U}) {
    std::istringstream lines(explanationText(long_one, terminal(width)));
    for (std::string line; std::getline(lines, line);) EXPECT_LE(displayWidth(line), width) << line;
  }
}

TEST(ExplainTextTest, WhatComesFromElsewhereSteersNoTerminal) {
  Explanation evil = refusal();
  evil.text = "a\x1b[31mb";
  evil.facts = {{"na\x1bme", "va\x07lue"}};
  evil.remedy = "re\x1bmedy";
  evil.warnings = {"wa\x1brning"};
  evil.changes = {{"pa\x1bth", "be\x1b", "af\x1b"}};
  EXPECT_THAT(explanationText(evil, terminal(80)), Not(HasSubstr("\x1b")));
}

control::EventRow denied() {
  return {.at = now() - std::chrono::minutes{3},
          .type = "auth.denied",
          .user = "alice",
          .source = {},
          .details = {{"reason", "gpu_quota"}, {"text", "You hold too much."}, {"decision", "D0123456789ab"}}};
}

TEST(EventLineTest, OneLineAnEvent) {
  EXPECT_EQ(eventLine(denied(), plainPaper()),
            "      14:02:00 alice        auth.denied      gpu_quota: You hold too much. D0123456789ab\n");
  control::EventRow other = denied();
  other.at -= std::chrono::days{2};
  other.user.clear();
  other.type = "config.change";
  other.details = {{"dir", "/etc/ds01"}, {"n", 3}};
  EXPECT_EQ(eventLine(other, plainPaper()), "11-21 14:02:00 -            config.change    dir=/etc/ds01 n=3\n");
}

TEST(EventLineTest, LongSentencesAreCutAndTheDecisionStays) {
  control::EventRow row = denied();
  row.details["text"] = std::string(500, 'x') + "\n\x1b[2J";
  const std::string line = eventLine(row, terminal(80));
  EXPECT_EQ(displayWidth(line.substr(0, line.size() - 1)), 80U) << line;
  EXPECT_THAT(line, HasSubstr("… D0123456789ab\n"));
}

TEST(EventLineTest, GpusAndContainersHaveSentences) {
  control::EventRow row = denied();
  row.type = "gpu.allocate";
  row.details = {{"slot", "1:0"}, {"container", "train"}};
  EXPECT_EQ(sentenceOf(row), "slot 1:0 for container train");
  row.type = "container.create";
  row.details = {{"image", "busybox"}, {"container_id", std::string(64, 'a')}, {"gpu", "none"}};
  EXPECT_EQ(sentenceOf(row), "aaaaaaaaaaaa from busybox, no GPU");
  row.type = "gpu.allocate";
  row.details = {{"gpu_uuid", "0:1"}};
  EXPECT_EQ(sentenceOf(row), "gpu_uuid=0:1") << "as the earlier system wrote it";
}

TEST(WhenTest, RelativeAndAbsolute) {
  EXPECT_EQ(*parseWhen("90s", now()), now() - std::chrono::seconds{90});
  EXPECT_EQ(*parseWhen("2h", now()), now() - std::chrono::hours{2});
  EXPECT_EQ(*parseWhen("3d", now()), now() - std::chrono::days{3});
  EXPECT_EQ(*parseWhen("2026-11-23T13:05:00Z", now()), now());
  for (const char* text : {"", "1", "h", "-1h", "1w", "1h2", "9999999999999999999h", "yesterday", "99999999h"}) {
    EXPECT_FALSE(parseWhen(text, now())) << text;
  }
}

TEST(TextTest, WrapsBetweenWords) {
  EXPECT_EQ(wrapped("aa bb cc", 5, 0), "aa bb\ncc");
  EXPECT_EQ(wrapped("aa bb cc", 7, 2), "aa bb\n  cc");
  EXPECT_EQ(wrapped("aa bb cc", 7, 2, 1), "aa bb\n cc");
  EXPECT_EQ(wrapped("aaaaaaaaaa b", 5, 0), "aaaaaaaaaa\nb");
  EXPECT_EQ(wrapped("aa bb", 0, 0), "aa bb");
}

TEST(TextTest, TheNearestWordIsSuggested) {
  constexpr std::array<std::string_view, 3> kKnown{"status", "explain", "ps"};
  EXPECT_EQ(nearest("stauts", kKnown), "status");
  EXPECT_EQ(nearest("explian", kKnown), "explain");
  EXPECT_EQ(nearest("p", kKnown), "ps");
  EXPECT_EQ(nearest("xyz", kKnown), "");
  EXPECT_EQ(nearest("", kKnown), "");
}

TEST(DryRunTest, OnlyReadingGoesOn) {
  using enum Treatment;
  EXPECT_EQ(treatmentOf("POST", "/v1.41/containers/create?name=x"), Explain);
  EXPECT_EQ(treatmentOf("POST", "/containers/create"), Explain);
  EXPECT_EQ(treatmentOf("GET", "/v1.41/images/busybox/json"), PassOn);
  EXPECT_EQ(treatmentOf("HEAD", "/_ping"), PassOn);
  for (const char* method : {"POST", "PUT", "DELETE", "PATCH", "get", "TRACE"}) {
    EXPECT_EQ(treatmentOf(method, "/v1.41/images/create?fromImage=busybox"), Refuse) << method;
    EXPECT_EQ(treatmentOf(method, "/v1.41/containers/x/start"), Refuse) << method;
  }
  for (const char* target : {"/events", "/v1.41/containers/x/logs?follow=1", "/containers/x/attach/ws"}) {
    EXPECT_EQ(treatmentOf("GET", target), Refuse) << target;
  }
  EXPECT_EQ(treatmentOf("POST", "/v1.41/containers//create"), Refuse);
  EXPECT_EQ(treatmentOf("POST", "/vx/containers/create"), Refuse);
}

TEST(DryRunTest, EffectsAreNamed) {
  EXPECT_EQ(effectOf("POST", "/v1.41/images/create?fromImage=busybox&tag=latest"), "pull busybox:latest");
  EXPECT_EQ(effectOf("POST", "/v1.41/containers/x/start"), "POST /containers/x/start");
  EXPECT_EQ(effectOf("DELETE", "/containers/x?force=1"), "DELETE /containers/x");
}

}  // namespace
}  // namespace ds01::cli
