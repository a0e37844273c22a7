// LedgerService's half that asks the Engine what became of its containers.
#include <algorithm>
#include <set>

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <spdlog/spdlog.h>

#include "daemon/background.h"
#include "daemon/denials.h"
#include "daemon/inspection.h"
#include "daemon/ledger_service.h"

namespace ds01::daemon {

namespace asio = boost::asio;

namespace {

std::string label(const std::map<std::string, std::string>& labels, const char* key) {
  const auto found = labels.find(key);
  return found == labels.end() ? std::string{} : found->second;
}

}  // namespace

asio::awaitable<void> LedgerService::pauseFor(asio::any_io_executor executor, std::chrono::milliseconds pause) {
  asio::steady_timer timer(executor, pause);
  co_await timer.async_wait(asio::use_awaitable);
}

LedgerService::Known LedgerService::known() const {
  return {parts_.ledger.leases(), parts_.owners.index().ids()};
}

bool LedgerService::dropMissing(const Known& known, const std::vector<ContainerSummary>& listed) {
  std::set<ContainerId> present;
  for (const ContainerSummary& container : listed) present.insert(container.id);
  bool dropped = false;
  for (const ContainerId& id : known.containers) {
    const ownership::Record* record = parts_.owners.index().find(id);
    if (!record || !record->owner || present.contains(id)) continue;
    parts_.owners.forget(id);  // ends its lease as well
    dropped = true;
  }
  for (const Lease& lease : known.leases) {
    if (!lease.container.empty() && !present.contains(lease.container) && parts_.ledger.find(lease.id)) {
      endLease(lease.id, "container_gone");
      dropped = true;
    }
  }
  return dropped;
}

asio::awaitable<Result<bool>> LedgerService::dropVanished() {
  const Known before = known();
  std::string our_label = "ds01.user";
  const Result<std::vector<ContainerSummary>> listed = co_await parts_.engine.listContainers(std::move(our_label));
  if (!listed) co_return fail(listed.error());
  co_return dropMissing(before, *listed);
}

void LedgerService::connectionLost() {
  setReady(false);
  ++round_;
  claims_.clear();  // the next Engine may have another default runtime
}

asio::awaitable<Status> LedgerService::reconcile() {
  const std::uint64_t round = ++round_;
  changed_.clear();
  const Known before = known();
  std::string our_label = "ds01.user";
  const Result<std::vector<ContainerSummary>> listed = co_await parts_.engine.listContainers(std::move(our_label));
  if (!listed) co_return fail(listed.error());
  const Result<std::vector<PresentContainer>> present = co_await inspectAll(parts_.owners, parts_.engine, *listed);
  if (!present) co_return fail(present.error());
  if (const Status asked = co_await inspectUnowned(before.containers); !asked) co_return asked;
  std::vector<ContainerId> seen;
  for (const PresentContainer& container : *present) seen.push_back(container.view.id);
  const Result<Running> running = co_await inspectRunning(std::move(seen));
  if (!running) co_return fail(running.error());
  co_await readEntries();
  // What was destroyed while there was no event stream is not known to be gone, so a list from before is worth nothing.
  if (round != round_) co_return fail(ErrorCode::Unavailable, "overtaken by a loss of the event stream");
  dropMissing(before, *listed);
  apply(planReconcile(before.leases, *present, leasesInFlight()));
  reportViolations();
  parts_.owners.allSeen();
  // Before anybody is granted anything: what is used past the leases is not free.
  applyUses(*running, *present);
  setReady(true);
  for (const PresentContainer& container : *present) noteFound(container.view);
  for (const ContainerId& id : parts_.ledger.users()) tellUse(id);
  persistLater();
  co_await alignEntries();
  hold_timer_.cancel();
  co_return Status{};
}

void LedgerService::noteFound(const ContainerView& view) {
  containerRenamed(view.id, view.name);
  noteRunning(view);
  if (view.up() && unadmitted(view.id)) {
    runBeside(executor_, stopUnadmitted(view.id), "stop a container that was started past us");
  }
}

// Containers that are not ours are not in our list: those that went while nobody told us are found one by one.
asio::awaitable<Status> LedgerService::inspectUnowned(const std::vector<ContainerId>& containers) {
  for (const ContainerId& id : containers) {
    const ownership::Record* record = parts_.owners.index().find(id);
    if (!record || record->owner) continue;
    ContainerId unowned = id;
    const Result<ContainerView> view = co_await parts_.owners.learn(std::move(unowned));
    if (!view && view.error().code() == ErrorCode::Timeout) co_return fail(view.error());
  }
  co_return Status{};
}

void LedgerService::apply(const ReconcilePlan& plan) {
  for (const LeaseToBind& found : plan.bind) bindLease(found.lease, found.container, found.name);
  for (const LeaseId& lease : plan.release) endLease(lease, "container_gone");
  for (const PresentContainer& container : plan.unleased) takeBack(container.view, *container.owner);
  for (const LeaseId& lease : plan.unsettled) settleLater(lease);
}

asio::awaitable<void> LedgerService::containerCreated(ContainerId id) {
  const Result<ContainerView> view = co_await parts_.owners.learn(id);
  if (!view) {
    if (view.error().code() != ErrorCode::NotFound) {
      spdlog::error("container {} is new and cannot be inspected: {}", id.str(), view.error().message());
    }
    co_return;
  }
  learnClaim(*view);
  if (const std::optional<std::string> owner = parts_.owners.provenOwner(*view)) takeBack(*view, *owner);
}

// What the label of a container says that it holds, whatever the ledger knew of it.
void LedgerService::takeBack(const ContainerView& view, const std::string& owner) {
  const LeaseId lease(label(view.labels, "ds01.lease"));
  if (lease.empty() || parts_.owners.index().isTombstone(view.id)) return;
  if (!parts_.ledger.find(lease)) return adopt(view, owner);
  // A request that is still in flight binds its lease itself.
  if (stillReserved(lease) && !leasesInFlight().contains(lease)) bindLease(lease, view.id, view.name);
}

void LedgerService::adopt(const ContainerView& view, const std::string& owner) {
  const auto entry = entries_.find(LeaseId(label(view.labels, "ds01.lease")));
  std::optional<Lease> lease = leaseFromLabels(view, owner, parts_.ledger.inventory(),
                                               entry == entries_.end() ? std::vector<std::string>{} : entry->second);
  if (!lease) {
    spdlog::error("container {} names a lease but not its GPUs", view.id.str());
    return;
  }
  Status taken = parts_.ledger.restore({*lease});
  const bool stopped = view.status == "exited" || view.status == "dead";
  if (!taken && taken.error().code() == ErrorCode::Conflict && stopped && parkAsWritten(*lease)) {
    // Its hold was over before the ledger was lost, and the slots went to another.
    taken = parts_.ledger.restore({*lease});
  }
  if (!taken) {
    spdlog::critical("container {} of {} uses GPUs that are leased to another: {}", view.id.str(), lease->login,
                     taken.error().message());
    parts_.events.emit({.type = "state.validation",
                        .user = lease->login,
                        .details = {{"container", view.name}, {"violation", taken.error().message()}}});
    return;
  }
  spdlog::warn("lease {} of {} was found again by the label of container {}", lease->id.str(), lease->login,
               view.id.str());
  if (lease->holds()) {
    const Facts why{{"why", "a container that was there carries this lease"}};
    parts_.events.emit(gpuAllocated(*lease, parts_.ledger, why));
  }
  persistLater();
}

std::set<LeaseId> LedgerService::leasesInFlight() const {
  std::set<LeaseId> leases;
  for (const auto& [decision, ticket] : in_flight_) {
    if (ticket.lease && !ticket.uncertain) leases.insert(*ticket.lease);
  }
  return leases;
}

void LedgerService::settleLater(LeaseId lease) {
  if (!settling_.insert(lease).second) return;
  runBeside(executor_, settleLease(std::move(lease)), "look for the container of a lease");
}

// The Engine may still be making the container when we first look, so a reservation without one is given back only
// after a while of looking.
asio::awaitable<void> LedgerService::settleLease(LeaseId lease) {
  bool answered = true;
  for (std::size_t look = 0; look < looks_.size();) {
    co_await pauseFor(executor_, answered ? looks_[look] : looks_.back());
    if (!stillReserved(lease)) break;
    const Result<bool> found = co_await bindFound(lease);
    answered = found.has_value();
    if (answered && *found) break;
    if (answered) ++look;
  }
  settling_.erase(lease);
  std::erase_if(in_flight_, [&](const auto& entry) { return entry.second.uncertain && entry.second.lease == lease; });
  if (stillReserved(lease)) endLease(lease, "create_not_seen");
}

// True: there is a container, and it has its lease. An error says nothing about that.
asio::awaitable<Result<bool>> LedgerService::bindFound(LeaseId lease) {
  std::string its_label = "ds01.lease=" + lease.str();
  const Result<std::vector<ContainerSummary>> listed = co_await parts_.engine.listContainers(std::move(its_label));
  if (!listed) co_return fail(listed.error());
  for (const ContainerSummary& summary : *listed) {
    const Result<ContainerView> view = co_await parts_.owners.learn(summary.id);
    if (!view && view.error().code() != ErrorCode::NotFound) co_return fail(view.error());
    if (!view || !parts_.owners.provenOwner(*view)) continue;
    if (stillReserved(lease)) bindLease(lease, view->id, view->name);
    co_return true;
  }
  co_return false;
}

// Without a lease nothing leads from the create to its container, so it counts against the limit for as long as the
// Engine may take, and from then on the index has the container or there is none.
asio::awaitable<void> LedgerService::settleTicket(DecisionId ticket, std::string login) {
  for (const std::chrono::milliseconds pause : looks_) co_await pauseFor(executor_, pause);
  for (;;) {
    const Status learnt = co_await learnAllOf(login);
    if (learnt) break;
    co_await pauseFor(executor_, looks_.back());
  }
  in_flight_.erase(ticket);
}

asio::awaitable<Status> LedgerService::learnAllOf(std::string login) {
  std::string its_label = "ds01.user=" + login;
  const Result<std::vector<ContainerSummary>> listed = co_await parts_.engine.listContainers(std::move(its_label));
  if (!listed) co_return fail(listed.error());
  for (const ContainerSummary& summary : *listed) {
    if (!parts_.owners.index().find(summary.id)) co_await containerCreated(summary.id);
  }
  co_return Status{};
}

}  // namespace ds01::daemon
