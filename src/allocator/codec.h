// The ledger's image on disk, gpu-state.json: {"version":2,"leases":[{…}]}. A lease has exactly these fields:
//
//   id, state ("reserved" | "bound" | "parked"), uid, login, group, uuids ([] while parked), weight_micro (GPU
//   equivalents in millionths), container ("" while reserved), container_name, decision, since (RFC 3339, UTC,
//   microseconds), delivery ("fixed" | "at_start"), profile, count, stopped (as since, or "")
//
// Version 1 had none of the last four and no parked leases; it is read, and written as version 2.
//
// Only what we wrote is read: a field more or less, an unknown version, a key, id, container or slot that stands twice
// are errors, because a ledger that is guessed leases a slot twice.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/lease.h"

namespace ds01::allocator {

// Text that is not valid UTF-8 (in names) is written with U+FFFD in place of what is not.
std::string encodeState(const std::vector<Lease>& leases);

// Errors: Malformed, with the place ("leases[3].since: …").
Result<std::vector<Lease>> decodeState(std::string_view text);

}  // namespace ds01::allocator
