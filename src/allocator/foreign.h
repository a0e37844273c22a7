// GPUs that a running container may use by its own configuration, whoever made it. What it may use beside its own lease
// is foreign use: such a slot is occupied while the container runs, and nothing is placed there.
//
// Everything by which a container gets to a GPU counts, read so that it means rather too much than too little: device
// requests (NVIDIA's driver, CDI), NVIDIA_VISIBLE_DEVICES under a runtime that may heed it, device files, device rules,
// --privileged. A container labelled ds01.monitoring=true only looks at GPUs; users cannot set that label.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "allocator/pool.h"
#include "base/clock.h"
#include "base/ids.h"
#include "model/engine.h"

namespace ds01::allocator {

struct GpuClaim {
  bool all = false;
  std::vector<std::string> devices =
      {};                               // as NVIDIA's tools take them: indices "0" and "1:0", UUIDs or their beginnings
  std::vector<std::string> nodes = {};  // device files and folders on the host, absolute
  std::vector<LeaseId> leases = {};     // whose CDI entry it names

  bool none() const { return !all && devices.empty() && nodes.empty() && leases.empty(); }
  bool operator==(const GpuClaim&) const = default;
};

// `default_runtime`: the Engine's, for containers that name none.
GpuClaim claimOf(const ContainerView& container, std::string_view default_runtime);

// Whether the claim is one on a GPU at all, whatever the machine has: device files are claims too, of other devices as
// well.
bool mayReachGpu(const GpuClaim& claim);

// Of what the machine has; in inventory order. Leases are not looked at.
std::vector<SlotIndex> claimedSlots(const GpuClaim& claim, const Inventory& inventory);

// One running container with a claim.
struct GpuUse {
  ContainerId container;
  std::string login;  // whose it is; empty: the admins'
  TimePoint since;
  GpuClaim claim;
};

}  // namespace ds01::allocator
