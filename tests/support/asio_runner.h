// Runs an awaitable to its end on an io_context of the test's own and hands back its value. A job that hangs makes the
// test fail (std::runtime_error) instead of hanging it.
#pragma once

#include <chrono>
#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <stdexcept>
#include <type_traits>
#include <utility>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

namespace ds01::test {

class AsioRunner {
 public:
  explicit AsioRunner(std::chrono::milliseconds limit = std::chrono::seconds{20}) : limit_(limit) {}

  boost::asio::io_context& context() { return context_; }
  boost::asio::any_io_executor executor() { return context_.get_executor(); }

  // The value of `job`; its exception is thrown on. Work started beside it (co_spawn, timers) goes on only during this
  // and later calls. May be called again and again, not from inside a job.
  template <typename T>
  T run(boost::asio::awaitable<T> job) {
    auto outcome = std::make_shared<Outcome<T>>();
    boost::asio::co_spawn(context_, keep(std::move(job), outcome), [outcome](std::exception_ptr error) {
      outcome->error = error;
      outcome->done = true;
    });
    turn([&] { return outcome->done; });
    if (outcome->error) std::rethrow_exception(outcome->error);
    if constexpr (!std::is_void_v<T>) return std::move(*outcome->value);
  }

  // Turns the loop until the condition holds, which must become true by something that happens on the loop. A condition
  // that turns it itself is asked again before the loop is waited for: what it waits for may have happened meanwhile.
  template <typename Condition>
  void turn(Condition until) {
    const auto deadline = std::chrono::steady_clock::now() + limit_;
    context_.restart();
    while (true) {
      const std::uint64_t before = handled_;
      if (until()) return;
      const bool late = std::chrono::steady_clock::now() >= deadline;
      if (handled_ != before && !late) continue;
      if (late || context_.run_one_until(deadline) == 0) {
        throw std::runtime_error(std::chrono::steady_clock::now() < deadline
                                     ? "AsioRunner: nothing left to do, and the awaited has not happened"
                                     : "AsioRunner: the awaited did not happen in time");
      }
      ++handled_;
    }
  }

 private:
  template <typename T>
  struct Outcome {
    std::optional<std::conditional_t<std::is_void_v<T>, char, T>> value = {};
    std::exception_ptr error = {};
    bool done = false;
  };

  // co_spawn's own way of handing the value over needs a T that can be default-constructed.
  template <typename T>
  static boost::asio::awaitable<void> keep(boost::asio::awaitable<T> job, std::shared_ptr<Outcome<T>> outcome) {
    if constexpr (std::is_void_v<T>) {
      co_await std::move(job);
    } else {
      outcome->value.emplace(co_await std::move(job));
    }
  }

  std::chrono::milliseconds limit_;
  boost::asio::io_context context_{1};
  std::uint64_t handled_ = 0;
};

}  // namespace ds01::test
