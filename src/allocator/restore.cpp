// What the ledger takes on trust and how it checks itself.
#include <algorithm>
#include <map>
#include <set>

#include <fmt/format.h>

#include "allocator/ledger.h"

namespace ds01::allocator {
namespace {

Status consistent(const Lease& lease) {
  const auto broken = [&](std::string_view what) {
    return fail(ErrorCode::InvalidArgument, fmt::format("lease \"{}\" {}", lease.id.str(), what));
  };
  if (lease.id.empty()) return broken("has no id");
  if (lease.uuids.empty() && lease.holds()) return broken("holds no slot");
  if (std::ranges::any_of(lease.uuids, &std::string::empty)) return broken("holds a slot without UUID");
  const bool fixed_and_parked = !lease.holds() && lease.delivery == Lease::Delivery::Fixed;
  if (!lease.written.empty() && !fixed_and_parked) return broken("names slots for a start that it need not ask for");
  if (lease.weight < GpuEq{}) return broken("has a negative weight");
  const bool reserved = lease.state == Lease::State::Reserved;
  if (!reserved && lease.container.empty()) return broken("is bound to no container");
  if (reserved && !lease.container.empty()) return broken("is only reserved but names a container");
  if (lease.holds()) return {};
  if (!lease.uuids.empty() || lease.weight != GpuEq{}) return broken("is parked but holds slots");
  const bool fixed = lease.delivery == Lease::Delivery::Fixed;
  const bool told = fixed ? static_cast<std::int64_t>(lease.written.size()) == lease.count : !lease.profile.empty();
  if (lease.count < 1 || !told) return broken("is parked and does not say what it waits for");
  return {};
}

}  // namespace

Status Ledger::restore(std::vector<Lease> leases) {
  if (Status status = acceptable(leases); !status) return status;
  for (Lease& lease : leases) enter(std::move(lease));
  return {};
}

Status Ledger::acceptable(const std::vector<Lease>& leases) const {
  std::set<LeaseId> ids;
  std::set<ContainerId> containers;
  std::map<std::string_view, const Lease*> holders;
  for (const Lease& lease : leases) {
    if (Status status = consistent(lease); !status) return status;
    if (find(lease.id) || !ids.insert(lease.id).second) {
      return fail(ErrorCode::Conflict, fmt::format("there are two leases with the id {}", lease.id.str()));
    }
    if (!lease.container.empty() && (findByContainer(lease.container) || !containers.insert(lease.container).second)) {
      return fail(ErrorCode::Conflict, fmt::format("container {} has two leases", lease.container.str()));
    }
    for (const std::string& uuid : lease.uuids) {
      const auto slot = pool_.byUuid(uuid);
      const auto stale = stale_.find(uuid);
      const Lease* other = slot ? pool_.holder(*slot) : stale == stale_.end() ? nullptr : stale->second.lease;
      if (!other) {
        const auto [entry, added] = holders.emplace(uuid, &lease);
        if (!added) other = entry->second;
      }
      if (other) {
        return fail(ErrorCode::Conflict,
                    fmt::format("slot {} is in lease {} and in lease {}", uuid, other->id.str(), lease.id.str()));
      }
    }
  }
  return {};
}

// A slot that was here before is shown as it was, under its UUID if another bears its name now. What no inventory of
// ours had counts with what is left of the lease's weight, shared evenly.
void Ledger::addStale(const Lease& lease, const KnownSlots& gone) {
  std::vector<std::string_view> unknown;
  GpuEq rest = lease.weight;
  for (const std::string& uuid : lease.uuids) {
    const auto known = gone.find(uuid);
    if (const GpuSlot* slot = slotByUuid(uuid)) {
      rest -= slot->weight;
    } else if (known != gone.end()) {
      GpuSlot slot_then = known->second;
      rest -= slot_then.weight;
      slot_then.sick.clear();
      if (pool_.bySlotName(slot_then.slot)) slot_then.slot = uuid;
      stale_.emplace(uuid, StaleSlot{.slot = std::move(slot_then), .lease = &lease});
    } else {
      unknown.push_back(uuid);
    }
  }
  if (unknown.empty()) return;
  const GpuEq share{std::max<std::int64_t>(rest.micro, 0) / static_cast<std::int64_t>(unknown.size())};
  for (const std::string_view uuid : unknown) {
    GpuSlot slot;
    slot.slot = uuid;
    slot.uuid = uuid;
    slot.gpu = -1;
    slot.weight = share;
    stale_.emplace(uuid, StaleSlot{.slot = std::move(slot), .lease = &lease});
  }
}

std::vector<std::string> Ledger::violations() const {
  std::vector<std::string> out;
  reportSlots(out);
  reportAccounts(out);
  return out;
}

void Ledger::reportSlots(std::vector<std::string>& out) const {
  std::map<std::string_view, const Lease*> holders;
  for (const auto& [id, lease] : leases_) {
    if (lease.id != id) out.push_back(fmt::format("lease {} is filed as {}", lease.id.str(), id.str()));
    if (const Status status = consistent(lease); !status) out.push_back(status.error().message());
    for (const std::string& uuid : lease.uuids) {
      const auto [entry, added] = holders.emplace(uuid, &lease);
      if (!added) {
        out.push_back(
            fmt::format("slot {} is in lease {} and in lease {}", uuid, entry->second->id.str(), lease.id.str()));
      }
      const auto slot = pool_.byUuid(uuid);
      const auto stale = stale_.find(uuid);
      const Lease* marked = slot ? pool_.holder(*slot) : stale == stale_.end() ? nullptr : stale->second.lease;
      if (added && marked != &lease) out.push_back(fmt::format("slot {} of lease {} is not marked so", uuid, id.str()));
    }
    const bool listed = lease.container.empty() || findByContainer(lease.container) == &lease;
    if (!listed) out.push_back(fmt::format("container {} does not lead to lease {}", lease.container.str(), id.str()));
  }
  for (SlotIndex i = 0; i < pool_.size(); ++i) {
    if (pool_.holder(i) && !holders.contains(pool_.slot(i).uuid)) {
      out.push_back(fmt::format("slot {} is marked as held but is in no lease", pool_.slot(i).slot));
    }
  }
  for (const auto& [uuid, stale] : stale_) {
    if (!holders.contains(uuid)) out.push_back(fmt::format("slot {} is stale but is in no lease", uuid));
    if (pool_.byUuid(uuid)) out.push_back(fmt::format("slot {} is stale but the inventory has it", uuid));
  }
}

void Ledger::reportAccounts(std::vector<std::string>& out) const {
  std::map<std::uint32_t, Account> sums;
  for (const auto& [id, lease] : leases_) {
    if (!lease.holds()) continue;
    sums[lease.uid].held += lease.weight;
    sums[lease.uid].slots += static_cast<std::int64_t>(lease.uuids.size());
    sums[lease.uid].leases.push_back(&lease);
  }
  for (const auto& [uid, account] : accounts_) {
    const Account& sum = sums[uid];
    if (account.held != sum.held || account.slots != sum.slots) {
      out.push_back(fmt::format("uid {} is charged {} in {} slots, but the leases hold {} in {}", uid,
                                toString(account.held), account.slots, toString(sum.held), sum.slots));
    }
    if (std::set(account.leases.begin(), account.leases.end()) != std::set(sum.leases.begin(), sum.leases.end())) {
      out.push_back(fmt::format("the list of leases of uid {} is wrong", uid));
    }
    if (account.limit_at_grant && account.held_at_grant > *account.limit_at_grant) {
      out.push_back(fmt::format("uid {} was granted {} with a limit of {}", uid, toString(account.held_at_grant),
                                toString(*account.limit_at_grant)));
    }
  }
  for (const auto& [uid, sum] : sums) {
    if (!accounts_.contains(uid)) out.push_back(fmt::format("uid {} holds {} uncharged", uid, toString(sum.held)));
  }
  const auto bound = std::ranges::count_if(leases_, [](const auto& entry) { return !entry.second.container.empty(); });
  if (by_container_.size() != static_cast<std::size_t>(bound)) {
    out.push_back(fmt::format("{} containers are listed, but {} leases are bound", by_container_.size(), bound));
  }
}

}  // namespace ds01::allocator
