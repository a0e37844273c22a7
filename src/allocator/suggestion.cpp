#include "allocator/suggestion.h"

#include <algorithm>
#include <utility>

namespace ds01::allocator {
namespace {

bool worksWithout(const Pool& pool, const ReserveRequest& request, Budget budget, const Assumed& assumed) {
  for (const Lease* lease : assumed.gone) {
    budget.held -= lease->weight;
    budget.held_slots -= static_cast<std::int64_t>(lease->uuids.size());
  }
  return place(pool, request.gpu, request.gpus_for_all, budget, assumed).has_value();
}

// One container if one is enough (the smallest such), else as few as possible, largest first. Only containers that
// exist: what is still being created cannot be removed.
std::vector<const Lease*> removable(const Pool& pool, const ReserveRequest& request, const Budget& budget,
                                    std::span<const Lease* const> own, const SlotSet& kept) {
  std::vector<const Lease*> bound;
  std::ranges::copy_if(own, std::back_inserter(bound),
                       [](const Lease* lease) { return lease->state == Lease::State::Bound; });
  if (bound.empty() || !worksWithout(pool, request, budget, {bound, &kept})) return {};
  std::ranges::stable_sort(bound, {}, &Lease::weight);
  for (const Lease* lease : bound) {
    if (worksWithout(pool, request, budget, {{&lease, 1}, &kept})) return {lease};
  }
  std::ranges::reverse(bound);
  std::size_t enough = 2;
  while (!worksWithout(pool, request, budget, {{bound.data(), enough}, &kept})) ++enough;
  bound.resize(enough);
  return bound;
}

std::vector<SlotIndex> placeSingle(const Pool& pool, const std::string& profile, const Budget& budget,
                                   const SlotSet& kept) {
  return place(pool, {.devices = {}, .profile = profile}, GpusForAll::One, budget, {.kept = &kept})
      .value_or(std::vector<SlotIndex>{});
}

// How many slots the request was about.
std::size_t wanted(const GpuRequest& request) {
  if (request.kind == GpuRequest::Kind::Devices) return request.devices.size();
  return request.kind == GpuRequest::Kind::Count ? static_cast<std::size_t>(std::max<std::int64_t>(request.count, 1))
                                                 : 1;
}

// A free slot of the kind that was named.
std::vector<SlotIndex> sameKind(const Pool& pool, const GpuRequest& request, const Budget& budget,
                                const SlotSet& kept) {
  if (request.kind != GpuRequest::Kind::Devices || request.devices.size() != 1) return {};
  auto named = pool.bySlotName(request.devices.front());
  if (!named) named = pool.byUuid(request.devices.front());
  if (!named) return {};
  return placeSingle(pool, pool.slot(*named).profile, budget, kept);
}

std::vector<SlotIndex> smaller(const Pool& pool, const GpuRequest& request, const Budget& budget, const SlotSet& kept) {
  const std::size_t size = wanted(request);
  if (size == 1) return placeSingle(pool, {}, budget, kept);
  const GpuRequest all{.kind = GpuRequest::Kind::All, .devices = {}, .profile = {}};
  auto slots = place(pool, all, GpusForAll::Available, budget, {.kept = &kept}).value_or(std::vector<SlotIndex>{});
  if (slots.size() > size) slots.resize(size);
  return slots;
}

}  // namespace

Suggestion suggest(const Pool& pool, const ReserveRequest& request, const Budget& budget,
                   std::span<const Lease* const> own, const SlotSet& kept) {
  Suggestion suggestion{.remove = removable(pool, request, budget, own, kept), .instead = {}};
  suggestion.instead = sameKind(pool, request.gpu, budget, kept);
  suggestion.by_device = !suggestion.instead.empty();
  if (!suggestion.by_device) suggestion.instead = smaller(pool, request.gpu, budget, kept);
  return suggestion;
}

}  // namespace ds01::allocator
