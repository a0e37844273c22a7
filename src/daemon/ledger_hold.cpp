// LedgerService's half for containers that do not run: how long they keep their slots, what the Engine may do with them
// by itself meanwhile, and what happens to one that runs although its lease holds nothing.
//
// Slots are given back only after the entry by which a start would find them is gone and the Engine has had time to
// notice, the container's restart policy is "no", and the container is seen not to run. The Engine starts containers by
// their policies without asking anybody; what the owner wants stands in the lease from before the policy is changed
// until the next start that we allow.
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
using std::chrono::seconds;

namespace {

// Between looks at what is due, so that what failed is tried again.
constexpr seconds kLongestWait{10};

const RestartPolicy kNoRestart{"no", 0};

// The Engine refuses to change one that is being removed, and does not start it again.
bool leaves(const ContainerView& view) {
  return view.status == "dead" || view.status == "removing";
}

}  // namespace

void LedgerService::containerStarted(const ContainerId& id) {
  changed_.insert(id);
  const Lease* lease = parts_.ledger.findByContainer(id);
  if (lease && lease->holds() && parts_.ledger.setStopped(lease->id, std::nullopt)) persistLater();
  useMayBegin(id);
  if (unadmitted(id)) runBeside(executor_, stopUnadmitted(id), "stop a container that was started past us");
}

std::optional<TimePoint> LedgerService::holdEnds(const Lease& lease) const {
  const std::optional<seconds> hold = holdOf(lease);
  if (!lease.holds() || !lease.stopped || !hold) return std::nullopt;
  return *lease.stopped + *hold;
}

void LedgerService::containerStopped(const ContainerId& id) {
  changed_.insert(id);
  useMayEnd(id);
  const Lease* lease = parts_.ledger.findByContainer(id);
  if (lease == nullptr || !parts_.ledger.setStopped(lease->id, parts_.clock.now())) return;
  persistLater();
  parts_.events.emit(gpuHeld(*lease, parts_.ledger, holdOf(*lease)));
  hold_timer_.cancel();
}

std::optional<seconds> LedgerService::holdOf(const Lease& lease) const {
  const std::expected<Limits, Denial> limits = parts_.limits_of(lease.login);
  return limits ? limits->gpu_hold_after_stop : seconds{0};
}

void LedgerService::containerUpdated(const ContainerId& id) {
  const Lease* lease = parts_.ledger.findByContainer(id);
  if (lease && !lease->holds()) runBeside(executor_, neutralise(lease->id), "keep a stopped container stopped");
}

void LedgerService::containerRenamed(const ContainerId& id, const std::string& name) {
  const Lease* lease = parts_.ledger.findByContainer(id);
  if (lease && lease->container_name != name && parts_.ledger.bind(lease->id, id, name)) persistLater();
}

// What the Engine says of containers that stopped or started while nobody listened.
void LedgerService::noteRunning(const ContainerView& view) {
  const Lease* lease = parts_.ledger.findByContainer(view.id);
  if (lease == nullptr || changed_.contains(view.id) || starting_.contains(lease->id)) return;
  if (!lease->holds()) {
    if (!view.restart.none()) runBeside(executor_, neutralise(lease->id), "keep a stopped container stopped");
    return;
  }
  if (view.runs()) parts_.ledger.setStopped(lease->id, std::nullopt);
  if (view.status == "exited" || view.status == "dead") parts_.ledger.setStopped(lease->id, parts_.clock.now());
}

asio::awaitable<void> LedgerService::keepHolds() {
  for (;;) {
    const std::optional<seconds> next = co_await parkDue();
    hold_timer_.expires_after(std::min(next.value_or(kLongestWait), kLongestWait));
    boost::system::error_code ignored;
    co_await hold_timer_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  }
}

asio::awaitable<std::optional<seconds>> LedgerService::parkDue() {
  if (!ready_) co_return std::nullopt;
  reportViolations();
  if (parts_.ledger.stoppedByNow(parts_.clock.now())) {
    spdlog::warn("the clock was set back: holds of stopped containers that began later begin now");
    persistLater();
  }
  const allocator::HoldOf hold_of = [this](const Lease& lease) { return holdOf(lease); };
  const allocator::HoldsDue due = allocator::holdsDue(parts_.ledger.leases(), hold_of, parts_.clock.now());
  const std::string reason = "hold_ended";
  for (const LeaseId& lease : due.park) {
    // One that is being changed has its turn the next time: others' holds do not wait for its owner's request.
    if (!gates_.busy(lease)) co_await park(lease, reason);
  }
  co_return due.next;
}

