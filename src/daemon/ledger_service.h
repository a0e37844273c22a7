// The ledger in service: reservations that are on disk before the Engine is asked, leases bound to containers,
// everything given back once. Owns the only Ledger; I/O thread only, the disk is the StateWriter's thread.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <boost/asio/any_io_executor.hpp>

#include "allocator/file/state_writer.h"
#include "allocator/ledger.h"
#include "daemon/owner_service.h"
#include "docker/engine_client.h"
#include "events/event.h"
#include "gateway/ports.h"

namespace ds01::daemon {

struct LedgerParts {
  allocator::Ledger& ledger;
  allocator::StateWriter& writer;
  OwnerService& owners;
  docker::EngineClient& engine;
  events::EventSink& events;
  const Clock& clock;
};

class LedgerService final : public gateway::Grants {
 public:
  // All parts must outlive this.
  LedgerService(boost::asio::any_io_executor executor, LedgerParts parts);

  boost::asio::awaitable<std::expected<gateway::Grant, Denial>> reserve(gateway::GrantRequest request) override;

  // False until the ledger has been compared with the Engine for the first time: creates are refused until then.
  void setReady() { ready_ = true; }
  void setGpusForAll(allocator::GpusForAll meaning) { gpus_for_all_ = meaning; }

  // A container is gone, by whatever path: its lease ends. Harmless if it had none.
  void containerGone(const ContainerId& id);
  // Compares bound leases and the owner index with the Engine's list; true if something had gone.
  boost::asio::awaitable<Result<bool>> dropVanished();
  // Full comparison: at start and after each loss of the event stream.
  boost::asio::awaitable<Status> reconcile();

  const allocator::Ledger& ledger() const { return parts_.ledger; }

 private:
  struct Ticket {
    std::string login;
    std::optional<LeaseId> lease;
  };

  boost::asio::awaitable<void> bind(DecisionId ticket, std::optional<LeaseId> lease, ContainerId id, std::string name,
                                    std::string owner) override;
  void release(DecisionId ticket, std::optional<LeaseId> lease) override;
  void uncertain(DecisionId ticket, std::optional<LeaseId> lease) override;

  std::optional<Denial> checkContainerCount(const gateway::GrantRequest& request) const;
  std::expected<Lease, allocator::Refusal> tryReserve(const gateway::GrantRequest& request);
  boost::asio::awaitable<std::expected<Lease, Denial>> reserveGpu(const gateway::GrantRequest& request);
  void bindLease(const LeaseId& lease, const ContainerId& id, const std::string& name);
  void endLease(const LeaseId& lease, std::string_view reason);
  void adopt(const ContainerView& view);
  void settleLater(LeaseId lease);
  boost::asio::awaitable<void> settle(LeaseId lease);
  boost::asio::awaitable<Status> persist();
  void persistLater();
  std::set<LeaseId> leasesInFlight() const;

  boost::asio::any_io_executor executor_;
  LedgerParts parts_;
  bool ready_ = false;
  allocator::GpusForAll gpus_for_all_ = allocator::GpusForAll::One;
  std::map<DecisionId, Ticket> in_flight_;  // requests between reserve() and bind/release/uncertain
  std::set<LeaseId> settling_;
};

}  // namespace ds01::daemon
