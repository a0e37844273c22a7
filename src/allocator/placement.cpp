#include "allocator/placement.h"

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace ds01::allocator {
namespace {

// Free before this lease came.
bool wasFree(const SlotView& view, const Lease& lease) {
  return view.state == SlotState::Free || (view.lease != nullptr && view.lease->id == lease.id);
}

// One slot that was not named: MIG before whole, then the GPU with the fewest free slots.
std::string whySingle(const std::vector<SlotView>& views, const Lease& lease, const GpuSlot& chosen,
                      const GpuRequest& gpu) {
  std::map<std::int32_t, std::size_t> free_on;  // by GPU that had a slot that would do
  for (const SlotView& view : views) {
    if (wasFree(view, lease) && view.slot.whole() == chosen.whole()) ++free_on[view.slot.gpu];
  }
  const std::string kind = !gpu.profile.empty() ? fmt::format("the profile {} was asked for", gpu.profile)
                           : chosen.whole()     ? "no MIG slice was to be had, so a whole GPU"
                                                : "a MIG slice is enough for one GPU";
  if (free_on.size() <= 1) return kind + "; no other GPU had one free";
  if (chosen.whole()) return kind + "; of the free ones the longest unused";
  return fmt::format("{}; GPU {} had the fewest free slots ({}), so that whole GPUs stay free for who needs one", kind,
                     chosen.gpu, free_on[chosen.gpu]);
}

}  // namespace

std::string inGpus(GpuEq amount) {
  if (amount < GpuEq::whole(1)) return toString(amount) + " of a GPU";
  return toString(amount) + (amount == GpuEq::whole(1) ? " GPU" : " GPUs");
}

Facts placementOf(const Ledger& ledger, const Lease& lease, const ReserveRequest& request) {
  const std::vector<SlotView> views = ledger.slots();
  std::vector<std::string> names;
  const GpuSlot* first = nullptr;
  for (const std::string& uuid : lease.uuids) {
    const GpuSlot* slot = ledger.slotByUuid(uuid);
    if (slot == nullptr) continue;
    if (first == nullptr) first = slot;
    names.push_back(fmt::format("{} ({})", slot->slot, slot->profile));
  }
  Facts facts{{lease.uuids.size() == 1 ? "slot" : "slots", fmt::format("{}", fmt::join(names, ", "))}};
  if (request.gpu.kind == GpuRequest::Kind::Devices) {
    facts.emplace_back("why these", "they were named in the request and free");
  } else if (lease.uuids.size() > 1) {
    facts.emplace_back("why these", "several GPUs are whole ones; of the free ones the longest unused");
  } else if (first != nullptr) {
    facts.emplace_back("why this one", whySingle(views, lease, *first, request.gpu));
  }
  const bool entered = ledger.find(lease.id) != nullptr;
  const GpuEq now = ledger.heldBy(lease.uid) + (entered ? GpuEq{} : lease.weight);
  facts.emplace_back("counts as", inGpus(lease.weight));
  facts.emplace_back("held with it", toString(now));
  const std::optional<GpuEq> quota = quotaOf(request.limits);
  facts.emplace_back("limit", quota ? fmt::format("{} (group {})", toString(*quota), request.limits.group)
                                    : "none (group " + request.limits.group + ")");
  const auto free = std::ranges::count_if(views, [](const SlotView& view) { return view.state == SlotState::Free; });
  facts.emplace_back("free slots then",
                     fmt::format("{} of {}", free + (entered ? std::ssize(lease.uuids) : 0), views.size()));
  return facts;
}

}  // namespace ds01::allocator
