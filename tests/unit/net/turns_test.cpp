#include "net/turns.h"

#include <optional>
#include <vector>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ds01::net {
namespace {

namespace asio = boost::asio;
using std::chrono::milliseconds;
using testing::ElementsAre;

constexpr std::uint64_t kAlice = 1001;
constexpr std::uint64_t kBob = 1002;
constexpr milliseconds kNever = std::chrono::hours(1);

struct Table {
  explicit Table(std::size_t at_once, std::optional<milliseconds> longest = kNever) : turns(at_once, longest) {}

  void ask(std::uint64_t key, int who) {
    asio::co_spawn(
        io,
        [](Table& self, std::uint64_t k, int w) -> asio::awaitable<void> {
          Turns::Turn turn = co_await self.turns.take(k);
          self.order.push_back(w);
          self.held.emplace_back(std::move(turn));
        }(*this, key, who),
        asio::detached);
  }
  // All that can happen without anybody's doing.
  void settle() {
    io.restart();
    while (io.poll() > 0) {
    }
  }
  void endFirst() {
    held.erase(held.begin());
    settle();
  }

  asio::io_context io{1};
  Turns turns;
  std::vector<Turns::Turn> held;
  std::vector<int> order;
};

TEST(Turns, aKeyHasSoManyAtOnceAndTheOthersComeInOrder) {
  Table table(2);
  for (int i = 1; i <= 5; ++i) table.ask(kAlice, i);
  table.settle();
  EXPECT_THAT(table.order, ElementsAre(1, 2));
  EXPECT_EQ(table.turns.waiting(), 3U);
  table.endFirst();
  EXPECT_THAT(table.order, ElementsAre(1, 2, 3));
  table.endFirst();
  table.endFirst();
  EXPECT_THAT(table.order, ElementsAre(1, 2, 3, 4, 5));
  EXPECT_EQ(table.turns.waiting(), 0U);
}

TEST(Turns, nobodyWaitsForAnotherKey) {
  Table table(1);
  for (int i = 1; i <= 100; ++i) table.ask(kAlice, i);
  table.ask(kBob, 1000);
  table.settle();
  EXPECT_THAT(table.order, ElementsAre(1, 1000));
}

TEST(Turns, whoElseHasOneIsKnown) {
  Table table(1);
  const auto other = [&](std::uint64_t key) {
    std::vector<std::uint64_t> seen;
    table.turns.anyOther(key, [&](std::uint64_t who) {
      seen.push_back(who);
      return false;
    });
    return seen;
  };
  EXPECT_THAT(other(kAlice), ElementsAre());
  table.ask(kBob, 1);
  table.ask(kBob, 2);
  table.settle();
  EXPECT_THAT(other(kAlice), ElementsAre(kBob));
  EXPECT_THAT(other(kBob), ElementsAre());
  EXPECT_TRUE(table.turns.anyOther(kAlice, [](std::uint64_t who) { return who == kBob; }));
  table.endFirst();
  table.endFirst();
  EXPECT_THAT(other(kAlice), ElementsAre());
}

TEST(Turns, whoAsksLaterDoesNotOvertake) {
  Table table(1);
  table.ask(kAlice, 1);
  table.ask(kAlice, 2);
  table.settle();
  // The turn is free, but given already.
  table.held.clear();
  table.ask(kAlice, 3);
  table.settle();
  EXPECT_THAT(table.order, ElementsAre(1, 2));
  table.endFirst();
  EXPECT_THAT(table.order, ElementsAre(1, 2, 3));
}

TEST(Turns, whereNoneIsTooLongEachCountsUntilItEnds) {
  Table table(2, std::nullopt);
  for (int i = 1; i <= 3; ++i) table.ask(kAlice, i);
  table.settle();
  EXPECT_THAT(table.order, ElementsAre(1, 2));
  table.io.restart();
  EXPECT_EQ(table.io.run_for(milliseconds(5)), 0U) << "nothing will happen by itself";
  table.endFirst();
  EXPECT_THAT(table.order, ElementsAre(1, 2, 3));
}

TEST(Turns, oneThatLastsLongNoLongerCounts) {
  Table table(2, milliseconds(1));
  for (int i = 1; i <= 6; ++i) table.ask(kAlice, i);
  table.io.run();  // until nobody waits
  EXPECT_THAT(table.order, ElementsAre(1, 2, 3, 4, 5, 6));
  // Ending what no longer counts gives nobody a turn too many.
  table.held.clear();
  EXPECT_EQ(table.turns.waiting(), 0U);
}

TEST(Turns, whatIsMovedOverEnds) {
  Table table(1);
  table.ask(kAlice, 1);
  table.settle();
  table.ask(kAlice, 2);
  table.settle();
  table.held.front() = Turns::Turn();
  table.settle();
  EXPECT_THAT(table.order, ElementsAre(1, 2));
}

TEST(Turns, aTurnMayOutliveThem) {
  asio::io_context io{1};
  std::optional<Turns::Turn> kept;
  {
    Turns turns(1, kNever);
    asio::co_spawn(
        io,
        [](Turns& t, std::optional<Turns::Turn>& k) -> asio::awaitable<void> { k = co_await t.take(kAlice); }(turns,
                                                                                                              kept),
        asio::detached);
    io.run();
  }
  ASSERT_TRUE(kept);
  kept.reset();
}

TEST(Turns, aLoopThatIsDestroyedTakesItsWaitersAlong) {
  std::optional<Turns> turns(std::in_place, 1, kNever);
  {
    asio::io_context io{1};
    for (int i = 0; i < 3; ++i) {
      asio::co_spawn(
          io,
          [](Turns& t) -> asio::awaitable<void> {
            const Turns::Turn turn = co_await t.take(kAlice);
            asio::steady_timer forever(co_await asio::this_coro::executor, asio::steady_timer::time_point::max());
            co_await forever.async_wait(asio::use_awaitable);
          }(*turns),
          asio::detached);
    }
    io.poll();
    EXPECT_EQ(turns->waiting(), 2U);
  }
  EXPECT_EQ(turns->waiting(), 0U);
}

}  // namespace
}  // namespace ds01::net
