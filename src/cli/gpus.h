// `ds01 gpus`: the hardware as slots that can be asked for.
#pragma once

#include <string>

#include <boost/json/object.hpp>

#include "cli/paper.h"
#include "control/types.h"

namespace ds01::cli {

std::string gpusText(const control::StatusSnapshot& snapshot, const Paper& paper);

// {"api","gpus":[…]}: the rows of `status`.
boost::json::object gpusJson(const control::StatusSnapshot& snapshot);

}  // namespace ds01::cli
