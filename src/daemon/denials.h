// What refusals and leases look like to the user and in events.jsonl.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "allocator/ledger.h"
#include "allocator/queue.h"
#include "events/event.h"
#include "gateway/ports.h"
#include "model/denial.h"
#include "ownership/index.h"

namespace ds01::daemon {

// `group`: whose limits they were.
Denial denialOf(const allocator::Refusal& refusal, const std::string& group);
// True for refusals that end when a container is removed: worth a look at the Engine before saying no.
bool mayHelpToLookAgain(allocator::RefusalCode code);
// What a user reads when something other than a quota is in the way of a GPU.
Denial notReady();
Denial leaseEnded();  // the container's own, for good
Denial noEntry();     // what the Engine must find is not on disk
Denial clientGone();  // nobody reads it
Denial queueFull(allocator::Queue::Crowd crowd);

// Of one who waits.
struct Standing {
  std::int64_t place = 1;  // 1 is next
  std::int64_t of = 1;     // how many wait
  std::chrono::seconds waited{};
};
Denial waitedInVain(const allocator::Refusal& refusal, const std::string& group, const Standing& standing);
Denial stateUnwritable();
Denial policyNotSet(std::string_view why);  // the restart policy, by the Engine

Denial tooManyContainers(const std::vector<const ownership::Record*>& have, std::int64_t being_created,
                         std::int64_t limit, const std::string& group);

// `placement`: why these slots.
events::Event gpuAllocated(const Lease& lease, const allocator::Ledger& ledger, const Facts& placement);
events::Event gpuReleased(const Lease& lease, const allocator::Ledger& ledger, std::string_view reason);
// `why`: as allocator::whyWaiting().
events::Event queueJoined(const allocator::ReserveRequest& ask, std::int64_t place, std::string_view why);
// `reason`: granted, refused, timeout or client_gone.
events::Event queueLeft(const allocator::ReserveRequest& ask, std::string_view reason, std::chrono::seconds waited);
// Its container has stopped; how long it may stand before the slots are given back, if there is an end.
events::Event gpuHeld(const Lease& lease, const allocator::Ledger& ledger, std::optional<std::chrono::seconds> hold);
events::Event gpuRejected(const gateway::GrantRequest& request, const allocator::Refusal& refusal);

}  // namespace ds01::daemon
