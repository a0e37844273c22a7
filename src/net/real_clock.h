// The machine's clocks: the only place that reads them.
#pragma once

#include <chrono>

#include "base/clock.h"

namespace ds01::net {

class RealClock : public Clock {
 public:
  TimePoint now() const override;
};

// Time since boot, CLOCK_BOOTTIME: it counts sleep too, nobody sets it, and it is the same to all processes of the host
// (outside of time namespaces). Any thread.
class BootClock {
 public:
  std::chrono::microseconds now() const;
};

}  // namespace ds01::net
