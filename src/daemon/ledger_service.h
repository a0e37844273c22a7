// The ledger in service: reservations that are on disk before the Engine is asked, leases bound to containers,
// everything given back once. Owns the only Ledger; I/O thread only, the disk is the StateWriter's thread.
//
// Other coroutines run at each co_await: what was read from the ledger, the index or in_flight_ before one is a copy,
// and is looked up again before it is acted on.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/steady_timer.hpp>

#include "allocator/file/state_writer.h"
#include "allocator/ledger.h"
#include "allocator/start.h"
#include "daemon/gpu_devices.h"
#include "daemon/lease_gates.h"
#include "daemon/owner_service.h"
#include "daemon/reconcile.h"
#include "daemon/waiting_line.h"
#include "docker/engine_client.h"
#include "events/event.h"
#include "gateway/ports.h"
#include "inventory/changes.h"

namespace ds01::daemon {

struct LedgerParts {
  allocator::Ledger& ledger;
  allocator::StateWriter& writer;
  OwnerService& owners;
  docker::EngineClient& engine;
  events::EventSink& events;
  const Clock& clock;
  GpuDevices& devices;
  std::function<std::expected<Limits, Denial>(const std::string& login)> limits_of;  // as of now
  // How long the Engine may take to notice that an entry is gone.
  std::chrono::milliseconds engine_notices{300};
};

// How long we wait before each look for the container of a create that broke off; after the last one in vain there is
// none. Looks that the Engine does not answer do not count and are repeated with the last pause. Never empty.
using Looks = std::vector<std::chrono::milliseconds>;
Looks usualLooks();

class LedgerService final : public gateway::Grants {
 public:
  // All parts must outlive this.
  LedgerService(boost::asio::any_io_executor executor, LedgerParts parts, Looks looks = usualLooks());

  boost::asio::awaitable<std::expected<gateway::Grant, Denial>> reserve(gateway::GrantRequest request) override;
  std::expected<gateway::GrantPreview, Denial> preview(const gateway::GrantRequest& request) const override;

  boost::asio::awaitable<std::expected<gateway::StartPermit, Denial>> admitStart(ContainerId container,
                                                                                 DecisionId decision,
                                                                                 gateway::Patience* patience) override;

  // How long requests that come later wait for a GPU; 0: not at all.
  void setQueueWait(std::chrono::milliseconds wait) { line_.setWait(wait); }
  // The configuration has changed: those who wait are judged anew.
  void limitsChanged() { line_.setLimits(parts_.limits_of); }
  const allocator::Queue& queue() const { return line_.queue(); }

  std::optional<RestartPolicy> keptPolicy(const ContainerId& container) const override;
  boost::asio::awaitable<std::expected<gateway::PolicyChange, Denial>> changePolicy(ContainerId container,
                                                                                    RestartPolicy wanted) override;

  // The Engine's, for containers that name none.
  void setDefaultRuntime(std::string runtime) { default_runtime_ = std::move(runtime); }
  void setGpusForAll(allocator::GpusForAll meaning) { gpus_for_all_ = meaning; }

  // Full comparison with the Engine: at start and after each loss of the event stream. Creates are refused until the
  // first has succeeded. An error if the Engine did not answer, or if connectionLost() or another reconcile() came in
  // between; nothing was changed then.
  boost::asio::awaitable<Status> reconcile();
  // Events have been missed: creates are refused until reconcile() has succeeded again.
  void connectionLost();

  // What the driver says now; leases keep what they hold (allocator/ledger.h).
  void setInventory(Inventory inventory);
  // Nobody knows for now which GPUs there are; `why` as in Ledger::markStale().
  void inventoryStale(std::string why);
  // Whether GPUs are given by what was last seen while the inventory is stale.
  void setStaleGrants(bool allowed);

