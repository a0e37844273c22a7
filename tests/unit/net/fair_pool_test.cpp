#include "net/fair_pool.h"

#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/asio_runner.h"

namespace ds01::net {
namespace {

using test::AsioRunner;
using testing::ElementsAre;

constexpr std::uint64_t kAlice = 1001;
constexpr std::uint64_t kBob = 1002;
constexpr std::uint64_t kCarol = 1003;

// Work that says in which order it was begun, and may be made to wait for a gate. The pool must be gone before it.
class Work {
 public:
  ~Work() { open(); }
  void open() {
    if (!std::exchange(opened_, true)) promise_.set_value();
  }
  std::function<void()> named(std::string name) {
    return [this, name] { begin(name); };
  }
  // At most one.
  std::function<void()> gated(std::string name) {
    return [this, name, gate = gate_] {
      begin(name);
      gated_.set_value();
      gate.wait();
    };
  }
  void awaitGated() { gated_.get_future().wait(); }
  std::vector<std::string> begun() {
    const std::lock_guard lock(mutex_);
    return begun_;
  }

 private:
  void begin(const std::string& name) {
    const std::lock_guard lock(mutex_);
    begun_.push_back(name);
  }

  std::mutex mutex_;
  std::vector<std::string> begun_;
  std::promise<void> gated_;
  std::promise<void> promise_;
  std::shared_future<void> gate_ = promise_.get_future().share();
  bool opened_ = false;
};

// Calls beside each other, and what became of them.
class Calls {
 public:
  explicit Calls(AsioRunner& runner) : runner_(runner) {}

  std::size_t start(FairPool& pool, std::uint64_t key, std::function<void()> work) {
    outcomes_.emplace_back();
    const std::size_t index = outcomes_.size() - 1;
    boost::asio::co_spawn(runner_.context(), wait(pool, key, std::move(work), index), boost::asio::detached);
    runner_.context().restart();
    runner_.context().poll();  // up to where it waits
    return index;
  }
  Status end(std::size_t index) {
    runner_.turn([&] { return outcomes_[index].has_value(); });
    return *outcomes_[index];
  }
  bool ended(std::size_t index) const { return outcomes_[index].has_value(); }

 private:
  boost::asio::awaitable<void> wait(FairPool& pool, std::uint64_t key, std::function<void()> work, std::size_t index) {
    outcomes_[index] = co_await pool.run(key, std::move(work));
  }

