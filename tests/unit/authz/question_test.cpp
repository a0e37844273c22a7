#include "authz/question.h"

#include <gtest/gtest.h>

namespace ds01::authz {
namespace {

Result<Question> read(std::string_view text, std::size_t piece = std::string_view::npos) {
  QuestionReader reader;
  for (std::size_t at = 0; at < text.size(); at += std::min(piece, text.size() - at)) {
    reader.feed(text.substr(at, piece));
  }
  return reader.finish();
}

// As dockerd 20.10 sends it, in its order.
constexpr std::string_view kAsked =
    R"({"RequestMethod":"POST","RequestUri":"/v1.41/containers/create?name=a\u0026b=c","RequestBody":"e30K",)"
    R"("RequestHeaders":{"Content-Length":"3","Content-Type":"application/json","User-Agent":"x",)"
    R"("X-Ds01-Ticket":"1.a.2.b"},"ResponseStatusCode":201,"ResponseBody":"e30K","ResponseHeaders":)"
    R"({"Content-Type":"application/json"}})"
    "\n";

TEST(Question, isReadHoweverItIsCut) {
  for (const std::size_t piece : {1U, 7U, 1000U}) {
    const auto question = read(kAsked, piece);
    ASSERT_TRUE(question.has_value()) << question.error().message();
    EXPECT_EQ(question->method, "POST");
    EXPECT_EQ(question->target, "/v1.41/containers/create?name=a&b=c");
    EXPECT_EQ(question->ticket, "1.a.2.b");
  }
}

TEST(Question, hasNoTicketWithoutTheHeader) {
  for (const std::string_view headers :
       {R"({})", R"({"x-ds01-ticket":"a"})", R"({"X-Ds01-Ticket ":"a"})", R"({"Other":{"X-Ds01-Ticket":"a"}})", R"([])",
        R"(null)", R"("X-Ds01-Ticket")"}) {
    const auto question = read(R"({"RequestMethod":"GET","RequestUri":"/","RequestHeaders":)" + std::string(headers) +
                               R"(,"X-Ds01-Ticket":"b","ResponseHeaders":{"X-Ds01-Ticket":"c"}})");
    ASSERT_TRUE(question.has_value()) << headers;
    EXPECT_FALSE(question->ticket.has_value()) << headers;
  }
}

TEST(Question, bodiesArePassedOver) {
  const std::string body(20'000'000, 'A');
  const auto question = read(R"({"RequestBody":")" + body + R"(","RequestMethod":"GET","RequestUri":"/"})", 65'536);
  EXPECT_TRUE(question.has_value());
}

TEST(Question, whatIsNoneIsRefused) {
  const std::string long_target(2 << 20, 'a');
  for (const std::string& text :
       {std::string(), std::string("null"), std::string("7"), std::string(R"("x")"), std::string("[]"),
        std::string("{}"), std::string("{"), std::string(R"({"RequestMethod":"GET"})"),
        std::string(R"({"RequestUri":"/"})"), std::string(R"({"RequestMethod":"","RequestUri":"/"})"),
        std::string(R"({"RequestMethod":"GET","RequestUri":null})"),
        std::string(R"({"RequestMethod":["GET"],"RequestUri":"/"})"),
        std::string(R"({"RequestMethod":{"a":"GET"},"RequestUri":"/"})"),
        std::string(R"({"RequestMethod":"GET","RequestMethod":"GET","RequestUri":"/"})"),
        std::string(R"({"RequestMethod":"GET","RequestUri":"/"} x)"),
        std::string("{\"RequestMethod\":\"GET\",\"RequestUri\":\"/\xff\"}"),
        R"({"RequestMethod":"GET","RequestUri":")" + long_target + R"("})",
        R"({"RequestMethod":"GET","RequestUri":"/","a":)" + std::string(1000, '[') + std::string(1000, ']') + "}"}) {
    const auto question = read(text);
    ASSERT_FALSE(question.has_value()) << text.substr(0, 80);
    EXPECT_EQ(question.error().code(), ErrorCode::Malformed);
  }
  const auto cut = read(kAsked.substr(0, kAsked.size() - 3));
  EXPECT_FALSE(cut.has_value());
}

TEST(Question, twoTicketsAreNone) {
  EXPECT_FALSE(
      read(R"({"RequestMethod":"GET","RequestUri":"/","RequestHeaders":{"X-Ds01-Ticket":"a","X-Ds01-Ticket":"b"}})"));
}

}  // namespace
}  // namespace ds01::authz
