// A GPU inventory from a file, for machines without GPUs: trials, demonstrations and tests.
#pragma once

#include <filesystem>

#include "base/result.h"
#include "model/gpu.h"

namespace ds01::inventory::sim {

// The format is that of config/sim/gpus-4.yaml. The error's message has one line for each thing that is wrong, with
// file, line and column. Blocks on the disk.
Result<Inventory> loadSimulated(const std::filesystem::path& path);

}  // namespace ds01::inventory::sim
