// The ledger's image on disk, gpu-state.json: {"version":3,"leases":[{…}]}. A lease has exactly these fields:
//
//   id, state ("reserved" | "bound" | "parked"), uid, login, group, uuids ([] while parked), weight_micro (GPU
//   equivalents in millionths), container ("" while reserved), container_name, decision, since (RFC 3339, UTC,
//   microseconds), delivery ("fixed" | "at_start"), profile, count, stopped (as since, or ""), written (UUIDs; with
//   "parked" and "fixed", and only then), restart ("", "always", "unless-stopped", "on-failure" or "on-failure:N")
//
// Version 2 had not the last two, and parked only leases with "at_start"; version 1 had none of the last six and no
// parked leases. Both are read, and written as version 3.
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
