// `ds01 ps`: the caller's containers and the GPUs they hold.
#pragma once

#include <string>

#include "cli/paper.h"
#include "control/types.h"

namespace ds01::cli {

std::string psText(const control::ContainerList& list, const Paper& paper);

}  // namespace ds01::cli
