// What a create or a start may use, as the gateway holds it while the Engine is asked, and whom it asks for it. I/O
// thread only.
#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <boost/asio/awaitable.hpp>

#include "base/ids.h"
#include "gateway/patience.h"
#include "model/denial.h"
#include "model/gpu.h"
#include "model/lease.h"
#include "model/limits.h"
#include "model/restart_policy.h"
#include "model/user.h"

namespace ds01::gateway {

class Grants;

// Whose a new container is.
struct Attribution {
  std::string owner;         // login
  std::string made_by = {};  // login of the service user that made it for them; empty: nobody did
};

// The right to create one container, and the GPU slots it will hold. Move-only. Dropped before `forwarded()`:
// everything is given back. Dropped after it without `bind()`: nobody knows what the Engine did, so it stays held until
// the Engine has been asked. Must not outlive the Grants it came from (the daemon stops sessions first).
class Grant {
 public:
  Grant(Grants& grants, DecisionId ticket, std::optional<Lease> lease, std::vector<GpuSlot> slots,
        std::vector<std::string> device_nodes = {})
      : grants_(&grants),
        ticket_(std::move(ticket)),
        lease_(std::move(lease)),
        slots_(std::move(slots)),
        device_nodes_(std::move(device_nodes)) {}
  Grant(Grant&& other) noexcept
      : grants_(std::exchange(other.grants_, nullptr)),
        ticket_(std::move(other.ticket_)),
        lease_(std::move(other.lease_)),
        slots_(std::move(other.slots_)),
        device_nodes_(std::move(other.device_nodes_)),
        forwarded_(other.forwarded_) {}
  Grant& operator=(Grant&&) = delete;
  Grant(const Grant&) = delete;
  Grant& operator=(const Grant&) = delete;
  ~Grant();

  const DecisionId& ticket() const { return ticket_; }
  const std::optional<Lease>& lease() const { return lease_; }  // unset: no GPU was asked for
  const std::vector<GpuSlot>& slots() const { return slots_; }  // in the order of lease()->uuids
  // Device files that the container's configuration must name, all there on the host.
  const std::vector<std::string>& deviceNodes() const { return device_nodes_; }

  void forwarded() { forwarded_ = true; }
  // The Engine said no: give everything back, also after forwarded().
  void refused();
  // The Engine said 201. Done with this grant.
  boost::asio::awaitable<void> bind(ContainerId id, std::string name, Attribution whose);

 private:
  Grants* grants_;
  DecisionId ticket_;
  std::optional<Lease> lease_;
  std::vector<GpuSlot> slots_;
  std::vector<std::string> device_nodes_;
  bool forwarded_ = false;
};

// The right to start one container once. Move-only. Dropped without started(): whether the container runs is found out,
// and what was given for this start alone is taken back. Must not outlive the Grants it came from.
class StartPermit {
 public:
  StartPermit() = default;  // for a container about which nothing must be known
  // `fresh`: its slots were found for this start, and the Engine may need a moment to see them.
  StartPermit(Grants& grants, LeaseId lease, bool fresh) : grants_(&grants), lease_(std::move(lease)), fresh_(fresh) {}
  StartPermit(StartPermit&& other) noexcept
      : grants_(std::exchange(other.grants_, nullptr)),
        lease_(std::move(other.lease_)),
        fresh_(other.fresh_),
        started_(other.started_) {}
  StartPermit& operator=(StartPermit&&) = delete;
  StartPermit(const StartPermit&) = delete;
  StartPermit& operator=(const StartPermit&) = delete;
  ~StartPermit();

  bool fresh() const { return fresh_; }
  void markFresh() { fresh_ = true; }
  // The Engine said that it runs, now or already.
  void started() { started_ = true; }

 private:
  Grants* grants_ = nullptr;
  LeaseId lease_;
  bool fresh_ = false;
  bool started_ = false;
};

struct GrantRequest {
  Caller caller;
  Limits limits;
  DecisionId decision;
  std::string container_name;  // as asked for; may be empty
  std::optional<GpuRequest> gpu;
  Patience* patience = nullptr;  // null: whoever asks cannot give up while it waits
};

// What reserve() would grant now.
struct GrantPreview {
  // Set: nothing now. Why, and as which in the queue it would wait; the rest is empty then.
  struct Wait {
    Denial denial;
    std::int64_t place = 1;
    std::chrono::seconds at_most{};
  };
  std::optional<Wait> wait;
  std::optional<Lease> lease;  // in no ledger
  std::vector<GpuSlot> slots;
  std::vector<std::string> device_nodes;  // as the inventory knows them; not looked for on the host
  Facts placement;                        // why these
};

// What becomes of a restart policy that somebody sets.
struct PolicyChange {
  bool kept = false;           // the Engine must not hear of it now; it is put in force before the next start
  std::shared_ptr<void> turn;  // while it lives the container's lease gives nothing back: until the Engine has answered
};

class Grants {
 public:
  virtual ~Grants() = default;
  // Checks max_containers_per_user and, with `gpu`, reserves slots; if others hold them it waits its turn. When it
  // returns a grant with a lease, the reservation is on disk.
  virtual boost::asio::awaitable<std::expected<Grant, Denial>> reserve(GrantRequest request) = 0;
  // Whether this container, known to the ownership index, may start now. One whose slots were given back gets others of
  // the same kind, within its owner's quota of now; it waits or is refused as a create would be. `patience` as in
  // GrantRequest.
  virtual boost::asio::awaitable<std::expected<StartPermit, Denial>> admitStart(ContainerId container,
                                                                                DecisionId decision,
                                                                                Patience* patience) = 0;
  // What the owner of this container wants in place of the Engine's "no", while it has no GPU to start with; unset:
  // what the Engine says is true.
  virtual std::optional<RestartPolicy> keptPolicy(const ContainerId&) const { return std::nullopt; }
  // Before the Engine is asked to change a restart policy. When it says `kept`, that is on disk.
  virtual boost::asio::awaitable<std::expected<PolicyChange, Denial>> changePolicy(ContainerId, RestartPolicy) {
    co_return PolicyChange{};
  }
  // For dry runs: what reserve() would answer, from what is known without asking anybody. Changes nothing.
  virtual std::expected<GrantPreview, Denial> preview(const GrantRequest& request) const = 0;

 protected:
  friend class Grant;
  friend class StartPermit;
  virtual void startEnded(LeaseId lease, bool started) = 0;
  virtual boost::asio::awaitable<void> bind(DecisionId ticket, std::optional<LeaseId> lease, ContainerId id,
                                            std::string name, Attribution whose) = 0;
  virtual void release(DecisionId ticket, std::optional<LeaseId> lease) = 0;    // nothing was made
  virtual void uncertain(DecisionId ticket, std::optional<LeaseId> lease) = 0;  // ask the Engine what came of it
};

}  // namespace ds01::gateway
