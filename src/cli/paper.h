// What text is written on: the reader's terminal, clock and time zone. Filled by main, literal in tests.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>

#include "base/clock.h"

namespace ds01::cli {

struct Paper {
  std::size_t width = 0;  // columns of the terminal; 0: not a terminal, nothing is cut
  bool colour = false;
  bool unicode = false;  // the locale's encoding is UTF-8: bars and dots may be drawn with it
  TimePoint now;
  std::function<std::chrono::seconds(TimePoint)> utc_offset;  // of the reader's time zone then; unset: UTC

  // Room for absolute times beside the relative ones.
  bool wide() const { return width == 0 || width >= 110; }
};

}  // namespace ds01::cli
