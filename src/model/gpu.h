// The GPUs of the machine as slots that can be leased: whole GPUs and MIG instances.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/units.h"

namespace ds01 {

// One thing that one container can hold. A GPU that is cut by MIG contributes its instances and not itself.
struct GpuSlot {
  std::string slot;      // for people: "0" for a whole GPU, "1:0" for an instance
  std::string uuid;      // "GPU-…" or "MIG-…": the identity in state and requests
  std::string model;     // "NVIDIA A100-SXM4-80GB"
  std::string profile;   // "full", or the MIG profile "2g.20gb"
  std::int32_t gpu = 0;  // index of the physical GPU
  GpuEq weight;          // share of a whole GPU, rounded down
  std::int64_t memory_mib = 0;
  std::vector<std::string> device_nodes;  // on the host, absolute: /dev/nvidia0, /dev/nvidia-caps/nvidia-cap21; or none
  std::string sick;                       // why nothing may be placed here, for people; empty: nothing is wrong

  bool healthy() const { return sick.empty(); }
  bool whole() const { return profile == "full"; }
  bool operator==(const GpuSlot&) const = default;
};

// Ordered by physical index, then instance. Slots and UUIDs are unique.
struct Inventory {
  std::vector<GpuSlot> slots;

  bool operator==(const Inventory&) const = default;
};

}  // namespace ds01
