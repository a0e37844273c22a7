// When a container with a lease may start, what a start asks for, and when a stopped one gives its slots back: it keeps
// them for its owner's gpu_hold_after_stop.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <optional>
#include <string_view>
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

// What the next start of a parked lease's container asks for: with Delivery::Fixed the slots that are written into it,
// else as many of the same kind.
GpuRequest requestAgain(const Lease& parked);

// Ends the refusal of a start that could use no other slots than the `slots` written into the container: what works.
void sayFixed(Refusal& refusal, std::string_view container_name, std::size_t slots);

struct HoldsDue {
  std::vector<LeaseId> park;
  std::optional<std::chrono::seconds> next;  // from now, rounded up, until another is due; unset: none will be
};

// How long the slots of this lease are kept for its stopped container; unset: for ever.
using HoldOf = std::function<std::optional<std::chrono::seconds>(const Lease& lease)>;

HoldsDue holdsDue(const std::vector<Lease>& leases, const HoldOf& hold_of, TimePoint now);

}  // namespace ds01::allocator
