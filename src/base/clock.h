// Time is passed in. Decisions take a TimePoint; only the real clock in net/ reads the machine's.
#pragma once

#include <chrono>

namespace ds01 {

using TimePoint = std::chrono::sys_time<std::chrono::microseconds>;  // wall time, UTC

class Clock {
 public:
  Clock() = default;
  Clock(const Clock&) = delete;
  Clock& operator=(const Clock&) = delete;
  virtual ~Clock() = default;
  virtual TimePoint now() const = 0;  // may be called from any thread
};

}  // namespace ds01
