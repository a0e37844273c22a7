// `ds01 status`: a sentence that sums up, the GPUs, the users against their limits, the queue.
#pragma once

#include <string>

#include "cli/paper.h"
#include "cli/table.h"
#include "control/types.h"

namespace ds01::cli {

std::string statusText(const control::StatusSnapshot& snapshot, const Paper& paper);

// "4 GPUs, 7 slots: 3 free, 4 held by 2 users".
std::string summary(const control::StatusSnapshot& snapshot);

// The state in its colour, with a dot in front where the paper has Unicode.
Cell stateCell(control::SlotState state, const Paper& paper);

// Index of the physical GPU; empty if it is the same as in the row before, so that a GPU's slots read as a group.
std::string gpuGroup(const control::GpuRow& row, const control::GpuRow* before);

}  // namespace ds01::cli