  // The Engine has made a container: perhaps that of a lease which does not know it.
  boost::asio::awaitable<void> containerCreated(ContainerId id);
  void containerStarted(const ContainerId& id);
  void containerStopped(const ContainerId& id);
  // Its settings were changed, perhaps past us.
  void containerUpdated(const ContainerId& id);
  void containerRenamed(const ContainerId& id, const std::string& name);
  // A container is gone, by whatever path: its lease ends. Harmless if it had none.
  void containerGone(const ContainerId& id);
  // Compares bound leases and the owner index with the Engine's list; true if something had gone.
  boost::asio::awaitable<Result<bool>> dropVanished();

  // Gives back the slots of containers whose hold is over; in how many seconds the next is due, if any is.
  boost::asio::awaitable<std::optional<std::chrono::seconds>> parkDue();
  // parkDue() again and again, when something is due. Never returns.
  boost::asio::awaitable<void> keepHolds();
  // How long a stopped container keeps its slots; unset: until it is removed.
  std::optional<std::chrono::seconds> holdOf(const Lease& lease) const;
  // Of a container that has stopped; unset: it has not, or keeps them.
  std::optional<TimePoint> holdEnds(const Lease& lease) const;
  // Makes the entries for the Engine those of the leases that hold slots: at start and with each reconcile.
  boost::asio::awaitable<void> alignEntries();

  const allocator::Ledger& ledger() const { return parts_.ledger; }
  // How often the ledger was found to contradict itself, since the start.
  std::int64_t invariantsBroken() const { return invariants_broken_; }

 private:
  struct Ticket {
    std::string login;
    std::optional<LeaseId> lease;
    bool uncertain = false;  // the request has ended, and whether there is a container is still to be found out
  };
  // Starts of one lease's container between admitStart() and the Engine's answer.
  struct Starting {
    int count = 0;
    bool resumed = false;              // slots were found for it, and it is not known to have started
    bool failed = false;               // or nobody knows
    std::optional<TimePoint> stopped;  // since when it did not run before
  };
  // What must be read before the Engine is asked for its list, because only that can be missing from the answer.
  struct Known {
    std::vector<Lease> leases;
    std::vector<ContainerId> containers;
  };

  boost::asio::awaitable<void> bind(DecisionId ticket, std::optional<LeaseId> lease, ContainerId id, std::string name,
                                    gateway::Attribution whose) override;
  void release(DecisionId ticket, std::optional<LeaseId> lease) override;
  void uncertain(DecisionId ticket, std::optional<LeaseId> lease) override;
  void startEnded(LeaseId lease, bool started) override;

  std::optional<Denial> checkContainerCount(const gateway::GrantRequest& request) const;
  allocator::ReserveRequest asReserve(const gateway::GrantRequest& request) const;
  boost::asio::awaitable<std::expected<std::vector<std::string>, Denial>> reach(Lease lease,
                                                                                std::vector<GpuSlot> slots);
  boost::asio::awaitable<std::expected<Lease, Denial>> reserveGpu(const gateway::GrantRequest& request);
  void noteGrant(const Lease& lease);
  void setReady(bool ready);
  bool stillReserved(const LeaseId& lease) const;
  void bindLease(const LeaseId& lease, const ContainerId& id, const std::string& name);
  void endLease(const LeaseId& lease, std::string_view reason);
  boost::asio::awaitable<Status> persist();
  void persistLater();

  void tell(const inventory::SlotChange& change);
  void reportViolations();

  Known known() const;
  // Containers with processes: all, and as they are those that are not of ours.
  struct Running {
    std::set<ContainerId> ids;
    std::vector<ContainerView> views;
  };
  void learnClaim(const ContainerView& view);
  void useBegins(const ContainerId& id, TimePoint since);
  void useEnds(const ContainerId& id);
  void tellUse(const ContainerId& id);
  void useMayBegin(const ContainerId& id);
  void useMayEnd(const ContainerId& id);
  void noteUse(const ContainerView& view);
  boost::asio::awaitable<void> lookAtUse(ContainerId id);
  boost::asio::awaitable<Result<Running>> inspectRunning(std::vector<ContainerId> seen);
  void applyUses(const Running& running, const std::vector<PresentContainer>& present);

