#include "daemon/ledger_service.h"

#include <algorithm>
#include <chrono>

#include <boost/asio/async_result.hpp>
#include <boost/asio/execution/outstanding_work.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/prefer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <spdlog/spdlog.h>

#include "allocator/codec.h"
#include "allocator/placement.h"
#include "base/time_text.h"
#include "daemon/background.h"
#include "daemon/denials.h"
#include "net/random_id.h"

namespace ds01::daemon {

namespace asio = boost::asio;

Looks usualLooks() {
  using std::chrono::milliseconds;
  return {milliseconds{200},  milliseconds{400},  milliseconds{800},
          milliseconds{1600}, milliseconds{3000}, milliseconds{4000}};
}

LedgerService::LedgerService(asio::any_io_executor executor, LedgerParts parts, Looks looks)
    : executor_(std::move(executor)),
      parts_(std::move(parts)),
      looks_(std::move(looks)),
      line_(executor_, {parts_.ledger, parts_.events, parts_.clock, [this] { return dropVanished(); },
                        [this](const Lease& lease) { noteGrant(lease); }}),
      hold_timer_(executor_) {}

void LedgerService::setReady(bool ready) {
  ready_ = ready;
  line_.setOpen(ready);
}

void LedgerService::setStaleGrants(bool allowed) {
  stale_grants_ = allowed;
  line_.setStaleGrants(allowed);
}

asio::awaitable<std::expected<gateway::Grant, Denial>> LedgerService::reserve(gateway::GrantRequest request) {
  if (!ready_) co_return std::unexpected(notReady());
  if (checkContainerCount(request)) {
    // Before saying no, make sure that what we count still exists.
    co_await dropVanished();
    if (std::optional<Denial> denial = checkContainerCount(request)) co_return std::unexpected(std::move(*denial));
  }
  in_flight_[request.decision].login = request.caller.user.login;
  if (!request.gpu) co_return gateway::Grant(*this, request.decision, std::nullopt, {});

  std::expected<Lease, Denial> lease = co_await reserveGpu(request);
  if (!lease) {
    in_flight_.erase(request.decision);
    co_return std::unexpected(std::move(lease.error()));
  }
  std::vector<GpuSlot> slots;
  for (const std::string& uuid : lease->uuids) {
    const GpuSlot* slot = parts_.ledger.slotByUuid(uuid);
    if (slot) slots.push_back(*slot);
  }
  if (slots.size() != lease->uuids.size()) {
    // The inventory has changed while the reservation was written.
    release(request.decision, lease->id);
    co_return std::unexpected(Denial{
        503, "gpu_gone", "the GPU that was to be given has just disappeared, so nothing was started; try again"});
  }
  std::expected<std::vector<std::string>, Denial> nodes = co_await reach(*lease, slots);
  if (!nodes) {
    release(request.decision, lease->id);
    co_return std::unexpected(std::move(nodes.error()));
  }
  co_return gateway::Grant(*this, request.decision, std::move(*lease), std::move(slots), std::move(*nodes));
}

// What stands ready on the host for the lease's container, before the Engine hears of it.
asio::awaitable<std::expected<std::vector<std::string>, Denial>> LedgerService::reach(Lease lease,
                                                                                      std::vector<GpuSlot> slots) {
  if (lease.delivery == Lease::Delivery::AtStart && !co_await publish(lease.id)) co_return std::unexpected(noEntry());
  Result<std::vector<std::string>> nodes = co_await parts_.devices.nodesFor(std::move(slots));
  if (nodes) co_return std::move(*nodes);
  spdlog::error("the device files of lease {} cannot be looked up: {}", lease.id.str(), nodes.error().message());
  co_return std::unexpected(Denial{503, "gpu_nodes",
                                   "the device files of the GPU cannot be looked up now, so nothing was started; try "
                                   "again in a moment"});
}

std::optional<Denial> LedgerService::checkContainerCount(const gateway::GrantRequest& request) const {
  const std::optional<std::int64_t>& limit = request.limits.max_containers_per_user;
  if (!limit) return std::nullopt;
  const std::string& login = request.caller.user.login;
  const auto pending = std::ranges::count(in_flight_, login, [](const auto& entry) { return entry.second.login; });
  const std::int64_t have = static_cast<std::int64_t>(parts_.owners.index().count(login)) + pending;
  if (have < *limit) return std::nullopt;
  return tooManyContainers(parts_.owners.index().byOwner(login), pending, *limit, request.limits.group);
}

allocator::ReserveRequest LedgerService::asReserve(const gateway::GrantRequest& request) const {
  const User& user = request.caller.user;
  return {.id = LeaseId("L" + net::randomHex(8)),
          .uid = user.uid,
          .login = user.login,
          .group = request.limits.group,
          .container_name = request.container_name,
          .decision = request.decision,
          .gpu = *request.gpu,
          .limits = request.limits,
          .gpus_for_all = gpus_for_all_,
          .stale_inventory_will_do = stale_grants_,
          .now = parts_.clock.now(),
          .delivery = parts_.devices.delivery()};
}

std::expected<gateway::GrantPreview, Denial> LedgerService::preview(const gateway::GrantRequest& request) const {
  if (!ready_) return std::unexpected(notReady());
  if (std::optional<Denial> denial = checkContainerCount(request)) return std::unexpected(std::move(*denial));
  gateway::GrantPreview out;
  if (!request.gpu) return out;
  const allocator::ReserveRequest wanted = asReserve(request);
  allocator::Queue::Preview answer = line_.queue().preview(parts_.ledger, wanted);
  std::expected<Lease, allocator::Refusal>& lease = answer.answer;
  if (!lease) {
    Denial denial = denialOf(lease.error(), request.limits.group);
    const auto at_most = std::chrono::ceil<std::chrono::seconds>(line_.wait());
    if (!answer.place || at_most == std::chrono::seconds{0}) return std::unexpected(std::move(denial));
    out.wait = {.denial = std::move(denial), .place = *answer.place, .at_most = at_most};
    return out;
  }
  for (const std::string& uuid : lease->uuids) out.slots.push_back(*parts_.ledger.slotByUuid(uuid));
  out.placement = allocator::placementOf(parts_.ledger, *lease, wanted);
  out.lease = std::move(*lease);
  return out;
}

asio::awaitable<std::expected<Lease, Denial>> LedgerService::reserveGpu(const gateway::GrantRequest& request) {
  const allocator::ReserveRequest wanted = asReserve(request);
  WaitingLine::Outcome outcome = co_await line_.obtain(wanted, request.patience);
  std::expected<Lease, Denial>& lease = outcome.lease;
  if (!lease) {
    if (outcome.refusal) parts_.events.emit(gpuRejected(request, *outcome.refusal));
    co_return std::unexpected(std::move(lease.error()));
  }
  Facts placement = allocator::placementOf(parts_.ledger, *lease, wanted);
  placement.insert(placement.end(), outcome.waited.begin(), outcome.waited.end());
  if (const Status written = co_await persist(); !written) {
    spdlog::error("reservation {} of {} is not on disk: {}", lease->id.str(), lease->login, written.error().message());
    parts_.ledger.release(lease->id);
    line_.serve();
    co_return std::unexpected(
        Denial{503, "state_unwritable",
               "the GPU reservation could not be written to disk, so nothing was started; tell your administrator"});
  }
  parts_.events.emit(gpuAllocated(*lease, parts_.ledger, placement));
  co_return std::move(*lease);
}

// From the moment of the grant: whoever asked has not been told yet, and a reconcile may come first.
void LedgerService::noteGrant(const Lease& lease) {
  if (lease.state != Lease::State::Reserved) return;
  const auto ticket = in_flight_.find(lease.decision);
  if (ticket != in_flight_.end()) ticket->second.lease = lease.id;
}

asio::awaitable<void> LedgerService::bind(DecisionId ticket, std::optional<LeaseId> lease, ContainerId id,
                                          std::string name, gateway::Attribution whose) {
  in_flight_.erase(ticket);
  if (!parts_.owners.index().find(id) && !parts_.owners.index().isTombstone(id)) {
    ownership::Record record;
    record.id = id;
    record.name = name;
    record.created = toRfc3339(parts_.clock.now());
    record.owner = std::move(whose.owner);
    record.made_by = std::move(whose.made_by);
    record.lease = lease;
    parts_.owners.add(std::move(record));
    // Name, image and type as the Engine has them, for `ds01 ps`; the answer to the client does not wait for it.
    runBeside(executor_, containerCreated(id), "inspect of a new container");
  }
  if (lease) bindLease(*lease, id, name);
  co_return;
}

void LedgerService::release(DecisionId ticket, std::optional<LeaseId> lease) {
  in_flight_.erase(ticket);
  if (lease) endLease(*lease, "create_refused");
}

void LedgerService::uncertain(DecisionId ticket, std::optional<LeaseId> lease) {
  const auto pending = in_flight_.find(ticket);
  if (pending == in_flight_.end()) return;
  pending->second.uncertain = true;
  if (lease) {
    settleLater(std::move(*lease));
  } else {
    runBeside(executor_, settleTicket(std::move(ticket), pending->second.login), "look for a container");
  }
}

bool LedgerService::stillReserved(const LeaseId& lease) const {
  const Lease* now = parts_.ledger.find(lease);
  return now && now->state == Lease::State::Reserved;
}

void LedgerService::bindLease(const LeaseId& lease, const ContainerId& id, const std::string& name) {
  // Its destroy event has overtaken what we know it from.
  if (parts_.owners.index().isTombstone(id)) return endLease(lease, "removed");
  if (const Status bound = parts_.ledger.bind(lease, id, name); !bound) {
    spdlog::error("lease {} could not be bound to container {}: {}", lease.str(), id.str(), bound.error().message());
    return;
  }
  // Not waited for: after a crash the container's label leads from the reservation on disk to the container.
  persistLater();
}

void LedgerService::endLease(const LeaseId& lease, std::string_view reason) {
  const std::optional<Lease> ended = parts_.ledger.release(lease);
  if (!ended) return;
  if (ended->holds()) parts_.events.emit(gpuReleased(*ended, parts_.ledger, reason));
  persistLater();
  if (ended->delivery == Lease::Delivery::AtStart) runBeside(executor_, dropEntry(ended->id), "remove a CDI entry");
  line_.serve();
}

void LedgerService::containerGone(const ContainerId& id) {
  useEnds(id);
  claims_.erase(id);
  moves_.erase(id);
  if (const Lease* lease = parts_.ledger.findByContainer(id)) endLease(LeaseId(lease->id), "removed");
}

asio::awaitable<Status> LedgerService::persist() {
  return asio::async_initiate<const asio::use_awaitable_t<>, void(Status)>(
      [this](auto handler) {
        auto shared = std::make_shared<decltype(handler)>(std::move(handler));
        // Tracked: a loop that has nothing else to do waits for the answer.
        const asio::any_io_executor loop = asio::prefer(executor_, asio::execution::outstanding_work.tracked);
        parts_.writer.write(allocator::encodeState(parts_.ledger.leases()), [loop, shared](Status written) {
          asio::post(loop, [shared, written = std::move(written)]() mutable { (*shared)(std::move(written)); });
        });
      },
      asio::use_awaitable);
}

void LedgerService::persistLater() {
  parts_.writer.write(allocator::encodeState(parts_.ledger.leases()), [](const Status& written) {
    if (!written) spdlog::error("leases are not on disk: {}", written.error().message());
  });
}

}  // namespace ds01::daemon
