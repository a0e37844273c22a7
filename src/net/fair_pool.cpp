#include "net/fair_pool.h"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <iterator>
#include <map>
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

#include "net/pool_call.h"

namespace ds01::net {

namespace asio = boost::asio;

struct FairPool::State {
  struct Lane {
    std::deque<std::shared_ptr<PoolCall>> waiting;
    std::size_t running = 0;
  };

  mutable std::mutex mutex;  // guards all below
  std::condition_variable more;
  std::map<std::uint64_t, Lane> lanes;  // only keys with something to do
  std::uint64_t last = 0;               // whose turn it was
  std::vector<std::thread> threads;
  std::size_t most_running = 1;  // of one key
  std::size_t max_waiting = 0;   // of one key
  bool stopping = false;

  bool mayRun(const Lane& lane) const { return !lane.waiting.empty() && lane.running < most_running; }

  // The next key after the last one that may run, in a circle; end() if there is none.
  std::map<std::uint64_t, Lane>::iterator next() {
    const auto after = lanes.upper_bound(last);
    const auto ready = [this](const auto& lane) { return mayRun(lane.second); };
    const auto found = std::find_if(after, lanes.end(), ready);
    if (found != lanes.end()) return found;
    const auto wrapped = std::find_if(lanes.begin(), after, ready);
    return wrapped != after ? wrapped : lanes.end();
  }

  void loop() {
    std::unique_lock lock(mutex);
    while (true) {
      more.wait(lock, [this] { return stopping || next() != lanes.end(); });
      if (stopping) return;
      const auto lane = next();
      last = lane->first;
      std::shared_ptr<PoolCall> call = std::move(lane->second.waiting.front());
      lane->second.waiting.pop_front();
      ++lane->second.running;  // keeps the lane in the map
      lock.unlock();
      perform(*call, "a computation");
      call.reset();
      lock.lock();
      --lane->second.running;
      if (lane->second.running == 0 && lane->second.waiting.empty()) lanes.erase(lane);
      more.notify_one();  // its key may run again
    }
  }

  bool enqueue(std::uint64_t key, const std::shared_ptr<PoolCall>& call) {
    const std::lock_guard lock(mutex);
    Lane& lane = lanes[key];
    const std::size_t room = max_waiting + (lane.running < most_running ? most_running - lane.running : 0);
    if (stopping || lane.waiting.size() >= room) return false;  // the lane holds something, or `room` were larger
    lane.waiting.push_back(call);
    more.notify_one();
    return true;
  }
};

FairPool::FairPool(std::size_t threads, std::size_t max_waiting_per_key, std::size_t most_per_key)
    : state_(std::make_shared<State>()) {
  const std::lock_guard lock(state_->mutex);
  state_->most_running = threads > 1 ? threads - 1 : 1;
  if (most_per_key > 0) state_->most_running = std::min(state_->most_running, most_per_key);
  state_->max_waiting = max_waiting_per_key;
  for (std::size_t i = 0; i < threads; ++i) state_->threads.emplace_back([state = state_] { state->loop(); });
}

FairPool::~FairPool() {
  stop();
  for (std::thread& thread : state_->threads) thread.join();
}

void FairPool::stop() {
  std::vector<std::shared_ptr<PoolCall>> dropped;
  {
    const std::lock_guard lock(state_->mutex);
    state_->stopping = true;
    for (auto& [key, lane] : state_->lanes) {
      std::ranges::move(lane.waiting, std::back_inserter(dropped));
      lane.waiting.clear();
    }
    state_->more.notify_all();
  }
  for (const std::shared_ptr<PoolCall>& call : dropped) {
    const std::lock_guard lock(call->mutex);
    if (call->wake) call->wake();
  }
}

std::size_t FairPool::waiting() const {
  const std::lock_guard lock(state_->mutex);
  std::size_t count = 0;
  for (const auto& [key, lane] : state_->lanes) count += lane.waiting.size();
  return count;
}

asio::awaitable<Status> FairPool::run(std::uint64_t key, std::function<void()> work) {
  const std::shared_ptr<State> state = state_;  // the pool may be gone when this resumes
  const asio::any_io_executor executor = co_await asio::this_coro::executor;
  // Shared with the wake-up, which may still be queued in the loop when this frame has ended.
  const auto timer = std::make_shared<asio::steady_timer>(executor, asio::steady_timer::time_point::max());

  const auto call = std::make_shared<PoolCall>();
  call->work = std::move(work);
  call->wake = [executor, timer] {
    asio::post(executor, [timer] { timer->expires_at(asio::steady_timer::time_point::min()); });
  };
  const StopWaiting guard(call);
  if (!state->enqueue(key, call)) {
    co_return fail(ErrorCode::Unavailable, "too many computations are waiting");
  }
  co_await timer->async_wait(asio::as_tuple(asio::use_awaitable));

  const std::lock_guard lock(call->mutex);
  if (!call->finished) co_return fail(ErrorCode::Unavailable, "the computation was dropped");
  if (!call->thrown.empty()) co_return fail(ErrorCode::Internal, call->thrown);
  co_return Status{};
}

}  // namespace ds01::net
