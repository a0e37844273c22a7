// What refusals and leases look like to the user and in events.jsonl.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "allocator/ledger.h"
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

Denial tooManyContainers(const std::vector<const ownership::Record*>& have, std::int64_t being_created,
                         std::int64_t limit, const std::string& group);

// `placement`: why these slots.
events::Event gpuAllocated(const Lease& lease, const allocator::Ledger& ledger, const Facts& placement);
events::Event gpuReleased(const Lease& lease, const allocator::Ledger& ledger, std::string_view reason);
events::Event gpuRejected(const gateway::GrantRequest& request, const allocator::Refusal& refusal);

}  // namespace ds01::daemon
