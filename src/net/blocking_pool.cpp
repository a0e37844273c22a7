#include "net/blocking_pool.h"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <fmt/format.h>

#include "net/pool_call.h"

namespace ds01::net {

namespace asio = boost::asio;

struct BlockingPool::State {
  struct Worker {
    std::thread thread;
    bool busy = false;
  };

  std::mutex mutex;  // guards all below
  std::condition_variable more;
  std::deque<std::shared_ptr<PoolCall>> queue;
  std::vector<Worker> workers;
  std::size_t max_waiting = 0;
  bool stopping = false;

  void loop(std::size_t self) {
    std::unique_lock lock(mutex);
    for (;;) {
      more.wait(lock, [this] { return stopping || !queue.empty(); });
      if (stopping) return;
      std::shared_ptr<PoolCall> call = std::move(queue.front());
      queue.pop_front();
      workers[self].busy = true;
      lock.unlock();
      perform(*call, "a blocking call");
      call.reset();
      lock.lock();
      workers[self].busy = false;
    }
  }

  bool enqueue(const std::shared_ptr<PoolCall>& call) {
    const std::lock_guard lock(mutex);
    const auto idle = static_cast<std::size_t>(std::ranges::count(workers, false, &Worker::busy));
    if (stopping || queue.size() >= max_waiting + idle) return false;
    queue.push_back(call);
    more.notify_one();
    return true;
  }

  void forget(const std::shared_ptr<PoolCall>& call) {
    const std::lock_guard lock(mutex);
    std::erase(queue, call);
  }
};

BlockingPool::BlockingPool(std::size_t threads, std::size_t max_waiting) : state_(std::make_shared<State>()) {
  const std::lock_guard lock(state_->mutex);
  state_->max_waiting = max_waiting;
  state_->workers.resize(threads);
  for (std::size_t i = 0; i < threads; ++i) {
    state_->workers[i].thread = std::thread([state = state_, i] { state->loop(i); });
  }
}

BlockingPool::~BlockingPool() {
  std::vector<std::thread> idle;
  {
    const std::lock_guard lock(state_->mutex);
    state_->stopping = true;
    state_->queue.clear();
    for (State::Worker& worker : state_->workers) {
      if (worker.busy) {
        worker.thread.detach();
      } else {
        idle.push_back(std::move(worker.thread));
      }
    }
    state_->more.notify_all();
  }
  for (std::thread& thread : idle) thread.join();
}

asio::awaitable<Status> BlockingPool::runErased(std::function<void()> work, std::chrono::milliseconds limit) {
  const std::shared_ptr<State> state = state_;  // the pool may be gone when this resumes
  const asio::any_io_executor executor = co_await asio::this_coro::executor;
  // Shared with the wake-up, which may still be queued in the loop when this frame has ended.
  const auto timer = std::make_shared<asio::steady_timer>(executor);
  timer->expires_after(limit);

  const auto call = std::make_shared<PoolCall>();
  call->work = std::move(work);
  call->wake = [executor, timer] {
    asio::post(executor, [timer] { timer->expires_at(asio::steady_timer::time_point::min()); });
  };
  const StopWaiting guard(call);
  if (!state->enqueue(call)) {
    co_return fail(ErrorCode::Unavailable, "too many blocking calls are waiting");
  }
  co_await timer->async_wait(asio::as_tuple(asio::use_awaitable));

  state->forget(call);
  const std::lock_guard lock(call->mutex);
  if (!call->finished) {
    co_return fail(ErrorCode::Timeout, fmt::format("no answer in {} ms", limit.count()));
  }
  if (!call->thrown.empty()) co_return fail(ErrorCode::Internal, call->thrown);
  co_return Status{};
}

}  // namespace ds01::net
