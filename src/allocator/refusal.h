// What a user reads when the answer is no: what they hold, what was asked, what the limit is, and what would work now.
// Logins and times of other users are public (who is on which GPU); names of their containers are not.
#pragma once

#include <span>

#include "allocator/ledger.h"
#include "allocator/place.h"

namespace ds01::allocator {

// `own`: the leases of the user who asks. `kept`: free slots that are for those who came first.
Refusal explain(const Pool& pool, const ReserveRequest& request, const Budget& budget, const Misfit& misfit,
                std::span<const Lease* const> own, const SlotSet& kept = {});

}  // namespace ds01::allocator
