// From a description of the GPUs, whoever gave it (the driver, a file), to the slots that can be leased.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <vector>

#include "model/gpu.h"

namespace ds01::inventory {

struct MigSpec {
  std::string profile;                     // "2g.20gb", "1g.10gb+me"
  std::string uuid;                        // "MIG-…"
  std::optional<std::int64_t> memory_mib;  // unset: what the profile's name says
  std::vector<std::string> device_nodes;   // beside those of its GPU: /dev/nvidia-caps/nvidia-cap21
  std::optional<std::int64_t> number;      // N of its name; unset: its position in `mig`
  int line = 0;                            // for messages, as in GpuSpec
  int column = 0;
};

struct GpuSpec {
  std::int64_t index = 0;
  std::string uuid;  // "GPU-…"
  std::string model;
  std::int64_t memory_mib = 0;
  std::int64_t slices = 7;                  // compute slices that MIG can cut it into
  std::optional<std::vector<MigSpec>> mig;  // set: MIG is on, and the GPU itself cannot be given
  std::vector<std::string> device_nodes;    // "/dev/nvidia0"; an instance gets them too
  std::string sick;                         // as in GpuSlot, and so are its instances
  int line = 0;                             // where the description stands; 0 if in no file
  int column = 0;
};

struct Fault {
  std::string where;  // "gpus[1].mig[0]", by position in the description
  int line = 0;
  int column = 0;
  std::string message;
};

// Slots are named "INDEX" or "INDEX:N". A MIG instance weighs N/slices, rounded down to
// millionths. All faults at once: an index or UUID twice, a UUID of the wrong kind, a bad profile, more slices than the
// GPU has, a number twice, a device node that is not plainly below /dev.
std::expected<Inventory, std::vector<Fault>> build(const std::vector<GpuSpec>& gpus);

}  // namespace ds01::inventory
