#include "net/real_clock.h"

#include <chrono>

namespace ds01::net {

TimePoint RealClock::now() const {
  return std::chrono::time_point_cast<std::chrono::microseconds>(std::chrono::system_clock::now());
}

}  // namespace ds01::net
