// When a container with a lease may start, and when a stopped one gives its slots back. Leases with Delivery::Fixed are
// held until their container is removed; those with Delivery::AtStart for their owner's gpu_hold_after_stop.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <vector>

#include "allocator/ledger.h"
#include "base/clock.h"
#include "base/ids.h"

namespace ds01::allocator {

enum class StartRule {
  NoGpu,   // it has no lease and names none
  Held,    // its slots are its own
  Resume,  // its lease is parked: it must ask for slots again
  Ended,   // it names a lease that ended or is another's: what was written into it may be leased to somebody else
};

// `named`: the lease in the label of the container, if its owner is proven.
StartRule startRule(const Ledger& ledger, const ContainerId& container, const std::optional<LeaseId>& named);

struct HoldsDue {
  std::vector<LeaseId> park;
  std::optional<std::chrono::seconds> next;  // from now, rounded up, until another is due; unset: none will be
};

// How long the slots of this lease are kept for its stopped container; unset: for ever.
using HoldOf = std::function<std::optional<std::chrono::seconds>(const Lease& lease)>;

HoldsDue holdsDue(const std::vector<Lease>& leases, const HoldOf& hold_of, TimePoint now);

}  // namespace ds01::allocator
