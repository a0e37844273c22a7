// A clock that stands still until a test moves it.
#pragma once

#include <chrono>
#include <mutex>

#include "base/clock.h"

namespace ds01::test {

class FakeClock : public Clock {
 public:
  // 2025-01-01T00:00:00Z unless told otherwise.
  FakeClock() = default;
  explicit FakeClock(TimePoint now) : now_(now) {}

  TimePoint now() const override {
    const std::lock_guard lock(mutex_);
    return now_;
  }
  void set(TimePoint now) {
    const std::lock_guard lock(mutex_);
    now_ = now;
  }
  void advance(std::chrono::microseconds by) {
    const std::lock_guard lock(mutex_);
    now_ += by;
  }

 private:
  mutable std::mutex mutex_;
  TimePoint now_{std::chrono::seconds{1'735'689'600}};
};

}  // namespace ds01::test
