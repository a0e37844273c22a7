#include "allocator/place.h"

#include <algorithm>
#include <tuple>

#include "allocator/devices.h"

namespace ds01::allocator {
namespace {

using Placed = std::expected<std::vector<SlotIndex>, Misfit>;

// Order of preference: MIG first, free slots on the GPU, last release, position of the GPU, weight, position of the
// slot.
using Preference = std::tuple<bool, std::size_t, std::uint64_t, std::size_t, GpuEq, SlotIndex>;

std::unexpected<Misfit> refuse(RefusalCode code, Problem problem, GpuEq asked, std::int64_t asked_slots) {
  return std::unexpected(Misfit{.code = code, .problem = problem, .asked = asked, .asked_slots = asked_slots});
}

std::unexpected<Misfit> outOfOrder(GpuEq asked, std::int64_t asked_slots, std::vector<SlotIndex> sick) {
  return std::unexpected(
      Misfit{.code = RefusalCode::OutOfOrder, .asked = asked, .asked_slots = asked_slots, .slots = std::move(sick)});
}

// What is permanently in the way of one slot of this profile; all slots that would do, if nothing is.
Placed servable(const Pool& pool, std::string_view profile, const Budget& budget) {
  bool exists = false;
  std::optional<GpuEq> smallest_of_all;
  std::optional<GpuEq> smallest;
  std::vector<SlotIndex> slots;
  std::vector<SlotIndex> sick;
  for (SlotIndex i = 0; i < pool.size(); ++i) {
    const GpuSlot& slot = pool.slot(i);
    if (!profile.empty() && slot.profile != profile) continue;
    exists = true;
    smallest_of_all = std::min(smallest_of_all.value_or(slot.weight), slot.weight);
    if (slot.whole() && !budget.allow_full) continue;
    smallest = std::min(smallest.value_or(slot.weight), slot.weight);
    if (budget.fits(slot.weight, 1)) (slot.healthy() ? slots : sick).push_back(i);
  }
  if (!exists) {
    const bool none = pool.size() == 0;
    return refuse(RefusalCode::NeverSatisfiable, none ? Problem::NoGpus : Problem::UnknownProfile, GpuEq{}, 1);
  }
  if (!smallest) return refuse(RefusalCode::FullGpuNotAllowed, Problem::None, *smallest_of_all, 1);
  if (budget.per_container && *budget.per_container < 1) {
    return refuse(RefusalCode::PerContainerCap, Problem::None, *smallest, 1);
  }
  if (slots.empty() && !sick.empty()) return outOfOrder(*smallest, 1, std::move(sick));
  if (slots.empty()) return refuse(RefusalCode::Quota, Problem::None, *smallest, 1);
  return slots;
}

Placed placeOne(const Pool& pool, std::string_view profile, const Budget& budget, const Assumed& assumed) {
  std::optional<Preference> best;
  const bool capped = budget.per_container && *budget.per_container < 1;
  for (std::size_t g = 0; g < pool.gpus().size() && !capped; ++g) {
    const Pool::Gpu& gpu = pool.gpus()[g];
    const auto free = static_cast<std::size_t>(
        std::ranges::count_if(gpu.slots, [&](SlotIndex i) { return pool.free(i, assumed.gone); }));
    for (const SlotIndex i : gpu.slots) {
      const GpuSlot& slot = pool.slot(i);
      const bool whole = slot.whole();
      if ((!profile.empty() && slot.profile != profile) || (whole && !budget.allow_full)) continue;
      if (!budget.fits(slot.weight, 1) || !available(pool, i, assumed)) continue;
      const Preference preference{whole, free, gpu.last_release, g, slot.weight, i};
      if (!best || preference < *best) best = preference;
    }
  }
  if (best) return std::vector<SlotIndex>{std::get<5>(*best)};

  Placed would_do = servable(pool, profile, budget);
  if (!would_do) return would_do;
  GpuEq smallest = pool.slot(would_do->front()).weight;
  for (const SlotIndex i : *would_do) smallest = std::min(smallest, pool.slot(i).weight);
  return std::unexpected(
      Misfit{.code = RefusalCode::NoneFree, .asked = smallest, .asked_slots = 1, .slots = std::move(*would_do)});
}

// Whole GPUs that can be given away, longest unused first.
std::vector<SlotIndex> freeWholeGpus(const Pool& pool, const Assumed& assumed) {
  std::vector<std::tuple<std::uint64_t, SlotIndex>> order;
  for (const Pool::Gpu& gpu : pool.gpus()) {
    for (const SlotIndex i : gpu.slots) {
      if (pool.slot(i).whole() && available(pool, i, assumed)) order.emplace_back(gpu.last_release, i);
    }
  }
  std::ranges::sort(order);
  std::vector<SlotIndex> slots;
  for (const auto& [released, i] : order) slots.push_back(i);
  return slots;
}

Placed placeWhole(const Pool& pool, std::int64_t count, const Budget& budget, const Assumed& assumed) {
  using enum RefusalCode;
  std::vector<SlotIndex> whole;
  std::vector<SlotIndex> sick;
  for (SlotIndex i = 0; i < pool.size(); ++i) {
    if (pool.slot(i).whole()) (pool.slot(i).healthy() ? whole : sick).push_back(i);
  }
  const auto exist = static_cast<std::int64_t>(whole.size() + sick.size());
  // A count that nobody can mean must not overflow the sum.
  const GpuEq asked = GpuEq::whole(std::min<std::int64_t>(count, 1'000'000));
  if (exist == 0) {
    return refuse(NeverSatisfiable, pool.size() == 0 ? Problem::NoGpus : Problem::TooFewWhole, asked, count);
  }
  if (!budget.allow_full) return refuse(FullGpuNotAllowed, Problem::None, asked, count);
  if (budget.per_container && count > *budget.per_container) {
    return refuse(PerContainerCap, Problem::None, asked, count);
  }
  if (count > exist) return refuse(NeverSatisfiable, Problem::TooFewWhole, asked, count);
  if (!budget.fits(asked, count)) return refuse(Quota, Problem::None, asked, count);
  if (count > static_cast<std::int64_t>(whole.size())) return outOfOrder(asked, count, std::move(sick));
  std::vector<SlotIndex> slots = freeWholeGpus(pool, assumed);
  if (static_cast<std::int64_t>(slots.size()) < count) {
    return std::unexpected(Misfit{.code = NoneFree, .asked = asked, .asked_slots = count, .slots = std::move(whole)});
  }
  slots.resize(static_cast<std::size_t>(count));
  return slots;
}

// As many whole GPUs as the user may take now if that is at least two, else one slot.
Placed placeAvailable(const Pool& pool, const std::string& profile, const Budget& budget, const Assumed& assumed) {
  if (budget.allow_full && (profile.empty() || profile == "full")) {
    std::int64_t count = static_cast<std::int64_t>(freeWholeGpus(pool, assumed).size());
    if (budget.per_container) count = std::min(count, *budget.per_container);
    if (budget.limit) count = std::min(count, (*budget.limit - budget.held).micro / GpuEq::whole(1).micro);
    if (budget.max_slots) count = std::min(count, *budget.max_slots - budget.held_slots);
    if (count >= 2) return placeWhole(pool, count, budget, assumed);
  }
  return placeOne(pool, profile, budget, assumed);
}

}  // namespace

Budget budgetOf(const Limits& limits, GpuEq held, std::int64_t held_slots) {
  Budget budget{.held = held,
                .held_slots = held_slots,
                .limit = quotaOf(limits),
                .limit_key = "max_gpu_equivalents",
                .max_slots = limits.max_gpu_slots,
                .per_container = limits.max_gpu_slots_per_container,
                .allow_full = limits.allow_full_gpu};
  if (budget.limit != limits.max_gpu_equivalents) budget.limit_key = "aggregate.gpu_limit";
  return budget;
}

bool available(const Pool& pool, SlotIndex index, const Assumed& assumed) {
  return pool.free(index, assumed.gone) && (assumed.kept == nullptr || !assumed.kept->contains(index));
}

Placed place(const Pool& pool, const GpuRequest& request, GpusForAll gpus_for_all, const Budget& budget,
             const Assumed& assumed) {
  switch (request.kind) {
    case GpuRequest::Kind::Devices:
      return placeDevices(pool, request, budget, assumed);
    case GpuRequest::Kind::All:
      if (gpus_for_all == GpusForAll::Available) return placeAvailable(pool, request.profile, budget, assumed);
      return placeOne(pool, request.profile, budget, assumed);
    case GpuRequest::Kind::Count:
      break;
  }
  if (request.count < 1) return refuse(RefusalCode::NeverSatisfiable, Problem::BadCount, GpuEq{}, 0);
  if (request.count == 1) return placeOne(pool, request.profile, budget, assumed);
  if (!request.profile.empty() && request.profile != "full") {
    return refuse(RefusalCode::NeverSatisfiable, Problem::ProfileNeedsOne, GpuEq{}, request.count);
  }
  return placeWhole(pool, request.count, budget, assumed);
}

GpuEq weightOf(const Pool& pool, std::span<const SlotIndex> slots) {
  GpuEq sum;
  for (const SlotIndex i : slots) sum += pool.slot(i).weight;
  return sum;
}

}  // namespace ds01::allocator
