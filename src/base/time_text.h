// Points in time as RFC 3339 text, the one form that our files, labels and the Engine share.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"

namespace ds01 {

// "2026-11-23T20:55:10.123Z": UTC, milliseconds.
std::string toRfc3339(TimePoint at);

// Accepts a fraction of any length (cut to microseconds) and "Z" or an offset "+01:00". Unset if it is anything else.
std::optional<TimePoint> parseRfc3339(std::string_view text);

}  // namespace ds01
