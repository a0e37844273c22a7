// Why a lease got the slots that it got, for `ds01 explain`.
#pragma once

#include "allocator/ledger.h"
#include "model/denial.h"

namespace ds01::allocator {

// Asked right after the grant (or a preview), before the ledger changes: `lease` may be in it or not.
Facts placementOf(const Ledger& ledger, const Lease& lease, const ReserveRequest& request);

}  // namespace ds01::allocator
