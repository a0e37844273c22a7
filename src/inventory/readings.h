// What the driver said about the GPUs, as it said it, and what we make of it. Decides only; who reads is nvml/.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "model/gpu.h"

namespace ds01::inventory {

struct MigReading {
  std::int64_t number = 0;  // as `nvidia-smi -L` counts: "MIG 1g.10gb Device 0"
  std::string uuid;
  std::string name;                 // "NVIDIA A100-SXM4-80GB MIG 1g.10gb"
  std::int64_t gpu_slices = 0;      // of its GPU instance
  std::int64_t compute_slices = 0;  // its own; fewer if the GPU instance is shared by several
  std::int64_t memory_mib = 0;
  std::vector<std::string> device_nodes;  // that exist

  bool operator==(const MigReading&) const = default;
};

struct GpuReading {
  std::int64_t index = 0;  // NVML's, in the order of the PCI bus: what nvidia-smi shows
  std::string uuid;        // empty if it cannot be read any more
  std::string model;
  std::int64_t memory_mib = 0;  // 0: the driver does not say
  std::int64_t slices = 0;      // MIG instances that it can hold at most; 0: it does not say
  bool mig = false;             // cut by MIG
  std::vector<MigReading> instances;
  std::vector<std::string> device_nodes;  // that exist
  std::string trouble;                    // what the driver reports against it, for people; empty: nothing

  bool operator==(const GpuReading&) const = default;
};

struct Readings {
  std::string driver;  // "580.159.04"
  std::vector<GpuReading> gpus;
  std::vector<std::string> remarks;  // for the administrator

  bool operator==(const Readings&) const = default;
};

// "1g.10gb": from the name that the driver gives the instance; if that has none, from its slices and its share of the
// GPU's memory, rounded up to eighths of the GPU as nvidia-smi does. "1c.3g.40gb" for a part of a GPU instance.
std::string migProfile(const MigReading& instance, std::int64_t gpu_memory_mib);

struct Interpretation {
  Inventory inventory;
  std::vector<std::string> remarks;  // those of the readings, and what could not be used and why
  Readings remembered;               // for the next call
};

// A GPU whose own data contradict themselves is left out with a remark and does not take the others with it. One that
// the driver has lost is what `before` knew of this index, and sick.
Interpretation interpret(const Readings& now, const Readings& before);

}  // namespace ds01::inventory
