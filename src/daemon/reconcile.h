// What the Engine's containers mean for our leases: a pure comparison, run at start and after each loss of the event
// stream. The Engine is the truth for what exists; the ledger for what is pending.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/ids.h"
#include "model/engine.h"
#include "model/gpu.h"
#include "model/lease.h"

namespace ds01::daemon {

// A container that the Engine has. Its ds01.* labels are ours, and count, only if the owner is proven (ownership/).
struct PresentContainer {
  ContainerView view;
  std::optional<std::string> owner;
};

struct LeaseToBind {
  LeaseId lease;
  ContainerId container;
  std::string name;
};

struct ReconcilePlan {
  std::vector<LeaseToBind> bind;           // reserved, and the container is there
  std::vector<LeaseId> release;            // bound or parked, and the container is gone
  std::vector<LeaseId> unsettled;          // reserved, no container (yet): the Engine may still be making it
  std::vector<PresentContainer> unleased;  // carries a lease label that `leases` does not have; those that run first
};

// `leases` must have been read before the Engine was asked for `present`: a container is made after its lease and a
// lease is bound after its container was made, so only then is a bound lease whose container is missing at its end.
// Leases in `in_flight` belong to requests that this process is still handling and are left alone.
ReconcilePlan planReconcile(const std::vector<Lease>& leases, const std::vector<PresentContainer>& present,
                            const std::set<LeaseId>& in_flight);

// The lease that a container's labels describe, to take it back when the ledger has lost it. Unset if the labels are
// not complete. With Delivery::AtStart the slots are those of its CDI entry, and without one the lease is parked.
std::optional<Lease> leaseFromLabels(const ContainerView& view, const std::string& owner, const Inventory& inventory,
                                     const std::vector<std::string>& entry_uuids = {});

// The lease of a stopped container whose slots are written into it, when another holds them. False: they are not.
bool parkAsWritten(Lease& lease);

}  // namespace ds01::daemon
