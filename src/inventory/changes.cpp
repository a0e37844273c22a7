#include "inventory/changes.h"

#include <algorithm>
#include <map>
#include <string>

namespace ds01::inventory {
namespace {

using Kind = SlotChange::Kind;

std::map<std::string_view, const GpuSlot*> byUuid(const Inventory& inventory) {
  std::map<std::string_view, const GpuSlot*> slots;
  for (const GpuSlot& slot : inventory.slots) slots.emplace(slot.uuid, &slot);
  return slots;
}

}  // namespace

std::string_view toString(SlotChange::Kind kind) {
  switch (kind) {
    case Kind::Appeared:
      return "appeared";
    case Kind::Disappeared:
      return "disappeared";
    case Kind::FellIll:
      return "sick";
    case Kind::Recovered:
      return "recovered";
    case Kind::Moved:
      return "moved";
  }
  return "unknown";
}

std::vector<SlotChange> changes(const Inventory& before, const Inventory& now) {
  std::vector<SlotChange> result;
  const auto now_by_uuid = byUuid(now);
  for (const GpuSlot& slot : before.slots) {
    if (!now_by_uuid.contains(slot.uuid)) result.push_back({Kind::Disappeared, slot});
  }
  const auto before_by_uuid = byUuid(before);
  for (const GpuSlot& slot : now.slots) {
    const auto known = before_by_uuid.find(slot.uuid);
    const GpuSlot* was = known == before_by_uuid.end() ? nullptr : known->second;
    if (!was) result.push_back({Kind::Appeared, slot});
    if (!slot.healthy() && (!was || was->sick != slot.sick)) result.push_back({Kind::FellIll, slot});
    if (!was) continue;
    if (slot.healthy() && !was->healthy()) result.push_back({Kind::Recovered, *was});
    GpuSlot in_its_health = *was;
    in_its_health.sick = slot.sick;
    if (in_its_health != slot) result.push_back({Kind::Moved, slot});
  }
  return result;
}

}  // namespace ds01::inventory
