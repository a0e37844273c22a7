// Placement of a request that names its devices (--gpus device=…).
#pragma once

#include <expected>
#include <vector>

#include "allocator/place.h"

namespace ds01::allocator {

// The named slots in the order of the request, all or nothing. A name is a slot ("1:0", "1.0"), the index of a whole
// GPU or a UUID.
std::expected<std::vector<SlotIndex>, Misfit> placeDevices(const Pool& pool, const GpuRequest& request,
                                                           const Budget& budget, const Assumed& assumed);

}  // namespace ds01::allocator
