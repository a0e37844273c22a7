// `ds01 who [SLOT]`: who is on a GPU, and since when.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <boost/json/object.hpp>

#include "base/result.h"
#include "cli/paper.h"
#include "control/types.h"

namespace ds01::cli {

// The slots that `place` means: a GPU's index stands for all its slots, "1:0" and "1.0" for one, a UUID for its slot;
// empty for all. NotFound names the slots there are.
Result<std::vector<control::GpuRow>> slotsAt(const control::StatusSnapshot& snapshot, std::string_view place);

std::string whoText(const std::vector<control::GpuRow>& rows, std::string_view place, const Paper& paper);

// {"api","slots":[{"slot","uuid","model","state","user","since","container"}]}
boost::json::object whoJson(const std::vector<control::GpuRow>& rows);

}  // namespace ds01::cli