bool LedgerService::mayPark(const LeaseId& id) const {
  const Lease* lease = parts_.ledger.find(id);
  return lease != nullptr && lease->holds() && lease->stopped && !starting_.contains(id);
}

asio::awaitable<void> LedgerService::park(LeaseId id, std::string reason) {
  const LeaseGates::Turn turn = co_await gates_.enter(id);
  if (!mayPark(id)) co_return;
  const bool at_start = parts_.ledger.find(id)->delivery == Lease::Delivery::AtStart;
  if (at_start) {
    if (!co_await withdraw(id)) co_return;
    co_await pauseFor(executor_, parts_.engine_notices);
  }
  const bool still = co_await keepStopped(id);
  if (parts_.ledger.find(id) == nullptr) co_return;
  if (!still || !mayPark(id)) {
    // It was started past us before the entry was gone, or the Engine does not say: what it may use stays its own.
    if (at_start) co_await publish(id);
    co_return;
  }
  const std::optional<Lease> before = parts_.ledger.park(id);
  if (!before) co_return;
  parts_.events.emit(gpuReleased(*before, parts_.ledger, reason));
  persistLater();
  line_.serve();
}

// True: the container does not run, and the Engine does not start it by itself any more. The lease's turn is taken.
asio::awaitable<bool> LedgerService::keepStopped(LeaseId id) {
  const Lease* lease = parts_.ledger.find(id);
  if (lease == nullptr) co_return false;
  const ContainerId container = lease->container;
  Result<ContainerView> view = co_await parts_.owners.learn(container);
  if (!view || parts_.ledger.find(id) == nullptr) co_return false;
  if (view->runs() && parts_.ledger.setStopped(id, std::nullopt)) persistLater();
  if (view->up()) co_return false;
  if (view->restart.none() || leaves(*view)) co_return true;

  // On disk first: what the Engine is told to forget must be known to somebody.
  const std::optional<RestartPolicy> before = parts_.ledger.find(id)->restart;
  if (parts_.ledger.setRestart(id, view->restart)) {
    const Status written = co_await persist();
    if (!written) {
      parts_.ledger.setRestart(id, before);  // else the next attempt would take it for written
      spdlog::error("lease {}: the restart policy is not on disk and stays in force: {}", id.str(),
                    written.error().message());
      co_return false;
    }
  }
  const Status set = co_await parts_.engine.setRestartPolicy(container, kNoRestart);
  if (!set) {
    spdlog::error("lease {}: the restart policy of container {} stays in force: {}", id.str(), container.str(),
                  set.error().message());
    co_return false;
  }
  view = co_await parts_.owners.learn(container);
  co_return view && !view->up() && view->restart.none();
}

// A lease that holds nothing, and a policy by which the Engine would start its container.
asio::awaitable<void> LedgerService::neutralise(LeaseId id) {
  const LeaseGates::Turn turn = co_await gates_.enter(id);
  const Lease* lease = parts_.ledger.find(id);
  if (lease == nullptr || lease->holds()) co_return;
  co_await keepStopped(id);
}

asio::awaitable<std::optional<Denial>> LedgerService::restorePolicy(LeaseId id) {
  const Lease* lease = parts_.ledger.find(id);
  if (lease == nullptr || !lease->restart || lease->container.empty()) co_return std::nullopt;
  const ContainerId container = lease->container;
  const RestartPolicy wanted = *lease->restart;
  const Status set = co_await parts_.engine.setRestartPolicy(container, wanted);
  if (!set && set.error().code() == ErrorCode::NotFound) co_return std::nullopt;  // the Engine says so itself
  if (!set) co_return policyNotSet(set.error().message());
  if (parts_.ledger.setRestart(id, std::nullopt)) persistLater();
  co_return std::nullopt;
}

