#include "authz/judge.h"

#include <gtest/gtest.h>

#include "unit/authz/fake_mac.h"

namespace ds01::authz {
namespace {

using namespace std::chrono_literals;

const MacFunction kMac = fakeMac("key");
const BreakGlass kWhole;
const BreakGlass kBroken{.until = TimePoint(1h), .problem = {}};

Question asked(std::optional<std::string> ticket, std::string target = "/info") {
  return {"GET", std::move(target), std::move(ticket)};
}

std::string ticketFor(std::string_view target, char digit = 'a', Moment issued = 10s) {
  return writeTicket(ticketOf(digit, issued), "GET", target, kMac);
}

TEST(Judge, aTicketPassesOnceAndItsAnswerToo) {
  Judge judge(0s);
  const Question question = asked(ticketFor("/info"));
  EXPECT_TRUE(judge.request(question, kMac, 11s, kWhole).allow);
  EXPECT_FALSE(judge.request(question, kMac, 11s, kWhole).allow);
  EXPECT_TRUE(judge.response(question, kMac, kWhole).allow);
  EXPECT_FALSE(judge.response(question, kMac, kWhole).allow);
}

TEST(Judge, refusesWithWhatToDo) {
  Judge judge(5s);
  const Verdict none = judge.request(asked(std::nullopt), kMac, 11s, kWhole);
  EXPECT_FALSE(none.allow);
  EXPECT_NE(none.message.find("DOCKER_HOST"), std::string::npos);
  EXPECT_NE(none.message.find("Break-glass"), std::string::npos);
  EXPECT_FALSE(judge.request(asked(ticketFor("/version")), kMac, 11s, kWhole).allow);
  EXPECT_FALSE(judge.request(asked("1.x"), kMac, 11s, kWhole).allow);
  const Verdict early = judge.request(asked(ticketFor("/info", 'b', 4s)), kMac, 11s, kWhole);
  EXPECT_NE(early.message.find("Try again"), std::string::npos);
  EXPECT_EQ(verdictJson(none).find("{\"Allow\":false,\"Msg\":\""), 0U);
  EXPECT_EQ(verdictJson({.allow = true, .broke_glass = false, .reason = {}, .message = {}}), "{\"Allow\":true}\n");
}

TEST(Judge, aTicketForAnotherTargetIsNotSpentByIt) {
  Judge judge(0s);
  const std::string ticket = ticketFor("/info");
  EXPECT_FALSE(judge.request(asked(ticket, "/version"), kMac, 11s, kWhole).allow);
  EXPECT_TRUE(judge.request(asked(ticket), kMac, 11s, kWhole).allow);
}

TEST(Judge, breakGlassPassesAndSaysSo) {
  Judge judge(0s);
  const Verdict passed = judge.request(asked(std::nullopt), kMac, 11s, kBroken);
  EXPECT_TRUE(passed.allow);
  EXPECT_TRUE(passed.broke_glass);
  const Verdict with_ticket = judge.request(asked(ticketFor("/info")), kMac, 11s, kBroken);
  EXPECT_TRUE(with_ticket.allow);
  EXPECT_FALSE(with_ticket.broke_glass);
}

TEST(Judge, theAnswerToARequestOfBreakGlassGoesOutAfterItsEnd) {
  Judge judge(0s);
  ASSERT_TRUE(judge.request(asked(std::nullopt), kMac, 11s, kBroken).allow);
  EXPECT_FALSE(judge.response(asked(std::nullopt, "/other"), kMac, kWhole).allow);
  EXPECT_TRUE(judge.response(asked(std::nullopt), kMac, kWhole).allow);
  EXPECT_FALSE(judge.response(asked(std::nullopt), kMac, kWhole).allow);
}

TEST(Judge, whatIsLoggedIsPrintableAndHasNoQuery) {
  EXPECT_EQ(loggedTarget(asked(std::nullopt, "/build?buildargs=secret")), "GET /build");
  EXPECT_EQ(loggedTarget(asked(std::nullopt, "/a\n\x1b[1mb")), "GET /a??[1mb");
  EXPECT_LT(loggedTarget(asked(std::nullopt, std::string(5000, 'a'))).size(), 300U);
}

}  // namespace
}  // namespace ds01::authz
