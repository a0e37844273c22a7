#include "net/blocking_pool.h"

#include <atomic>
#include <future>
#include <stdexcept>
#include <string>
#include <thread>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <gtest/gtest.h>

#include "support/asio_runner.h"

namespace ds01::net {
namespace {

using namespace std::chrono_literals;
using test::AsioRunner;

constexpr auto kLong = 10'000ms;
constexpr auto kShort = 20ms;

// A call that hangs until it is let go; also lets go when the test fails.
class Gate {
 public:
  ~Gate() { open(); }
  void open() {
    if (!opened_.exchange(true)) promise_.set_value();
  }
  std::function<Result<int>()> hangingCall() {
    return [open = open_] {
      open.wait();
      return Result<int>(1);
    };
  }

 private:
  std::promise<void> promise_;
  std::shared_future<void> open_ = promise_.get_future().share();
  std::atomic<bool> opened_ = false;
};

TEST(BlockingPool, RunsOnAnotherThreadAndHandsTheValueBack) {
  AsioRunner runner;
  BlockingPool pool(2, 4);
  const auto here = std::this_thread::get_id();
  const std::function<Result<std::string>()> work = [here]() -> Result<std::string> {
    return std::this_thread::get_id() == here ? "same" : "other";
  };
  EXPECT_EQ(runner.run(pool.run<std::string>(work, kLong)).value(), "other");
}

TEST(BlockingPool, HandsErrorsBackAndTurnsExceptionsIntoThem) {
  AsioRunner runner;
  BlockingPool pool(1, 4);
  const std::function<Result<int>()> failing = []() -> Result<int> { return fail(ErrorCode::NotFound, "nobody"); };
  const std::function<Result<int>()> throwing = []() -> Result<int> { throw std::runtime_error("boom"); };
  const auto failed = runner.run(pool.run<int>(failing, kLong));
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code(), ErrorCode::NotFound);
  const auto threw = runner.run(pool.run<int>(throwing, kLong));
  ASSERT_FALSE(threw);
  EXPECT_EQ(threw.error().code(), ErrorCode::Internal);
  EXPECT_NE(threw.error().message().find("boom"), std::string::npos);
  const std::function<Result<int>()> good = [] { return Result<int>(7); };
  EXPECT_EQ(runner.run(pool.run<int>(good, kLong)).value(), 7) << "the thread lives on";
}

TEST(BlockingPool, AHungCallCostsItsThreadAndNoMore) {
  Gate gate;
  AsioRunner runner;
  BlockingPool pool(2, 4);
  const auto hung = runner.run(pool.run<int>(gate.hangingCall(), kShort));
  ASSERT_FALSE(hung);
  EXPECT_EQ(hung.error().code(), ErrorCode::Timeout);
  const std::function<Result<int>()> good = [] { return Result<int>(7); };
  EXPECT_EQ(runner.run(pool.run<int>(good, kLong)).value(), 7);
}

TEST(BlockingPool, RefusesWhenTooManyWait) {
  Gate gate;
  AsioRunner runner;
  BlockingPool pool(1, 1);
  ASSERT_FALSE(runner.run(pool.run<int>(gate.hangingCall(), kShort)));
  boost::asio::co_spawn(
      runner.context(),
      [&]() -> boost::asio::awaitable<void> { (void)co_await pool.run<int>(gate.hangingCall(), kLong); },
      boost::asio::detached);
  const std::function<Result<int>()> good = [] { return Result<int>(7); };
  const auto refused = runner.run(pool.run<int>(good, kLong));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), ErrorCode::Unavailable);
}

TEST(BlockingPool, ACallThatTimedOutInTheQueueIsNeverMadeAndLeavesRoom) {
  Gate gate;
  AsioRunner runner;
  auto ran = std::make_shared<std::atomic<int>>(0);
  BlockingPool pool(1, 1);
  ASSERT_FALSE(runner.run(pool.run<int>(gate.hangingCall(), kShort)));
  const std::function<Result<int>()> count = [ran]() -> Result<int> { return ++*ran; };
  for (int i = 0; i < 3; ++i) {
    const auto late = runner.run(pool.run<int>(count, kShort));
    ASSERT_FALSE(late);
    EXPECT_EQ(late.error().code(), ErrorCode::Timeout) << "not refused: the one before has left the queue";
  }
  gate.open();
  EXPECT_EQ(runner.run(pool.run<int>(count, kLong)).value(), 1);
}

TEST(BlockingPool, GoesWithoutWaitingForAHungCall) {
  Gate gate;
  AsioRunner runner;
  auto pool = std::make_unique<BlockingPool>(1, 1);
  ASSERT_FALSE(runner.run(pool->run<int>(gate.hangingCall(), kShort)));
  pool.reset();  // would hang here
}

TEST(BlockingPool, TheLoopMayGoBeforeTheCallReturns) {
  auto returned = std::make_shared<std::promise<void>>();
  auto started = std::make_shared<std::promise<void>>();
  Gate gate;
  BlockingPool pool(1, 1);
  {
    AsioRunner runner;
    boost::asio::co_spawn(
        runner.context(),
        [&]() -> boost::asio::awaitable<void> {
          const std::function<Result<int>()> work = [started, hang = gate.hangingCall()] {
            started->set_value();
            return hang();
          };
          (void)co_await pool.run<int>(work, kLong);
        },
        boost::asio::detached);
    runner.context().poll();
    started->get_future().wait();
  }
  gate.open();
  // The only thread is free again, so the first call has come back and found nobody to wake.
  AsioRunner other;
  const std::function<Result<int>()> good = [] { return Result<int>(7); };
  EXPECT_EQ(other.run(pool.run<int>(good, kLong)).value(), 7);
}

}  // namespace
}  // namespace ds01::net
