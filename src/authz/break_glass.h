// Break-glass: for a time that root has written down, what comes without a ticket passes, and is logged.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"

namespace ds01::authz {

inline constexpr std::chrono::hours kLongestBreakGlass{24};

struct BreakGlass {
  std::optional<TimePoint> until;  // set: open
  std::string problem;             // why what is there does not open it; empty where nothing is
};

// `text`: of the file, one RFC 3339 point in time, at most a day after now and after the file was `written`, so that a
// forgotten file or a slip of the pen leaves the door open for no longer, nor opens it some other day. Anything else is
// closed.
BreakGlass readBreakGlass(std::string_view text, TimePoint written, TimePoint now);

}  // namespace ds01::authz
