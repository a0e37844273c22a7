#include "authz/spent_tickets.h"

#include <gtest/gtest.h>

#include "unit/authz/fake_mac.h"

namespace ds01::authz {
namespace {

using namespace std::chrono_literals;

TEST(SpentTickets, opensOneRequestAndOneAnswer) {
  SpentTickets tickets(0s);
  const Ticket ticket = ticketOf('a', 10s);
  EXPECT_FALSE(tickets.answer(ticket));
  EXPECT_EQ(tickets.spend(ticket, 11s), Spend::Ok);
  EXPECT_EQ(tickets.spend(ticket, 11s), Spend::Again);
  EXPECT_TRUE(tickets.answer(ticket));
  EXPECT_FALSE(tickets.answer(ticket));
  EXPECT_EQ(tickets.spend(ticket, 12s), Spend::Again);
}

TEST(SpentTickets, aTicketIsGoodForAShortWhile) {
  SpentTickets tickets(0s);
  EXPECT_EQ(tickets.spend(ticketOf('a', 10s), 70s), Spend::Ok);
  EXPECT_EQ(tickets.spend(ticketOf('b', 10s), 70s + 1us), Spend::TooOld);
  EXPECT_EQ(tickets.spend(ticketOf('c', 80s), 79s), Spend::TooNew);
}

TEST(SpentTickets, aStreamsAnswerComesDaysLater) {
  SpentTickets tickets(0s);
  const Ticket stream = ticketOf('a', 10s);
  ASSERT_EQ(tickets.spend(stream, 10s), Spend::Ok);
  ASSERT_EQ(tickets.spend(ticketOf('b', 1'000'000s), 1'000'000s), Spend::Ok);
  EXPECT_EQ(tickets.spent(), 1U);  // what is too old anyhow is not remembered
  EXPECT_TRUE(tickets.answer(stream));
}

TEST(SpentTickets, ofWhatCameBeforeItBeganItKnowsNothing) {
  SpentTickets tickets(100s);
  EXPECT_EQ(tickets.spend(ticketOf('a', 99s), 101s), Spend::Unknown);
  EXPECT_EQ(tickets.spend(ticketOf('a', 100s), 101s), Spend::Unknown);
  EXPECT_TRUE(tickets.answer(ticketOf('a', 99s)));
  EXPECT_FALSE(tickets.answer(ticketOf('a', 101s)));
}

TEST(SpentTickets, memoryIsBoundedAndNoTicketIsGoodTwiceForIt) {
  SpentTickets tickets(0s, {.good_for = 60s, .most_spent = 2, .most_open = 10});
  EXPECT_EQ(tickets.spend(ticketOf('a', 1s), 2s), Spend::Ok);
  EXPECT_EQ(tickets.spend(ticketOf('b', 1s), 2s), Spend::Ok);
  EXPECT_EQ(tickets.spend(ticketOf('c', 1s), 2s), Spend::Full);
  EXPECT_EQ(tickets.spend(ticketOf('a', 1s), 2s), Spend::Again);
  EXPECT_EQ(tickets.spend(ticketOf('d', 62s), 62s), Spend::Ok);
}

TEST(SpentTickets, answersThatNeverComeAreForgottenOldestFirst) {
  SpentTickets tickets(0s, {.good_for = 60s, .most_spent = 100, .most_open = 2});
  const Ticket oldest = ticketOf('a', 1s);
  const Ticket middle = ticketOf('b', 2s);
  for (const Ticket& ticket : {oldest, middle, ticketOf('c', 3s)}) ASSERT_EQ(tickets.spend(ticket, 4s), Spend::Ok);
  EXPECT_EQ(tickets.open(), 2U);
  EXPECT_TRUE(tickets.answer(oldest)) << "its answer may still come";
  EXPECT_TRUE(tickets.answer(middle));
  EXPECT_FALSE(tickets.answer(middle));
}

}  // namespace
}  // namespace ds01::authz
