#include "daemon/reconcile.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <optional>
#include <string_view>

#include "base/time_text.h"

namespace ds01::daemon {
namespace {

std::string label(const ContainerView& view, const char* key) {
  const auto it = view.labels.find(key);
  return it == view.labels.end() ? std::string{} : it->second;
}

std::vector<std::string> splitCommas(std::string_view text) {
  std::vector<std::string> parts;
  while (!text.empty()) {
    const std::size_t comma = text.find(',');
    const std::string_view part = text.substr(0, comma);
    if (!part.empty()) parts.emplace_back(part);
    if (comma == std::string_view::npos) break;
    text.remove_prefix(comma + 1);
  }
  return parts;
}

}  // namespace

ReconcilePlan planReconcile(const std::vector<Lease>& leases, const std::vector<PresentContainer>& present,
                            const std::set<LeaseId>& in_flight) {
  ReconcilePlan plan;
  std::map<LeaseId, const PresentContainer*> by_lease;
  std::set<ContainerId> ids;
  for (const PresentContainer& container : present) {
    ids.insert(container.view.id);
    if (!container.owner) continue;
    if (std::string id = label(container.view, "ds01.lease"); !id.empty()) {
      by_lease.emplace(LeaseId(std::move(id)), &container);
    }
  }
  std::set<LeaseId> known;
  for (const Lease& lease : leases) {
    known.insert(lease.id);
    const auto found = by_lease.find(lease.id);
    if (lease.state != Lease::State::Reserved) {
      if (!ids.contains(lease.container)) plan.release.push_back(lease.id);
    } else if (found != by_lease.end()) {
      plan.bind.push_back({lease.id, found->second->view.id, found->second->view.name});
    } else if (!in_flight.contains(lease.id)) {
      plan.unsettled.push_back(lease.id);
    }
  }
  for (const auto& [id, container] : by_lease) {
    if (!known.contains(id)) plan.unleased.push_back(*container);
  }
  std::ranges::stable_partition(plan.unleased, [](const PresentContainer& found) { return found.view.up(); });
  return plan;
}

bool parkAsWritten(Lease& lease) {
  if (lease.delivery != Lease::Delivery::Fixed || lease.state != Lease::State::Bound) return false;
  lease.state = Lease::State::Parked;
  lease.written = std::move(lease.uuids);
  lease.uuids.clear();
  lease.weight = {};
  return true;
}

std::optional<Lease> leaseFromLabels(const ContainerView& view, const std::string& owner, const Inventory& inventory,
                                     const std::vector<std::string>& entry_uuids) {
  Lease lease;
  lease.id = LeaseId(label(view, "ds01.lease"));
  lease.profile = label(view, "ds01.gpu.profile");  // written with Delivery::AtStart, and only then
  const bool at_start = !lease.profile.empty();
  lease.delivery = at_start ? Lease::Delivery::AtStart : Lease::Delivery::Fixed;
  lease.uuids = at_start ? entry_uuids : splitCommas(label(view, "ds01.gpu.uuids"));
  lease.count = static_cast<std::int64_t>(lease.uuids.size());
  const bool parked = at_start && lease.uuids.empty();
  const std::string count = label(view, "ds01.gpu.slot_count");
  if (parked) std::from_chars(count.data(), count.data() + count.size(), lease.count);
  const std::string uid = label(view, "ds01.uid");
  const auto [end, error] = std::from_chars(uid.data(), uid.data() + uid.size(), lease.uid);
  if (lease.id.empty() || lease.count < 1 || uid.empty() || error != std::errc{} || end != uid.data() + uid.size()) {
    return std::nullopt;
  }
  for (const std::string& uuid : lease.uuids) {
    const auto slot = std::ranges::find(inventory.slots, uuid, &GpuSlot::uuid);
    if (slot != inventory.slots.end()) {
      lease.weight += slot->weight;
    } else if (uuid.starts_with("GPU-")) {
      lease.weight += GpuEq::whole(1);  // the driver may not have answered yet
    }
  }
  lease.state = parked ? Lease::State::Parked : Lease::State::Bound;
  lease.login = owner;
  lease.container = view.id;
  lease.container_name = view.name;
  lease.since = parseRfc3339(view.created).value_or(TimePoint{});
  return lease;
}

}  // namespace ds01::daemon
