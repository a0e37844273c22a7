// LedgerService's half that lets containers start, and for leases whose slots come at each start (Delivery::AtStart)
// the entries by which the Engine finds them.
//
// The invariant: an entry is there while its lease holds slots, and only then.
#include <algorithm>

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <spdlog/spdlog.h>

#include "allocator/start.h"
#include "daemon/background.h"
#include "daemon/denials.h"
#include "daemon/ledger_service.h"

namespace ds01::daemon {

namespace asio = boost::asio;

asio::awaitable<std::expected<gateway::StartPermit, Denial>> LedgerService::admitStart(ContainerId container,
                                                                                       DecisionId decision,
                                                                                       gateway::Patience* patience) {
  using allocator::StartRule;
  if (startRuleOf(container) == StartRule::NoGpu) co_return gateway::StartPermit();
  if (!ready_) co_return std::unexpected(notReady());
  const Lease* found = leaseOf(container);
  if (found == nullptr) co_return std::unexpected(leaseEnded());
  // From here on it counts as being started, so that nobody takes back what is found for it.
  const LeaseId lease = found->id;
  const bool at_start = found->delivery == Lease::Delivery::AtStart;
  Starting& starting = starting_[lease];
  ++starting.count;
  if (!starting.stopped) starting.stopped = found->stopped;
  gateway::StartPermit permit(*this, lease, false);
  Facts why;
  for (;;) {
    if (startRuleOf(container) == StartRule::Resume) {
      // Not inside the gate: it may take minutes.
      std::expected<Facts, Denial> found_slots = co_await resume(lease, decision, patience);
      if (!found_slots) co_return std::unexpected(std::move(found_slots.error()));
      if (!found_slots->empty()) {
        permit.markFresh();
        why = std::move(*found_slots);
      }
    }
    const LeaseGates::Turn turn = co_await gates_.enter(lease);
    const StartRule rule = startRuleOf(container);
    if (rule == StartRule::Ended || rule == StartRule::NoGpu) co_return std::unexpected(leaseEnded());
    if (rule == StartRule::Resume) continue;  // parked before it was our turn
    const bool hidden = at_start ? !published_.contains(lease) : starting_[lease].resumed;
    if (hidden && !co_await makeReachable(lease, permit.fresh())) {
      co_return std::unexpected(at_start ? noEntry() : stateUnwritable());
    }
    std::optional<Denial> no_policy = co_await restorePolicy(lease);
    if (no_policy) co_return std::unexpected(std::move(*no_policy));
    if (leaseOf(container) == nullptr) co_return std::unexpected(leaseEnded());
    break;
  }
  const Lease* now = parts_.ledger.find(lease);
  if (permit.fresh() && now) parts_.events.emit(gpuAllocated(*now, parts_.ledger, why));
  // The hold ends before the Engine is asked: its events may be here before its answer.
  if (parts_.ledger.setStopped(lease, std::nullopt)) persistLater();
  co_return std::move(permit);
}

allocator::StartRule LedgerService::startRuleOf(const ContainerId& container) const {
  const ownership::Record* record = parts_.owners.index().find(container);
  return allocator::startRule(parts_.ledger, container, record ? record->lease : std::nullopt);
}

// The lease by which this container may start; null if there is none.
const Lease* LedgerService::leaseOf(const ContainerId& container) const {
  if (startRuleOf(container) == allocator::StartRule::Ended) return nullptr;
  if (const Lease* lease = parts_.ledger.findByContainer(container)) return lease;
  const ownership::Record* record = parts_.owners.index().find(container);
  return record && record->lease ? parts_.ledger.find(*record->lease) : nullptr;
}

// Slots for a parked lease, in its turn: why, for the explanation. Nothing to say: it has some already, by another
// start of the same container.
asio::awaitable<std::expected<Facts, Denial>> LedgerService::resume(LeaseId id, DecisionId decision,
                                                                    gateway::Patience* patience) {
  const Lease* parked = parts_.ledger.find(id);
  const std::string login = parked->login;
  const std::string name = parked->container_name;
  std::expected<Limits, Denial> limits = parts_.limits_of(login);
  if (!limits) co_return std::unexpected(std::move(limits.error()));
  std::optional<allocator::ReserveRequest> ask = parts_.ledger.resumption({.id = id,
                                                                           .decision = decision,
                                                                           .limits = std::move(*limits),
                                                                           .stale_inventory_will_do = stale_grants_,
                                                                           .now = parts_.clock.now()});
  if (!ask) co_return Facts{};
  WaitingLine::Outcome outcome = co_await line_.obtain(std::move(*ask), patience);
  if (outcome.lease) {
    starting_[id].resumed = true;
    Facts why{{"why", "the container is started, and its slots had been given back while it was stopped"}};
    why.insert(why.end(), outcome.waited.begin(), outcome.waited.end());
    co_return why;
  }
  const Lease* now = parts_.ledger.find(id);
  if (now == nullptr) co_return std::unexpected(leaseEnded());
  if (now->holds()) co_return Facts{};
  if (outcome.refusal) {
    gateway::GrantRequest refused;
    refused.caller.user.login = login;
    refused.container_name = name;
    refused.decision = decision;
    parts_.events.emit(gpuRejected(refused, *outcome.refusal));
  }
  co_return std::unexpected(std::move(outcome.lease.error()));
}

// The lease on disk, and then its entry, before the Engine hears of the start. `resumed`: on failure its slots are
// given back.
asio::awaitable<bool> LedgerService::makeReachable(LeaseId id, bool resumed) {
  const Status written = co_await persist();
  const Lease* lease = parts_.ledger.find(id);
  const bool at_start = lease != nullptr && lease->delivery == Lease::Delivery::AtStart;
  if (written && (!at_start || co_await publish(id))) co_return true;
  if (!written) spdlog::error("lease {} is not on disk: {}", id.str(), written.error().message());
  if (resumed && parts_.ledger.park(id)) {
    persistLater();
    line_.serve();
  }
  co_return false;
}

void LedgerService::startEnded(LeaseId lease, bool started) {
  const auto found = starting_.find(lease);
  if (found == starting_.end()) return;
  Starting& starting = found->second;
  if (started) {
    starting.resumed = false;
    starting.stopped.reset();
  }
  starting.failed = starting.failed || !started;
  if (--starting.count > 0) return;
  const Starting ended = starting;
  starting_.erase(found);
  if (ended.failed)
    runBeside(executor_, settleStart(std::move(lease), ended), "look at a container that did not start");
}

// A start that the Engine refused, or of which nobody knows what came: the container itself says whether it runs.
asio::awaitable<void> LedgerService::settleStart(LeaseId id, Starting ended) {
  for (;;) {
    const Lease* lease = parts_.ledger.find(id);
    if (lease == nullptr || !lease->holds() || lease->container.empty()) co_return;
    const Result<ContainerView> view = co_await parts_.owners.learn(lease->container);
    if (view || view.error().code() == ErrorCode::NotFound) {
      if (!view || view->up() || starting_.contains(id)) co_return;
      break;
    }
    co_await pauseFor(executor_, looks_.back());
  }
  const bool never_ran = !ended.resumed && !ended.stopped;
  if (never_ran || !parts_.ledger.setStopped(id, ended.stopped.value_or(parts_.clock.now()))) co_return;
  persistLater();
  std::string reason = "start_refused";
  if (ended.resumed) co_await park(std::move(id), std::move(reason));
  hold_timer_.cancel();
}

asio::awaitable<bool> LedgerService::publish(LeaseId id) {
  const Lease* lease = parts_.ledger.find(id);
  if (lease == nullptr || !lease->holds()) co_return false;
  std::vector<GpuSlot> slots;
  for (const std::string& uuid : lease->uuids) {
    const GpuSlot* slot = parts_.ledger.slotByUuid(uuid);
    if (slot == nullptr) {
      spdlog::error("the inventory has no {} now; the CDI entry of lease {} is left as it is", uuid, id.str());
      co_return false;
    }
    slots.push_back(*slot);
  }
  Lease copy = *lease;
  const Status written = co_await parts_.devices.publish(std::move(copy), std::move(slots));
  if (!written) {
    spdlog::error("the CDI entry of lease {} could not be written: {}", id.str(), written.error().message());
    // Perhaps it is there after all, later.
    co_await withdraw(id);
    co_return false;
  }
  if (parts_.ledger.find(id) == nullptr) {
    co_await withdraw(id);
    co_return false;
  }
  published_.insert(id);
  co_return true;
}

asio::awaitable<bool> LedgerService::withdraw(LeaseId id) {
  published_.erase(id);
  const Status removed = co_await parts_.devices.withdraw(id);
  if (!removed) spdlog::error("the CDI entry of lease {} stays: {}", id.str(), removed.error().message());
  co_return removed.has_value();
}

asio::awaitable<void> LedgerService::dropEntry(LeaseId id) {
  co_await withdraw(std::move(id));
}

asio::awaitable<Status> LedgerService::readEntries() {
  const std::vector<Lease> leases = parts_.ledger.leases();
  const bool some =
      std::ranges::any_of(leases, [](const Lease& lease) { return lease.delivery == Lease::Delivery::AtStart; });
  // Without any the directory may be another daemon's.
  if (!some && parts_.devices.delivery() == Lease::Delivery::Fixed) co_return Status{};
  Result<PublishedEntries> entries = co_await parts_.devices.published();
  if (!entries) {
    spdlog::error("the CDI entries of leases cannot be read: {}", entries.error().message());
    co_return fail(entries.error());
  }
  entries_ = std::move(*entries);
  co_return Status{};
}

asio::awaitable<void> LedgerService::alignEntries() {
  if (const Status read = co_await readEntries(); !read) co_return;
  const PublishedEntries entries = entries_;
  for (const auto& [id, uuids] : entries) {
    const LeaseGates::Turn turn = co_await gates_.enter(id);
    const Lease* lease = parts_.ledger.find(id);
    // An unknown one may be that of a container of ours that we have not seen yet.
    const bool unknown = lease == nullptr;
    if (unknown ? ready_ : !lease->holds()) co_await withdraw(id);
  }
  for (const Lease& lease : parts_.ledger.leases()) {
    if (lease.delivery == Lease::Delivery::Fixed) continue;
    const LeaseGates::Turn turn = co_await gates_.enter(lease.id);
    const Lease* now = parts_.ledger.find(lease.id);
    if (now == nullptr || !now->holds()) continue;
    const auto entry = entries.find(lease.id);
    const bool there = entry != entries.end() && entry->second == now->uuids;
    if (!there || !published_.contains(lease.id)) co_await publish(lease.id);
  }
}

}  // namespace ds01::daemon
