#include "net/real_clock.h"

#include <chrono>

#include <time.h>

namespace ds01::net {

TimePoint RealClock::now() const {
  return std::chrono::time_point_cast<std::chrono::microseconds>(std::chrono::system_clock::now());
}

std::chrono::microseconds BootClock::now() const {
  timespec at{};
  ::clock_gettime(CLOCK_BOOTTIME, &at);
  return std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::seconds(at.tv_sec) +
                                                               std::chrono::nanoseconds(at.tv_nsec));
}

}  // namespace ds01::net