  AsioRunner& runner_;
  std::vector<std::optional<Status>> outcomes_;
};

TEST(FairPool, RunsOnAnotherThread) {
  AsioRunner runner;
  FairPool pool(1, 4);
  std::thread::id there;
  std::function<void()> work = [&there] { there = std::this_thread::get_id(); };
  EXPECT_TRUE(runner.run(pool.run(kAlice, std::move(work))));
  EXPECT_NE(there, std::thread::id());
  EXPECT_NE(there, std::this_thread::get_id());
}

TEST(FairPool, ExceptionsBecomeErrorsAndTheThreadLivesOn) {
  AsioRunner runner;
  FairPool pool(1, 4);
  std::function<void()> throwing = [] { throw std::runtime_error("boom"); };
  const Status threw = runner.run(pool.run(kAlice, std::move(throwing)));
  ASSERT_FALSE(threw);
  EXPECT_EQ(threw.error().code(), ErrorCode::Internal);
  EXPECT_NE(threw.error().message().find("boom"), std::string::npos);
  std::function<void()> good = [] {};
  EXPECT_TRUE(runner.run(pool.run(kAlice, std::move(good))));
}

TEST(FairPool, KeysTakeTurns) {
  Work work;
  AsioRunner runner;
  FairPool pool(1, 10);
  Calls calls(runner);
  calls.start(pool, kAlice, work.gated("a0"));
  work.awaitGated();
  for (const char* const name : {"a1", "a2", "a3"}) calls.start(pool, kAlice, work.named(name));
  for (const char* const name : {"b1", "b2"}) calls.start(pool, kBob, work.named(name));
  const std::size_t last = calls.start(pool, kCarol, work.named("c1"));
  EXPECT_EQ(pool.waiting(), 6U);
  EXPECT_FALSE(calls.ended(last));
  work.open();
  EXPECT_TRUE(calls.end(3)) << "a3, the last";
  EXPECT_THAT(work.begun(), ElementsAre("a0", "b1", "c1", "a1", "b2", "a2", "a3"));
}

TEST(FairPool, OneKeyNeverHasEveryThread) {
  Work work;
  AsioRunner runner;
  FairPool pool(2, 10);
  Calls calls(runner);
  const std::size_t held = calls.start(pool, kAlice, work.gated("a0"));
  const std::size_t waits = calls.start(pool, kAlice, work.named("a1"));
  for (int i = 0; i < 20; ++i) {
    EXPECT_TRUE(calls.end(calls.start(pool, kBob, work.named("b")))) << i;
  }
  EXPECT_FALSE(calls.ended(held));
  EXPECT_FALSE(calls.ended(waits));
  EXPECT_EQ(pool.waiting(), 1U);
  work.open();
  EXPECT_TRUE(calls.end(held));
  EXPECT_TRUE(calls.end(waits));
}

TEST(FairPool, RefusesAKeyThatWaitsTooOftenAndNobodyElse) {
  Work work;
  AsioRunner runner;
  FairPool pool(1, 2);
  Calls calls(runner);
  const std::size_t runs = calls.start(pool, kAlice, work.gated("a0"));
  const std::size_t first = calls.start(pool, kAlice, work.named("a1"));
  const std::size_t second = calls.start(pool, kAlice, work.named("a2"));
  const std::size_t third = calls.start(pool, kAlice, work.named("a3"));
  ASSERT_TRUE(calls.ended(third));
  EXPECT_EQ(calls.end(third).error().code(), ErrorCode::Unavailable);
  const std::size_t bobs = calls.start(pool, kBob, work.named("b1"));
  EXPECT_FALSE(calls.ended(bobs)) << "waits";
  work.open();
  for (const std::size_t index : {runs, first, second, bobs}) EXPECT_TRUE(calls.end(index));
}

TEST(FairPool, StoppedItDropsWhatWaitsAndEndsWhatRuns) {
  Work work;
  AsioRunner runner;
  FairPool pool(1, 4);
  Calls calls(runner);
  const std::size_t runs = calls.start(pool, kAlice, work.gated("a0"));
  const std::size_t waits = calls.start(pool, kBob, work.named("b1"));
  work.awaitGated();
  pool.stop();
  EXPECT_EQ(calls.end(waits).error().code(), ErrorCode::Unavailable);
  EXPECT_EQ(calls.end(calls.start(pool, kBob, work.named("b2"))).error().code(), ErrorCode::Unavailable);
  EXPECT_FALSE(calls.ended(runs));
  work.open();
  EXPECT_TRUE(calls.end(runs));
  EXPECT_THAT(work.begun(), ElementsAre("a0"));
}

TEST(FairPool, WhatWaitsIsDroppedWithThePool) {
  Work work;
  AsioRunner runner;
  auto pool = std::make_unique<FairPool>(1, 4);
  Calls calls(runner);
  const std::size_t runs = calls.start(*pool, kAlice, work.gated("a0"));
  const std::size_t waits = calls.start(*pool, kAlice, work.named("a1"));
  work.awaitGated();
  // The pool waits in its destructor for what runs, when nothing waits any more.
  std::thread opener([&work, going = pool.get()] {
    while (going->waiting() > 0) std::this_thread::yield();
    work.open();
  });
  pool.reset();
  opener.join();
  EXPECT_TRUE(calls.end(runs));
  const Status dropped = calls.end(waits);
  ASSERT_FALSE(dropped);
  EXPECT_EQ(dropped.error().code(), ErrorCode::Unavailable);
  EXPECT_THAT(work.begun(), ElementsAre("a0"));
}

TEST(FairPool, WorkMayEndAfterTheLoopThatWaitedForIt) {
  Work work;
  FairPool pool(1, 4);
  {
    AsioRunner runner;
    Calls calls(runner);
    calls.start(pool, kAlice, work.gated("a0"));
  }
  work.open();
  AsioRunner runner;
  EXPECT_TRUE(runner.run(pool.run(kAlice, work.named("a1"))));
}

}  // namespace
}  // namespace ds01::net
