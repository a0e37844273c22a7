#include "allocator/queue.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include <fmt/format.h>

namespace ds01::allocator {
namespace {

bool comesBefore(const Queue::Waiter& a, const Queue::Waiter& b) {
  const std::int64_t first = a.ask.limits.priority;
  const std::int64_t second = b.ask.limits.priority;
  return first != second ? first > second : a.ticket < b.ticket;
}

bool mayWait(RefusalCode code, bool waits) {
  return code == RefusalCode::NoneFree || (code == RefusalCode::InventoryStale && waits);
}

}  // namespace

Queue::Ticket Queue::join(ReserveRequest ask, TimePoint now) {
  const auto at = static_cast<std::ptrdiff_t>(positionFor(ask.limits.priority));
  waiters_.insert(waiters_.begin() + at, {.ticket = ++last_, .ask = std::move(ask), .since = now});
  return last_;
}

bool Queue::leave(Ticket ticket) {
  return std::erase_if(waiters_, [&](const Waiter& waiter) { return waiter.ticket == ticket; }) > 0;
}

std::vector<Queue::Verdict> Queue::serve(Ledger& ledger, TimePoint now, bool stale_inventory_will_do) {
  std::vector<Verdict> verdicts;
  SlotSet kept;
  std::vector<Waiter> staying;
  for (Waiter& waiter : waiters_) {
    waiter.ask.now = now;
    waiter.ask.stale_inventory_will_do = stale_inventory_will_do;
    std::expected<Lease, Misfit> lease = ledger.tryReserve(waiter.ask, kept);
    if (lease) {
      verdicts.push_back({waiter.ticket, std::move(*lease)});
    } else if (mayWait(lease.error().code, waiter.waits)) {
      kept.add(lease.error().slots);
      waiter.obstacle = std::move(lease.error());
      waiter.waits = true;
      staying.push_back(std::move(waiter));
    } else {
      verdicts.push_back({waiter.ticket, std::unexpected(ledger.refusal(waiter.ask, lease.error(), kept))});
    }
  }
  waiters_ = std::move(staying);
  return verdicts;
}

std::vector<Queue::Ticket> Queue::setLimits(const LimitsOf& limits_of) {
  std::vector<Ticket> without;
  for (Waiter& waiter : waiters_) {
    std::optional<Limits> limits = limits_of(waiter.ask.login);
    if (!limits) {
      without.push_back(waiter.ticket);
      continue;
    }
    waiter.ask.group = limits->group;
    waiter.ask.limits = std::move(*limits);
  }
  std::ranges::sort(waiters_, comesBefore);
  return without;
}

const Queue::Waiter* Queue::find(Ticket ticket) const {
  const auto found = std::ranges::find(waiters_, ticket, &Waiter::ticket);
  return found == waiters_.end() ? nullptr : &*found;
}

std::optional<std::int64_t> Queue::placeOf(Ticket ticket) const {
  const Waiter* waiter = find(ticket);
  if (waiter == nullptr) return std::nullopt;
  return waiter - waiters_.data() + 1;
}

Queue::Crowd Queue::crowd(std::uint32_t uid) const {
  const auto own = std::ranges::count(waiters_, uid, [](const Waiter& waiter) { return waiter.ask.uid; });
  if (std::cmp_greater_equal(own, kMostWaitingPerUser)) return Crowd::UserHasTooMany;
  return waiters_.size() >= kMostWaiting ? Crowd::TooMany : Crowd::Room;
}

Queue::Preview Queue::preview(const Ledger& ledger, const ReserveRequest& ask) const {
  const std::size_t position = positionFor(ask.limits.priority);
  const SlotSet kept = keptBefore(ledger, position);
  std::expected<Lease, Misfit> lease = ledger.tryPreview(ask, kept);
  if (lease) return {std::move(*lease), std::nullopt};
  const bool waits = mayWait(lease.error().code, false);
  return {std::unexpected(ledger.refusal(ask, lease.error(), kept)),
          waits ? std::optional(static_cast<std::int64_t>(position) + 1) : std::nullopt};
}

std::optional<Refusal> Queue::refusal(const Ledger& ledger, Ticket ticket) const {
  const auto found = std::ranges::find(waiters_, ticket, &Waiter::ticket);
  if (found == waiters_.end()) return std::nullopt;
  const SlotSet kept = keptBefore(ledger, static_cast<std::size_t>(found - waiters_.begin()));
  const std::expected<Lease, Misfit> lease = ledger.tryPreview(found->ask, kept);
  // Nothing is in its way only if serve() was not called since that changed.
  return ledger.refusal(found->ask, lease ? found->obstacle : lease.error(), kept);
}

// Behind all who have as high a priority.
std::size_t Queue::positionFor(std::int64_t priority) const {
  const auto behind =
      std::ranges::find_if(waiters_, [&](const Waiter& waiter) { return waiter.ask.limits.priority < priority; });
  return static_cast<std::size_t>(behind - waiters_.begin());
}

// Asked anew, because slots are numbered by the inventory, which may be another since the last serve().
SlotSet Queue::keptBefore(const Ledger& ledger, std::size_t position) const {
  SlotSet kept;
  for (std::size_t i = 0; i < position; ++i) {
    const std::expected<Lease, Misfit> lease = ledger.tryPreview(waiters_[i].ask, kept);
    kept.add(lease ? waiters_[i].obstacle.slots : lease.error().slots);
  }
  return kept;
}

std::string whyWaiting(const std::vector<SlotView>& slots, const Queue::Waiter& waiter) {
  const std::vector<SlotIndex>& fit = waiter.obstacle.slots;
  const auto number = [&](SlotState state) {
    return std::ranges::count_if(fit, [&](SlotIndex i) { return i < slots.size() && slots[i].state == state; });
  };
  if (waiter.obstacle.code == RefusalCode::InventoryStale || number(SlotState::Stale) > 0) {
    return "it is not known which GPUs there are";
  }
  const auto free = number(SlotState::Free);
  if (free == 0 && fit.size() == 1) return "the only one that would do is held";
  if (free == 0) return fmt::format("all {} that would do are held", fit.size());
  if (free >= waiter.obstacle.asked_slots) return "what is free is kept for those ahead";
  return fmt::format("{} of the {} that would do {} free", free, fit.size(), free == 1 ? "is" : "are");
}

std::int64_t slotsAsked(const GpuRequest& request) {
  if (request.kind == GpuRequest::Kind::Devices) return static_cast<std::int64_t>(request.devices.size());
  return request.kind == GpuRequest::Kind::Count ? request.count : 1;
}

}  // namespace ds01::allocator
