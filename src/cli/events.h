// `ds01 events`: one line an event.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"
#include "cli/paper.h"
#include "control/explanation.h"

namespace ds01::cli {

// With its newline. Columns are as wide for every event, so that lines that come one at a time stand below each other.
std::string eventLine(const control::EventRow& row, const Paper& paper);

// What an event says, without time, user and type.
std::string sentenceOf(const control::EventRow& row);

// "90s", "30m", "2h", "3d" before `now`, or RFC 3339. InvalidArgument with a sentence.
Result<TimePoint> parseWhen(std::string_view text, TimePoint now);

}  // namespace ds01::cli
