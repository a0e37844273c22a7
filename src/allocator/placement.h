// Why a lease got the slots that it got, for `ds01 explain`.
#pragma once

#include <string>

#include "allocator/ledger.h"
#include "model/denial.h"

namespace ds01::allocator {

// Asked right after the grant (or a preview), before the ledger changes: `lease` may be in it or not.
Facts placementOf(const Ledger& ledger, const Lease& lease, const ReserveRequest& request);

// For people: "0.285714 of a GPU", "1 GPU", "2 GPUs".
std::string inGpus(GpuEq amount);

}  // namespace ds01::allocator
