// `ds01 queue`: who waits for a GPU, in the order in which they are served.
#pragma once

#include <string>
#include <vector>

#include <boost/json/object.hpp>

#include "cli/paper.h"
#include "control/types.h"

namespace ds01::cli {

// `with_reasons`: why each waits, on paper that is wide enough.
std::string queueTable(std::vector<control::QueueRow> queue, bool with_reasons, const Paper& paper);

std::string queueText(const control::StatusSnapshot& snapshot, const Paper& paper);

// {"api","queue":[…]}: the rows of `status`.
boost::json::object queueJson(const control::StatusSnapshot& snapshot);

}  // namespace ds01::cli
