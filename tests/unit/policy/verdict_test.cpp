#include "policy/verdict.h"

#include <gtest/gtest.h>

namespace ds01::policy {
namespace {

TEST(PolicyVerdict, HasThreeValues) {
  const auto verdict = [](const char* text) {
    const Result<Answer> answer = decodeAnswer(text);
    EXPECT_TRUE(answer) << text << ": " << answer.error().message();
    return answer ? answer->verdict : Verdict::Deny;
  };
  EXPECT_EQ(verdict(R"({"result":{"verdict":"allow"}})"), Verdict::Allow);
  EXPECT_EQ(verdict(R"({"result":{"verdict":"deny"}})"), Verdict::Deny);
  EXPECT_EQ(verdict(R"({"result":{"verdict":"none"}})"), Verdict::None);
  EXPECT_EQ(verdict(R"({"result":true})"), Verdict::Allow);
  EXPECT_EQ(verdict(R"({"result":false})"), Verdict::Deny);
}

TEST(PolicyVerdict, CarriesReasonAndDecision) {
  const Result<Answer> answer =
      decodeAnswer(R"({"decision_id":"4c-1","result":{"verdict":"deny","reason":"not on\r\nMondays. "}})");
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->reason, "not on  Mondays");
  EXPECT_EQ(answer->decision, "4c-1");
}

TEST(PolicyVerdict, ALongReasonIsCutBetweenCharacters) {
  std::string reason(499, 'x');
  for (int i = 0; i < 10; ++i) reason += "ü";
  const Result<Answer> answer = decodeAnswer(R"({"result":{"verdict":"deny","reason":")" + reason + "\"}}");
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->reason, std::string(499, 'x'));
}

TEST(PolicyVerdict, WhatIsNoAnswerIsNoneOfTheThree) {
  for (const char* const text :
       {"", "{", "[]", "null", "{}", R"({"decision_id":"1"})", R"({"result":null})", R"({"result":"allow"})",
        R"({"result":[]})", R"({"result":{}})", R"({"result":{"verdict":"ALLOW"}})", R"({"result":{"verdict":true}})",
        R"({"result":{"allow":true}})", R"({"result":1})"}) {
    const Result<Answer> answer = decodeAnswer(text);
    ASSERT_FALSE(answer) << text;
    EXPECT_EQ(answer.error().code(), ErrorCode::Malformed) << text;
  }
}

}  // namespace
}  // namespace ds01::policy
