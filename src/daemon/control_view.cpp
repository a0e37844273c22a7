#include "daemon/control_view.h"

#include <algorithm>
#include <map>
#include <optional>
#include <tuple>

#include "base/time_text.h"

namespace ds01::daemon {
namespace {

control::SlotState stateOf(allocator::SlotState state) {
  switch (state) {
    case allocator::SlotState::Free:
      return control::SlotState::Free;
    case allocator::SlotState::Reserved:
      return control::SlotState::Reserved;
    case allocator::SlotState::Held:
      return control::SlotState::Held;
    case allocator::SlotState::Foreign:
      return control::SlotState::Foreign;
    case allocator::SlotState::Stale:
      return control::SlotState::Stale;
    case allocator::SlotState::Sick:
      return control::SlotState::Sick;
  }
  return control::SlotState::Sick;
}

void addTracked(control::ContainerRow& row, const ownership::DocumentEntry& seen) {
  if (seen.proven || !seen.owner.owner) return;
  row.tracked_user = seen.owner.owner;
  row.tracked_by = std::string(toString(seen.owner.method));
}

control::GpuRow rowOf(const allocator::SlotView& view, const ownership::Index& index, const LedgerService& ledger) {
  control::GpuRow row;
  row.slot = view.slot.slot;
  row.uuid = view.slot.uuid;
  row.model = view.slot.model;
  row.profile = view.slot.profile;
  if (view.slot.gpu >= 0) row.gpu = view.slot.gpu;
  if (view.slot.memory_mib > 0) row.memory_mib = view.slot.memory_mib;
  row.gpueq = view.slot.weight;
  row.state = stateOf(view.state);
  if (!view.slot.healthy()) row.problem = view.slot.sick;
  if (view.lease == nullptr && view.use != nullptr) {
    if (!view.use->login.empty()) row.user = view.use->login;
    row.since = view.use->since;
    row.container_id = view.use->container.str();
    if (const ownership::Record* record = index.find(view.use->container); record && !record->name.empty()) {
      row.container = record->name;
    }
  }
  if (view.lease == nullptr) return row;
  row.user = view.lease->login;
  row.since = view.lease->since;
  row.until = ledger.holdEnds(*view.lease);
  const ownership::Record* record = index.find(view.lease->container);
  const std::string& name = record ? record->name : view.lease->container_name;
  if (!name.empty()) row.container = name;
  if (!view.lease->container.empty()) row.container_id = view.lease->container.str();
  return row;
}

}  // namespace

control::StatusSnapshot ControlView::status() const {
  control::StatusSnapshot snapshot;
  if (const std::string& why = ledger_.ledger().staleReason(); !why.empty()) snapshot.gpu_problem = why;
  const std::vector<allocator::SlotView> slots = ledger_.ledger().slots();
  for (const allocator::SlotView& view : slots) {
    snapshot.gpus.push_back(rowOf(view, owners_.index(), ledger_));
  }
  std::map<std::string, control::UserRow> users;
  for (const std::string& login : owners_.index().owners()) {
    users[login].containers = static_cast<std::int64_t>(owners_.index().count(login));
  }
  for (const Lease& lease : ledger_.ledger().leases()) {
    users[lease.login].gpueq += lease.weight;
    users[lease.login].group = lease.group;
  }
  for (auto& [login, row] : users) {
    row.user = login;
    User user;
    user.login = login;
    if (const std::expected<Limits, Denial> limits = site_.limitsFor(user)) {
      row.group = limits->group;
      row.limit = allocator::quotaOf(*limits);
    }
    snapshot.users.push_back(std::move(row));
  }
  for (const allocator::Queue::Waiter& waiter : ledger_.queue().waiters()) {
    // One that has only just come is being decided on and waits for nothing yet.
    if (!waiter.waits) continue;
    snapshot.queue.push_back({.user = waiter.ask.login,
                              .slots = allocator::slotsAsked(waiter.ask.gpu),
                              .since = waiter.since,
                              .place = std::ssize(snapshot.queue) + 1,
                              .reason = allocator::whyWaiting(slots, waiter)});
  }
  snapshot.counters = failures_.counters();
  snapshot.counters["invariants_broken"] = ledger_.invariantsBroken();
  return snapshot;
}

std::vector<control::ContainerRow> ControlView::containers() const {
  std::vector<control::ContainerRow> rows;
  for (const ownership::Record* record : owners_.index().all()) {
    control::ContainerRow row;
    row.id = record->id.str();
    row.name = record->name;
    row.user = record->owner;
    row.image = record->image;
    row.created = parseRfc3339(record->created);
    if (!record->type.empty()) row.type = record->type;
    if (const auto* seen = tracker_ != nullptr ? tracker_->find(record->id) : nullptr; seen && !record->owner) {
      addTracked(row, *seen);
    }
    if (const Lease* lease = ledger_.ledger().findByContainer(record->id)) {
      for (const std::string& uuid : lease->uuids) {
        const GpuSlot* slot = ledger_.ledger().slotByUuid(uuid);
        row.gpus.push_back(slot ? slot->slot : uuid);
      }
      row.gpueq = lease->weight;
      row.since = lease->since;
    }
    rows.push_back(std::move(row));
  }
  // Those that nobody has asked about: most of the stopped ones that were not made through us.
  if (tracker_ != nullptr) {
    for (const ownership::DocumentEntry& seen : tracker_->all()) {
      if (seen.proven || owners_.index().find(seen.id)) continue;
      control::ContainerRow row;
      row.id = seen.id.str();
      row.name = seen.name;
      row.image = seen.image;
      row.created = parseRfc3339(seen.created);
      addTracked(row, seen);
      rows.push_back(std::move(row));
    }
  }
  std::ranges::sort(rows, {}, [](const control::ContainerRow& row) { return std::tie(row.created, row.id); });
  return rows;
}

}  // namespace ds01::daemon
