// `ds01 explain ID`: why something was decided, or what a container has and why.
#pragma once

#include <string>

#include "cli/paper.h"
#include "control/explanation.h"

namespace ds01::cli {

std::string explanationText(const control::Explanation& explanation, const Paper& paper);

}  // namespace ds01::cli
