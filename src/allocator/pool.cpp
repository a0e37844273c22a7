#include "allocator/pool.h"

#include <algorithm>
#include <utility>

#include "allocator/foreign.h"

namespace ds01::allocator {

Pool::Pool(Inventory inventory)
    : inventory_(std::move(inventory)),
      holders_(inventory_.slots.size()),
      uses_(inventory_.slots.size()),
      gpu_of_slot_(inventory_.slots.size()) {
  std::map<std::int32_t, std::vector<SlotIndex>> by_gpu;
  for (SlotIndex i = 0; i < size(); ++i) {
    by_gpu[slot(i).gpu].push_back(i);
    by_uuid_.emplace(slot(i).uuid, i);
    by_name_.emplace(slot(i).slot, i);
  }
  for (auto& [index, slots] : by_gpu) {
    for (const SlotIndex i : slots) gpu_of_slot_[i] = gpus_.size();
    gpus_.push_back({.index = index, .slots = std::move(slots)});
  }
}

Pool::Pool(Inventory inventory, const Pool& before) : Pool(std::move(inventory)) {
  releases_ = before.releases_;
  for (Gpu& gpu : gpus_) {
    const auto same = std::ranges::find(before.gpus_, gpu.index, &Gpu::index);
    if (same != before.gpus_.end()) gpu.last_release = same->last_release;
  }
}

bool Pool::free(SlotIndex index, std::span<const Lease* const> without) const {
  if (!slot(index).healthy()) return false;
  const Lease* lease = holders_[index];
  if (lease != nullptr && std::ranges::find(without, lease) == without.end()) return false;
  return std::ranges::all_of(uses_[index], [&](const GpuUse* use) {
    return std::ranges::any_of(without, [&](const Lease* gone) { return gone->container == use->container; });
  });
}

const GpuUse* Pool::foreignUse(SlotIndex index) const {
  const Lease* lease = holders_[index];
  for (const GpuUse* use : uses_[index]) {
    if (lease == nullptr || lease->container != use->container) return use;
  }
  return nullptr;
}

void Pool::dropUse(const GpuUse& use) {
  for (auto& uses : uses_) std::erase(uses, &use);
}

std::optional<SlotIndex> Pool::byUuid(std::string_view uuid) const {
  const auto found = by_uuid_.find(uuid);
  return found == by_uuid_.end() ? std::nullopt : std::optional(found->second);
}

std::optional<SlotIndex> Pool::bySlotName(std::string_view name) const {
  auto found = by_name_.find(name);
  if (found == by_name_.end() && std::ranges::count(name, '.') == 1) {
    std::string with_colon(name);
    with_colon[with_colon.find('.')] = ':';
    found = by_name_.find(with_colon);
  }
  return found == by_name_.end() ? std::nullopt : std::optional(found->second);
}

void Pool::giveBack(SlotIndex index) {
  holders_[index] = nullptr;
  gpus_[gpu_of_slot_[index]].last_release = ++releases_;
}

}  // namespace ds01::allocator
