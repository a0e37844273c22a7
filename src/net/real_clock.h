// The machine's wall clock: the only place that reads it.
#pragma once

#include "base/clock.h"

namespace ds01::net {

class RealClock : public Clock {
 public:
  TimePoint now() const override;
};

}  // namespace ds01::net
