// What the pools share: one call, between the coroutine that waits for it and the thread that makes it. Inside the
// folder only.
#pragma once

#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>

namespace ds01::net {

struct PoolCall {
  std::function<void()> work;

  std::mutex mutex;            // guards what follows
  std::function<void()> wake;  // empty once nobody waits any more
  bool finished = false;
  std::string thrown;
};

// Takes back the right to wake the coroutine when its frame goes, also when the loop is destroyed under it: after that
// the call's thread must not touch the executor.
class StopWaiting {
 public:
  explicit StopWaiting(std::shared_ptr<PoolCall> call) : call_(std::move(call)) {}
  StopWaiting(const StopWaiting&) = delete;
  StopWaiting& operator=(const StopWaiting&) = delete;
  ~StopWaiting() {
    const std::lock_guard lock(call_->mutex);
    call_->wake = nullptr;
  }

 private:
  std::shared_ptr<PoolCall> call_;
};

// On the call's thread. `what` for the error: "a blocking call".
inline void perform(PoolCall& call, std::string_view what) {
  std::string thrown;
  try {
    call.work();
  } catch (const std::exception& error) {
    thrown = fmt::format("{} threw: {}", what, error.what());
  } catch (...) {
    thrown = fmt::format("{} threw", what);
  }
  call.work = nullptr;
  const std::lock_guard lock(call.mutex);
  call.finished = true;
  call.thrown = std::move(thrown);
  if (call.wake) call.wake();
}

}  // namespace ds01::net
