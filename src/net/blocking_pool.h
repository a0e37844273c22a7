// Runs blocking calls (NSS, files) on a few threads of their own, so that the I/O thread never waits for them. A call
// that exceeds its time limit is answered with Timeout; its thread goes on until the call returns (it cannot be
// stopped), and the number of calls waiting is bounded, so a hung name service costs at most the pool's threads.
#pragma once

#include <chrono>
#include <concepts>
#include <cstddef>
#include <functional>
#include <memory>
#include <type_traits>

#include <boost/asio/awaitable.hpp>

#include "base/result.h"

namespace ds01::net {

class BlockingPool {
 public:
  BlockingPool(std::size_t threads, std::size_t max_waiting);
  BlockingPool(const BlockingPool&) = delete;
  BlockingPool& operator=(const BlockingPool&) = delete;
  ~BlockingPool();  // does not wait for a hung call

  // Called on the I/O thread; resumes there. `work` must own all it uses (it may outlive the caller's frame).
  // Unavailable when too many calls are waiting.
  template <typename T>
  boost::asio::awaitable<Result<T>> run(std::function<Result<T>()> work, std::chrono::milliseconds limit) {
    auto box = std::make_shared<Result<T>>(fail(ErrorCode::Internal, "not run"));
    // Named, because GCC 12 destroys a lambda that is a temporary of a co_await expression twice.
    std::function<void()> call = [box, work = std::move(work)] { *box = work(); };
    const Status done = co_await runErased(std::move(call), limit);
    if (!done) co_return fail(done.error());
    co_return std::move(*box);
  }

 private:
  boost::asio::awaitable<Status> runErased(std::function<void()> work, std::chrono::milliseconds limit);

  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace ds01::net