std::optional<RestartPolicy> LedgerService::keptPolicy(const ContainerId& container) const {
  const Lease* lease = parts_.ledger.findByContainer(container);
  return lease != nullptr ? lease->restart : std::nullopt;
}

asio::awaitable<std::expected<gateway::PolicyChange, Denial>> LedgerService::changePolicy(ContainerId container,
                                                                                          RestartPolicy wanted) {
  const Lease* lease = parts_.ledger.findByContainer(container);
  if (lease == nullptr) co_return gateway::PolicyChange{};
  const LeaseId id = lease->id;
  LeaseGates::Turn turn = co_await gates_.enter(id);
  gateway::PolicyChange change;
  change.turn = std::make_shared<LeaseGates::Turn>(std::move(turn));
  lease = parts_.ledger.find(id);
  change.kept = lease != nullptr && (!lease->holds() || lease->restart);
  if (!change.kept) co_return change;
  const std::optional<RestartPolicy> before = lease->restart;
  if (!parts_.ledger.setRestart(id, wanted.none() ? std::nullopt : std::optional(std::move(wanted)))) co_return change;
  const Status written = co_await persist();
  if (written) co_return change;
  spdlog::error("lease {}: the restart policy that is wanted is not on disk: {}", id.str(), written.error().message());
  parts_.ledger.setRestart(id, before);
  co_return std::unexpected(stateUnwritable());
}

// Whether a start of this container, if there was one, is none that we allowed.
bool LedgerService::unadmitted(const ContainerId& id) const {
  using allocator::StartRule;
  if (!ready_) return false;  // leases may still be found; the comparison that ends that looks at all containers
  const StartRule rule = startRuleOf(id);
  return rule == StartRule::Resume || rule == StartRule::Ended;
}

asio::awaitable<void> LedgerService::stopUnadmitted(ContainerId id) {
  for (const std::chrono::milliseconds pause : looks_) {
    const bool settled = co_await tryToStop(id);
    if (settled) co_return;
    co_await pauseFor(executor_, pause);
  }
  spdlog::critical("container {} runs without its GPU lease and could not be stopped", id.str());
}

// True: nothing is left to do.
asio::awaitable<bool> LedgerService::tryToStop(ContainerId id) {
  std::optional<LeaseId> lease;
  std::optional<LeaseGates::Turn> turn;
  if (const Lease* found = parts_.ledger.findByContainer(id)) lease = found->id;
  if (lease) {
    LeaseGates::Turn taken = co_await gates_.enter(*lease);
    turn.emplace(std::move(taken));
  }
  const Result<ContainerView> view = co_await parts_.owners.learn(id);
  if (!view && view.error().code() != ErrorCode::NotFound) co_return false;
  if (!view || !unadmitted(id)) co_return true;
  if (view->up()) {
    const Status killed = co_await parts_.engine.killContainer(id);
    const bool dead = killed || killed.error().code() == ErrorCode::Conflict;
    if (!dead && killed.error().code() != ErrorCode::NotFound) {
      spdlog::error("container {} was started without its GPU lease and cannot be stopped: {}", id.str(),
                    killed.error().message());
      co_return false;
    }
    tellStopped(*view);
  }
  if (lease) co_return co_await keepStopped(*lease);
  if (view->restart.none()) co_return true;
  // Its lease has ended for good, so nothing will ever put the policy back.
  const Status set = co_await parts_.engine.setRestartPolicy(id, kNoRestart);
  co_return set || set.error().code() == ErrorCode::NotFound;
}

void LedgerService::tellStopped(const ContainerView& view) {
  const ownership::Record* record = parts_.owners.index().lastKnown(view.id);
  const std::string owner = record && record->owner ? *record->owner : std::string();
  spdlog::critical("container {} of {} was started without its GPU lease, past ds01d, and was stopped", view.id.str(),
                   owner);
  parts_.events.emit({.type = "state.validation",
                      .user = owner,
                      .details = {{"container", view.name},
                                  {"container_id", view.id.str()},
                                  {"violation", "started while its lease holds no GPU"},
                                  {"action", "stopped"}}});
  parts_.events.emit(
      {.type = "container.stop",
       .user = owner,
       .details = {{"container", view.name}, {"container_id", view.id.str()}, {"reason", "started_without_lease"}}});
}

}  // namespace ds01::daemon
