// What would work now instead of a request that was refused, found by asking placement itself.
#pragma once

#include <span>
#include <vector>

#include "allocator/ledger.h"
#include "allocator/place.h"

namespace ds01::allocator {

struct Suggestion {
  std::vector<const Lease*> remove;  // without these containers of the user the request itself would be granted now
  std::vector<SlotIndex> instead;    // a smaller request would be granted these now
  bool by_device = false;            // `instead` has the kind that was named, but must be asked for by its name
};

Suggestion suggest(const Pool& pool, const ReserveRequest& request, const Budget& budget,
                   std::span<const Lease* const> own, const SlotSet& kept = {});

}  // namespace ds01::allocator
