#include "allocator/ledger.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include <fmt/format.h>

#include "allocator/place.h"
#include "allocator/refusal.h"
#include "allocator/start.h"

namespace ds01::allocator {
namespace {

bool earlier(const Lease* a, const Lease* b) {
  return std::tie(a->since, a->id) < std::tie(b->since, b->id);
}

Refusal notParked(const LeaseId& id) {
  Refusal refusal{.code = RefusalCode::NeverSatisfiable};
  refusal.text = fmt::format("The lease \"{}\" does not wait for a GPU. Please try again.", id.str());
  return refusal;
}

}  // namespace

std::optional<GpuEq> quotaOf(const Limits& limits) {
  if (!limits.max_gpu_equivalents) return limits.aggregate.gpu_limit;
  if (!limits.aggregate.gpu_limit) return limits.max_gpu_equivalents;
  return std::min(*limits.max_gpu_equivalents, *limits.aggregate.gpu_limit);
}

std::string_view toString(SlotState state) {
  switch (state) {
    case SlotState::Free:
      return "free";
    case SlotState::Reserved:
      return "reserved";
    case SlotState::Held:
      return "held";
    case SlotState::Foreign:
      return "foreign";
    case SlotState::Stale:
      return "stale";
    case SlotState::Sick:
      return "sick";
  }
  return "unknown";
}

Ledger::Ledger(Inventory inventory) : pool_(std::move(inventory)) {}

void Ledger::setInventory(Inventory inventory) {
  KnownSlots gone;
  for (const GpuSlot& slot : pool_.inventory().slots) gone.emplace(slot.uuid, slot);
  for (auto& [uuid, stale] : std::exchange(stale_, {})) gone.emplace(uuid, std::move(stale.slot));
  pool_ = Pool(std::move(inventory), pool_);
  stale_reason_.clear();
  for (const auto& [id, lease] : leases_) mark(lease, gone);
  for (const auto& [id, use] : uses_) markUse(use);
}

void Ledger::markStale(std::string why) {
  stale_reason_ = std::move(why);
}

std::expected<Lease, Misfit> Ledger::tryPreview(const ReserveRequest& request, const SlotSet& kept) const {
  const auto refuse = [](RefusalCode code, Problem problem) {
    return std::unexpected(Misfit{.code = code, .problem = problem});
  };
  const Lease* parked = find(request.id);
  if (request.resume && (parked == nullptr || parked->holds())) {
    return refuse(RefusalCode::NeverSatisfiable, Problem::NotParked);
  }
  if (!request.resume && (parked != nullptr || request.id.empty())) {
    return refuse(RefusalCode::NeverSatisfiable, Problem::LeaseKnown);
  }
  const bool last_seen_will_do = request.stale_inventory_will_do && pool_.size() > 0;
  if (!stale_reason_.empty() && !last_seen_will_do) return refuse(RefusalCode::InventoryStale, Problem::None);
  const Budget budget = budgetFor(request.uid, request.limits);
  auto slots = place(pool_, request.gpu, request.gpus_for_all, budget, {.kept = &kept});
  if (!slots) return std::unexpected(std::move(slots.error()));
  Lease lease = request.resume ? *parked : Lease{};
  lease.id = request.id;
  lease.state = request.resume ? Lease::State::Bound : Lease::State::Reserved;
  lease.uid = request.uid;
  lease.login = request.login;
  lease.group = request.group;
  lease.weight = weightOf(pool_, *slots);
  lease.written.clear();
  lease.container_name = request.container_name;
  lease.decision = request.decision;
  lease.since = request.now;
  lease.delivery = request.delivery;
  if (!request.resume) {
    lease.profile = pool_.slot(slots->front()).profile;
    lease.count = static_cast<std::int64_t>(slots->size());
  }
  for (const SlotIndex i : *slots) lease.uuids.push_back(pool_.slot(i).uuid);
  return lease;
}

std::expected<Lease, Misfit> Ledger::tryReserve(const ReserveRequest& request, const SlotSet& kept) {
  std::expected<Lease, Misfit> lease = tryPreview(request, kept);
  if (!lease) return lease;
  const Budget budget = budgetFor(request.uid, request.limits);
  if (request.resume) {
    Lease& parked = leases_.find(request.id)->second;
    parked = *lease;
    charge(parked);
  } else {
    enter(*lease);
  }
  noteGrant(request.uid, budget);
  return lease;
}

Refusal Ledger::refusal(const ReserveRequest& request, const Misfit& misfit, const SlotSet& kept) const {
  const Budget budget = budgetFor(request.uid, request.limits);
  Refusal refusal{.code = misfit.code, .held = budget.held};
  if (misfit.code == RefusalCode::InventoryStale) {
    refusal.text = fmt::format(
        "No GPU can be given at the moment: {}. Containers that run go on, and those without a GPU can be started.",
        stale_reason_);
    return refusal;
  }
  if (misfit.problem == Problem::LeaseKnown) {
    refusal.text =
        fmt::format("The lease id \"{}\" cannot be used for a new lease. Please try again.", request.id.str());
    return refusal;
  }
  if (misfit.problem == Problem::NotParked) return notParked(request.id);
  refusal = explain(pool_, request, budget, misfit, leasesOf(request.uid), kept);
  const bool fixed = request.resume && request.delivery == Lease::Delivery::Fixed;
  if (fixed) sayFixed(refusal, request.container_name, request.gpu.devices.size());
  return refusal;
}

std::expected<Lease, Refusal> Ledger::preview(const ReserveRequest& request) const {
  std::expected<Lease, Misfit> lease = tryPreview(request, {});
  if (!lease) return std::unexpected(refusal(request, lease.error(), {}));
  return std::move(*lease);
}

std::expected<Lease, Refusal> Ledger::reserve(const ReserveRequest& request) {
  std::expected<Lease, Misfit> lease = tryReserve(request, {});
  if (!lease) return std::unexpected(refusal(request, lease.error(), {}));
  return std::move(*lease);
}

std::optional<Lease> Ledger::park(const LeaseId& id) {
  const auto found = leases_.find(id);
  if (found == leases_.end()) return std::nullopt;
  Lease& lease = found->second;
  if (lease.state != Lease::State::Bound) return std::nullopt;
  Lease before = lease;
  discharge(lease);
  lease.state = Lease::State::Parked;
  if (lease.delivery == Lease::Delivery::Fixed) {
    lease.written = lease.uuids;
    lease.count = static_cast<std::int64_t>(lease.written.size());
  }
  lease.uuids.clear();
  lease.weight = GpuEq{};
  lease.stopped.reset();
  return before;
}

std::optional<ReserveRequest> Ledger::resumption(const ResumeRequest& request) const {
  const Lease* lease = find(request.id);
  if (lease == nullptr || lease->holds()) return std::nullopt;
  return ReserveRequest{.id = lease->id,
                        .uid = lease->uid,
                        .login = lease->login,
                        .group = request.limits.group,
                        .container_name = lease->container_name,
                        .decision = request.decision,
                        .gpu = requestAgain(*lease),
                        .limits = request.limits,
                        .gpus_for_all = GpusForAll::One,
                        .stale_inventory_will_do = request.stale_inventory_will_do,
                        .now = request.now,
                        .delivery = lease->delivery,
                        .resume = true};
}

std::expected<Lease, Refusal> Ledger::resume(const ResumeRequest& request) {
  const std::optional<ReserveRequest> wanted = resumption(request);
  if (!wanted) return std::unexpected(notParked(request.id));
  return reserve(*wanted);
}

bool Ledger::setStopped(const LeaseId& id, std::optional<TimePoint> since) {
  const auto found = leases_.find(id);
  if (found == leases_.end()) return false;
  Lease& lease = found->second;
  if (lease.state != Lease::State::Bound) return false;
  // Who stopped twice has been stopped since the first time.
  if (lease.stopped.has_value() == since.has_value()) return false;
  lease.stopped = since;
  return true;
}

bool Ledger::stoppedByNow(TimePoint now) {
  bool changed = false;
  for (auto& [id, lease] : leases_) {
    if (!lease.stopped || *lease.stopped <= now) continue;
    lease.stopped = now;
    changed = true;
  }
  return changed;
}

bool Ledger::setRestart(const LeaseId& id, std::optional<RestartPolicy> wanted) {
  const auto found = leases_.find(id);
  if (found == leases_.end() || found->second.restart == wanted) return false;
  found->second.restart = std::move(wanted);
  return true;
}

Budget Ledger::budgetFor(std::uint32_t uid, const Limits& limits) const {
  const auto account = accounts_.find(uid);
  if (account == accounts_.end()) return budgetOf(limits, GpuEq{}, 0);
  return budgetOf(limits, account->second.held, account->second.slots);
}

void Ledger::noteGrant(std::uint32_t uid, const Budget& budget) {
  Account& after = accounts_[uid];
  after.held_at_grant = after.held;
  after.limit_at_grant = budget.limit;
}

Status Ledger::bind(const LeaseId& id, const ContainerId& container, std::string_view container_name) {
  if (container.empty()) return fail(ErrorCode::InvalidArgument, "a lease is bound to a container with an id");
  const auto found = leases_.find(id);
  if (found == leases_.end()) return fail(ErrorCode::NotFound, fmt::format("no lease {}", id.str()));
  Lease& lease = found->second;
  const auto other = by_container_.find(container);
  if (other != by_container_.end() && other->second != &lease) {
    return fail(ErrorCode::Conflict,
                fmt::format("container {} has lease {} already", container.str(), other->second->id.str()));
  }
  if (!lease.container.empty() && lease.container != container) {
    return fail(ErrorCode::Conflict, fmt::format("lease {} is bound to container {}", id.str(), lease.container.str()));
  }
  if (lease.state == Lease::State::Reserved) lease.state = Lease::State::Bound;
  lease.container = container;
  if (!container_name.empty()) lease.container_name = container_name;
  by_container_[container] = &lease;
  return {};
}

std::optional<Lease> Ledger::release(const LeaseId& id) {
  const auto found = leases_.find(id);
  if (found == leases_.end()) return std::nullopt;
  const Lease& lease = found->second;
  if (lease.holds()) discharge(lease);
  if (!lease.container.empty()) by_container_.erase(lease.container);
  return std::move(leases_.extract(found).mapped());
}

// All that must be known about a lease is entered here and taken out in release(), nowhere else.
void Ledger::enter(Lease lease) {
  LeaseId id = lease.id;
  const Lease& entered = leases_.emplace(std::move(id), std::move(lease)).first->second;
  if (!entered.container.empty()) by_container_.emplace(entered.container, &entered);
  if (entered.holds()) charge(entered);
}

// What its slots mean for the pool and for its owner.
void Ledger::charge(const Lease& lease) {
  mark(lease, {});
  Account& account = accounts_[lease.uid];
  account.held += lease.weight;
  account.slots += static_cast<std::int64_t>(lease.uuids.size());
  account.leases.push_back(&lease);
}

void Ledger::discharge(const Lease& lease) {
  for (const std::string& uuid : lease.uuids) {
    if (const auto slot = pool_.byUuid(uuid)) {
      pool_.giveBack(*slot);
    } else {
      stale_.erase(uuid);
    }
  }
  const auto account = accounts_.find(lease.uid);
  account->second.held -= lease.weight;
  account->second.slots -= static_cast<std::int64_t>(lease.uuids.size());
  std::erase(account->second.leases, &lease);
  if (account->second.leases.empty()) accounts_.erase(account);
}

void Ledger::mark(const Lease& lease, const KnownSlots& gone) {
  bool stale = false;
  for (const std::string& uuid : lease.uuids) {
    const auto slot = pool_.byUuid(uuid);
    if (slot) pool_.hold(*slot, lease);
    stale = stale || !slot;
  }
  if (stale) addStale(lease, gone);
}

const Lease* Ledger::find(const LeaseId& id) const {
  const auto found = leases_.find(id);
  return found == leases_.end() ? nullptr : &found->second;
}

const Lease* Ledger::findByContainer(const ContainerId& container) const {
  const auto found = by_container_.find(container);
  return found == by_container_.end() ? nullptr : found->second;
}

std::vector<Lease> Ledger::leases() const {
  std::vector<const Lease*> order;
  order.reserve(leases_.size());
  for (const auto& [id, lease] : leases_) order.push_back(&lease);
  std::ranges::sort(order, earlier);
  std::vector<Lease> leases;
  leases.reserve(order.size());
  for (const Lease* lease : order) leases.push_back(*lease);
  return leases;
}

std::vector<const Lease*> Ledger::leasesOf(std::uint32_t uid) const {
  const auto account = accounts_.find(uid);
  if (account == accounts_.end()) return {};
  std::vector<const Lease*> own = account->second.leases;
  std::ranges::sort(own, earlier);
  return own;
}

std::vector<SlotView> Ledger::slots() const {
  std::vector<SlotView> views;
  views.reserve(pool_.size() + stale_.size());
  for (SlotIndex i = 0; i < pool_.size(); ++i) {
    views.push_back({.slot = pool_.slot(i), .state = stateOf(i), .lease = pool_.holder(i), .use = pool_.foreignUse(i)});
  }
  for (const auto& [uuid, stale] : stale_) {
    views.push_back({.slot = stale.slot, .state = SlotState::Stale, .lease = stale.lease});
  }
  return views;
}

// What is wrong with a slot comes before who holds it: the lease is shown beside it.
SlotState Ledger::stateOf(SlotIndex index) const {
  if (!stale_reason_.empty()) return SlotState::Stale;
  if (!pool_.slot(index).healthy()) return SlotState::Sick;
  const Lease* lease = pool_.holder(index);
  if (!lease) return pool_.foreignUse(index) ? SlotState::Foreign : SlotState::Free;
  return lease->state == Lease::State::Bound ? SlotState::Held : SlotState::Reserved;
}

void Ledger::noteUse(GpuUse use) {
  useEnded(use.container);
  for (const LeaseId& id : use.claim.leases) {
    // What its entry said when the container was started.
    const Lease* lease = find(id);
    if (lease) use.claim.devices.insert(use.claim.devices.end(), lease->uuids.begin(), lease->uuids.end());
  }
  ContainerId container = use.container;
  markUse(uses_.emplace(std::move(container), std::move(use)).first->second);
}

void Ledger::markUse(const GpuUse& use) {
  for (const SlotIndex i : claimedSlots(use.claim, pool_.inventory())) pool_.addUse(i, use);
}

bool Ledger::useEnded(const ContainerId& container) {
  const auto found = uses_.find(container);
  if (found == uses_.end()) return false;
  pool_.dropUse(found->second);
  uses_.erase(found);
  return true;
}

const GpuUse* Ledger::findUse(const ContainerId& container) const {
  const auto found = uses_.find(container);
  return found == uses_.end() ? nullptr : &found->second;
}

std::vector<ContainerId> Ledger::users() const {
  std::vector<ContainerId> containers;
  containers.reserve(uses_.size());
  for (const auto& [container, use] : uses_) containers.push_back(container);
  return containers;
}

std::vector<SlotView> Ledger::foreignTo(const ContainerId& container) const {
  std::vector<SlotView> views;
  const GpuUse* use = findUse(container);
  if (!use) return views;
  for (const SlotIndex i : claimedSlots(use->claim, pool_.inventory())) {
    const Lease* lease = pool_.holder(i);
    if (lease && lease->container == container) continue;
    views.push_back({.slot = pool_.slot(i), .state = stateOf(i), .lease = lease, .use = use});
  }
  return views;
}

GpuEq Ledger::heldBy(std::uint32_t uid) const {
  const auto account = accounts_.find(uid);
  return account == accounts_.end() ? GpuEq{} : account->second.held;
}

const Inventory& Ledger::inventory() const {
  return pool_.inventory();
}

const GpuSlot* Ledger::slotByUuid(std::string_view uuid) const {
  const auto slot = pool_.byUuid(uuid);
  return slot ? &pool_.slot(*slot) : nullptr;
}

}  // namespace ds01::allocator
