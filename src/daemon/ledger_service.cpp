#include "daemon/ledger_service.h"

#include <algorithm>
#include <array>
#include <chrono>

#include <boost/asio/async_result.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <spdlog/spdlog.h>

#include "allocator/codec.h"
#include "base/time_text.h"
#include "daemon/denials.h"
#include "daemon/reconcile.h"
#include "net/random_id.h"

namespace ds01::daemon {

namespace asio = boost::asio;

LedgerService::LedgerService(asio::any_io_executor executor, LedgerParts parts)
    : executor_(std::move(executor)), parts_(parts) {}

asio::awaitable<std::expected<gateway::Grant, Denial>> LedgerService::reserve(gateway::GrantRequest request) {
  if (!ready_) {
    co_return std::unexpected(Denial{503, "not_ready",
                                     "the Docker Engine has not been asked yet which containers exist; try again in a "
                                     "moment"});
  }
  if (checkContainerCount(request)) {
    // Before saying no, make sure that what we count still exists.
    co_await dropVanished();
    if (std::optional<Denial> denial = checkContainerCount(request)) co_return std::unexpected(std::move(*denial));
  }
  Ticket& ticket = in_flight_[request.decision];
  ticket.login = request.caller.user.login;
  if (!request.gpu) co_return gateway::Grant(*this, request.decision, std::nullopt, {});

  std::expected<Lease, Denial> lease = co_await reserveGpu(request);
  if (!lease) {
    in_flight_.erase(request.decision);
    co_return std::unexpected(std::move(lease.error()));
  }
  std::vector<GpuSlot> slots;
  for (const std::string& uuid : lease->uuids) slots.push_back(*parts_.ledger.slotByUuid(uuid));
  co_return gateway::Grant(*this, request.decision, std::move(*lease), std::move(slots));
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

std::expected<Lease, allocator::Refusal> LedgerService::tryReserve(const gateway::GrantRequest& request) {
  const User& user = request.caller.user;
  return parts_.ledger.reserve({.id = LeaseId("L" + net::randomHex(8)),
                                .uid = user.uid,
                                .login = user.login,
                                .group = request.limits.group,
                                .container_name = request.container_name,
                                .decision = request.decision,
                                .gpu = *request.gpu,
                                .limits = request.limits,
                                .gpus_for_all = gpus_for_all_,
                                .now = parts_.clock.now()});
}

asio::awaitable<std::expected<Lease, Denial>> LedgerService::reserveGpu(const gateway::GrantRequest& request) {
  std::expected<Lease, allocator::Refusal> lease = tryReserve(request);
  if (!lease && mayHelpToLookAgain(lease.error().code)) {
    const Result<bool> dropped = co_await dropVanished();
    if (dropped && *dropped) lease = tryReserve(request);
  }
  if (!lease) {
    parts_.events.emit(gpuRejected(request, lease.error()));
    co_return std::unexpected(denialOf(lease.error()));
  }
  in_flight_[request.decision].lease = lease->id;
  if (const Status written = co_await persist(); !written) {
    spdlog::error("reservation {} of {} is not on disk: {}", lease->id.str(), lease->login, written.error().message());
    parts_.ledger.release(lease->id);
    co_return std::unexpected(
        Denial{503, "state_unwritable",
               "the GPU reservation could not be written to disk, so nothing was started; tell your administrator"});
  }
  parts_.events.emit(gpuAllocated(*lease, parts_.ledger));
  co_return std::move(*lease);
}

asio::awaitable<void> LedgerService::bind(DecisionId ticket, std::optional<LeaseId> lease, ContainerId id,
                                          std::string name, std::string owner) {
  in_flight_.erase(ticket);
  const bool already_gone = parts_.owners.index().isTombstone(id);
  if (!already_gone) {
    ownership::Record record;
    record.id = id;
    record.name = name;
    record.created = toRfc3339(parts_.clock.now());
    record.owner = std::move(owner);
    record.lease = lease;
    parts_.owners.add(std::move(record));
    // Name, image and type as the Engine has them, for `ds01 ps`; the answer to the client does not wait for it.
    asio::co_spawn(
        executor_, [this, id]() -> asio::awaitable<void> { co_await parts_.owners.learn(id); }, asio::detached);
  }
  if (lease && already_gone) {
    endLease(*lease, "removed");
  } else if (lease) {
    bindLease(*lease, id, name);
  }
  co_return;
}

void LedgerService::release(DecisionId ticket, std::optional<LeaseId> lease) {
  in_flight_.erase(ticket);
  if (lease) endLease(*lease, "create_refused");
}

void LedgerService::uncertain(DecisionId ticket, std::optional<LeaseId> lease) {
  in_flight_.erase(ticket);
  if (lease) settleLater(*lease);
}

void LedgerService::bindLease(const LeaseId& lease, const ContainerId& id, const std::string& name) {
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
  parts_.events.emit(gpuReleased(*ended, parts_.ledger, reason));
  persistLater();
}

void LedgerService::containerGone(const ContainerId& id) {
  if (const Lease* lease = parts_.ledger.findByContainer(id)) endLease(LeaseId(lease->id), "removed");
}

asio::awaitable<Result<bool>> LedgerService::dropVanished() {
  // Only what was known before the question can be missing from the answer.
  const std::vector<Lease> leases = parts_.ledger.leases();
  const std::vector<ContainerId> known = parts_.owners.index().ids();
  std::string label = "ds01.user";
  const Result<std::vector<ContainerSummary>> listed = co_await parts_.engine.listContainers(std::move(label));
  if (!listed) co_return fail(listed.error());
  std::set<ContainerId> present;
  for (const ContainerSummary& container : *listed) present.insert(container.id);
  bool dropped = false;
  for (const ContainerId& id : known) {
    const ownership::Record* record = parts_.owners.index().find(id);
    if (!record || !record->owner || present.contains(id)) continue;
    parts_.owners.forget(id);  // ends its lease as well
    dropped = true;
  }
  for (const Lease& lease : leases) {
    if (lease.state == Lease::State::Bound && !present.contains(lease.container) && parts_.ledger.find(lease.id)) {
      endLease(lease.id, "container_gone");
      dropped = true;
    }
  }
  co_return dropped;
}

asio::awaitable<Status> LedgerService::reconcile() {
  if (const Result<bool> dropped = co_await dropVanished(); !dropped) co_return fail(dropped.error());
  std::string label = "ds01.user";
  const Result<std::vector<ContainerSummary>> listed = co_await parts_.engine.listContainers(std::move(label));
  if (!listed) co_return fail(listed.error());
  std::vector<ProvenContainer> present;
  for (const ContainerSummary& summary : *listed) {
    Result<ContainerView> view = co_await parts_.owners.learn(summary.id);
    if (!view && view.error().code() == ErrorCode::NotFound) continue;  // removed since the list was made
    if (!view) co_return fail(view.error().context("inspect container " + summary.id.str()));
    if (std::optional<std::string> owner = provenOwner(*view)) {
      present.push_back({std::move(*view), std::move(*owner)});
    }
  }
  const ReconcilePlan plan = planReconcile(parts_.ledger.leases(), present, leasesInFlight());
  for (const LeaseToBind& found : plan.bind) bindLease(found.lease, found.container, found.name);
  for (const LeaseId& lease : plan.release) endLease(lease, "container_gone");
  for (const ContainerView& view : plan.unleased) adopt(view);
  for (const LeaseId& lease : plan.unsettled) settleLater(lease);
  for (const std::string& violation : parts_.ledger.violations()) {
    spdlog::critical("ledger: {}", violation);
    parts_.events.emit({.type = "state.validation", .user = {}, .details = {{"violation", violation}}});
  }
  co_return co_await persist();
}

void LedgerService::adopt(const ContainerView& view) {
  std::optional<Lease> lease = leaseFromLabels(view, *provenOwner(view), parts_.ledger.inventory());
  if (!lease) {
    spdlog::error("container {} names a lease but not its GPUs", view.id.str());
    return;
  }
  if (const Status taken = parts_.ledger.restore({*lease}); !taken) {
    spdlog::critical("container {} of {} uses GPUs that are leased to another: {}", view.id.str(), lease->login,
                     taken.error().message());
    parts_.events.emit({.type = "state.validation",
                        .user = lease->login,
                        .details = {{"container", view.name}, {"violation", taken.error().message()}}});
    return;
  }
  spdlog::warn("lease {} of {} was found again by the label of container {}", lease->id.str(), lease->login,
               view.id.str());
  parts_.events.emit(gpuAllocated(*lease, parts_.ledger));
}

void LedgerService::settleLater(LeaseId lease) {
  if (!settling_.insert(lease).second) return;
  asio::co_spawn(executor_, settle(std::move(lease)), asio::detached);
}

// The Engine may still be making the container when we first look, so a reservation without one is given back only
// after a while of looking.
asio::awaitable<void> LedgerService::settle(LeaseId lease) {
  using std::chrono::milliseconds;
  static constexpr std::array kPauses{milliseconds{200},  milliseconds{400},  milliseconds{800},
                                      milliseconds{1600}, milliseconds{3000}, milliseconds{4000}};
  bool asked = true;
  for (const milliseconds pause : kPauses) {
    asio::steady_timer timer(executor_, pause);
    co_await timer.async_wait(asio::use_awaitable);
    const Lease* now = parts_.ledger.find(lease);
    if (!now || now->state != Lease::State::Reserved) break;
    std::string label = "ds01.lease=" + lease.str();
    const Result<std::vector<ContainerSummary>> found = co_await parts_.engine.listContainers(std::move(label));
    asked = found.has_value();
    if (!asked) break;  // the next connection to the Engine reconciles, and looks again
    if (found->empty()) continue;
    const ContainerId id = found->front().id;
    const Result<ContainerView> view = co_await parts_.owners.learn(id);
    if (view && provenOwner(*view)) bindLease(lease, id, view->name);
    break;
  }
  settling_.erase(lease);
  const Lease* left = parts_.ledger.find(lease);
  if (asked && left && left->state == Lease::State::Reserved) endLease(lease, "create_not_seen");
}

asio::awaitable<Status> LedgerService::persist() {
  return asio::async_initiate<const asio::use_awaitable_t<>, void(Status)>(
      [this](auto handler) {
        auto shared = std::make_shared<decltype(handler)>(std::move(handler));
        parts_.writer.write(allocator::encodeState(parts_.ledger.leases()), [this, shared](Status written) {
          asio::post(executor_, [shared, written = std::move(written)]() mutable { (*shared)(std::move(written)); });
        });
      },
      asio::use_awaitable);
}

void LedgerService::persistLater() {
  parts_.writer.write(allocator::encodeState(parts_.ledger.leases()), [](const Status& written) {
    if (!written) spdlog::error("leases are not on disk: {}", written.error().message());
  });
}

std::set<LeaseId> LedgerService::leasesInFlight() const {
  std::set<LeaseId> leases;
  for (const auto& [decision, ticket] : in_flight_) {
    if (ticket.lease) leases.insert(*ticket.lease);
  }
  return leases;
}

}  // namespace ds01::daemon