  bool dropMissing(const Known& known, const std::vector<ContainerSummary>& listed);
  boost::asio::awaitable<Status> inspectUnowned(const std::vector<ContainerId>& containers);
  void apply(const ReconcilePlan& plan);
  void noteFound(const ContainerView& view);
  void takeBack(const ContainerView& view, const std::string& owner);
  void adopt(const ContainerView& view, const std::string& owner);
  std::set<LeaseId> leasesInFlight() const;

  allocator::StartRule startRuleOf(const ContainerId& container) const;
  const Lease* leaseOf(const ContainerId& container) const;
  boost::asio::awaitable<std::expected<Facts, Denial>> resume(LeaseId id, DecisionId decision,
                                                              gateway::Patience* patience);
  boost::asio::awaitable<bool> makeReachable(LeaseId id, bool resumed);
  boost::asio::awaitable<void> settleStart(LeaseId id, Starting ended);
  boost::asio::awaitable<void> park(LeaseId id, std::string reason);
  bool mayPark(const LeaseId& id) const;
  boost::asio::awaitable<bool> keepStopped(LeaseId id);
  boost::asio::awaitable<void> neutralise(LeaseId id);
  boost::asio::awaitable<std::optional<Denial>> restorePolicy(LeaseId id);
  bool unadmitted(const ContainerId& id) const;
  boost::asio::awaitable<void> stopUnadmitted(ContainerId id);
  boost::asio::awaitable<bool> tryToStop(ContainerId id);
  void tellStopped(const ContainerView& view);
  boost::asio::awaitable<bool> publish(LeaseId id);
  boost::asio::awaitable<bool> withdraw(LeaseId id);
  boost::asio::awaitable<void> dropEntry(LeaseId id);
  boost::asio::awaitable<Status> readEntries();
  static boost::asio::awaitable<void> pauseFor(boost::asio::any_io_executor executor, std::chrono::milliseconds pause);
  void noteRunning(const ContainerView& view);

  void settleLater(LeaseId lease);
  boost::asio::awaitable<void> settleLease(LeaseId lease);
  boost::asio::awaitable<Result<bool>> bindFound(LeaseId lease);
  boost::asio::awaitable<void> settleTicket(DecisionId ticket, std::string login);
  boost::asio::awaitable<Status> learnAllOf(std::string login);

  boost::asio::any_io_executor executor_;
  LedgerParts parts_;
  const Looks looks_;
  bool ready_ = false;
  std::uint64_t round_ = 0;  // grows with each reconcile and each loss, so that an overtaken reconcile notices
  bool stale_grants_ = false;
  std::set<std::string> broken_now_;  // as last seen, so that each is told once
  std::int64_t invariants_broken_ = 0;
  allocator::GpusForAll gpus_for_all_ = allocator::GpusForAll::One;
  std::map<DecisionId, Ticket> in_flight_;  // creates between reserve() and the moment when we know what came of them
  std::set<LeaseId> settling_;

  WaitingLine line_;
  LeaseGates gates_;
  std::map<LeaseId, Starting> starting_;
  std::set<LeaseId> published_;    // leases whose entry we know to be on disk
  PublishedEntries entries_;       // as last read
  std::set<ContainerId> changed_;  // started or stopped since the last reconcile began
  boost::asio::steady_timer hold_timer_;

  std::string default_runtime_ = "runc";
  std::map<ContainerId, allocator::GpuClaim> claims_;  // of containers that have been inspected
  std::map<ContainerId, unsigned> moves_;              // how often each was seen to start or stop
  std::set<ContainerId> told_;                         // whose foreign use has been told
};

}  // namespace ds01::daemon
