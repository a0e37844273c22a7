// LedgerService's half that hears of the machine's GPUs.
#include <utility>

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include "daemon/background.h"
#include "daemon/ledger_service.h"
#include "inventory/changes.h"

namespace ds01::daemon {
namespace {

using Kind = inventory::SlotChange::Kind;

std::string sentenceOf(const inventory::SlotChange& change) {
  const GpuSlot& slot = change.slot;
  std::string name = fmt::format("GPU {} ({}, {}, {})", slot.slot, slot.model, slot.profile, slot.uuid);
  switch (change.kind) {
    case Kind::Appeared:
      return name + " has appeared";
    case Kind::Disappeared:
      return name + " has disappeared";
    case Kind::FellIll:
      return fmt::format("{} is sick and is not given away: {}", name, slot.sick);
    case Kind::Recovered:
      return name + " is well again";
    case Kind::Moved:
      return name + " has another name or other device files now";
  }
  return name;
}

}  // namespace

void LedgerService::setInventory(Inventory inventory) {
  const bool was_stale = !parts_.ledger.staleReason().empty();
  const std::vector<inventory::SlotChange> changes = inventory::changes(parts_.ledger.inventory(), inventory);
  parts_.ledger.setInventory(std::move(inventory));
  if (was_stale) {
    spdlog::info("the GPU inventory is up to date: {} slots", parts_.ledger.inventory().slots.size());
    parts_.events.emit({.type = "gpu.health_check", .user = {}, .details = {{"state", "ok"}}});
  }
  for (const inventory::SlotChange& change : changes) tell(change);
  reportViolations();
  for (const ContainerId& id : parts_.ledger.users()) tellUse(id);
  line_.serve();
  if (changes.empty()) return;
  // Entries name device files, which may be others now.
  published_.clear();
  runBeside(executor_, alignEntries(), "write the CDI entries of leases");
}

void LedgerService::inventoryStale(std::string why) {
  // The first answer of the driver is always waited for: nothing that was known is lost then.
  const bool starting = parts_.ledger.staleReason().empty() && parts_.ledger.inventory().slots.empty();
  spdlog::log(starting ? spdlog::level::info : spdlog::level::warn, "no GPU is given away for now: {}", why);
  if (!starting) {
    parts_.events.emit({.type = "gpu.health_check", .user = {}, .details = {{"state", "stale"}, {"reason", why}}});
  }
  parts_.ledger.markStale(std::move(why));
}

void LedgerService::tell(const inventory::SlotChange& change) {
  const Lease* lease = nullptr;
  for (const allocator::SlotView& view : parts_.ledger.slots()) {
    if (view.slot.uuid == change.slot.uuid) lease = view.lease;
  }
  std::string sentence = sentenceOf(change);
  if (lease) {
    sentence += fmt::format("; it is leased to {} (container {})", lease->login,
                            lease->container_name.empty() ? "without a name" : lease->container_name);
  }
  const bool good = change.kind == Kind::Appeared || change.kind == Kind::Recovered || change.kind == Kind::Moved;
  spdlog::log(good ? spdlog::level::info : spdlog::level::warn, "{}", sentence);
  boost::json::object details{
      {"state", inventory::toString(change.kind)}, {"gpu_uuid", change.slot.uuid}, {"slot", change.slot.slot}};
  if (!change.slot.sick.empty()) details["reason"] = change.slot.sick;
  if (lease) details["container"] = lease->container_name;
  parts_.events.emit(
      {.type = "gpu.health_check", .user = lease ? lease->login : std::string{}, .details = std::move(details)});
}

void LedgerService::reportViolations() {
  const std::vector<std::string> found = parts_.ledger.violations();
  const std::set<std::string> before = std::exchange(broken_now_, {found.begin(), found.end()});
  for (const std::string& violation : broken_now_) {
    if (before.contains(violation)) continue;
    ++invariants_broken_;
    spdlog::critical("ledger: {}", violation);
    parts_.events.emit({.type = "state.validation", .user = {}, .details = {{"violation", violation}}});
  }
}

}  // namespace ds01::daemon
