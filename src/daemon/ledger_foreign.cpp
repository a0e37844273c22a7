// LedgerService's half that sees who runs on GPUs past the leases: containers made on the Engine's own socket,
// privileged ones, and those from before DS01 came.
//
// What a container may use stands in its configuration, which does not change, so each is looked at once. While it runs
// nothing is placed on its slots; a lease that is there already stays.
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include "base/time_text.h"
#include "daemon/background.h"
#include "daemon/ledger_service.h"

namespace ds01::daemon {

namespace asio = boost::asio;

namespace {

std::string slotNames(const std::vector<allocator::SlotView>& views) {
  std::string names;
  for (const allocator::SlotView& view : views) names += (names.empty() ? "" : ",") + view.slot.slot;
  return names;
}

std::string uuids(const std::vector<allocator::SlotView>& views) {
  std::string out;
  for (const allocator::SlotView& view : views) out += (out.empty() ? "" : ",") + view.slot.uuid;
  return out;
}

// "0 (alice), 1:0 (bob)"
std::string holders(const std::vector<allocator::SlotView>& views) {
  std::string out;
  for (const allocator::SlotView& view : views) {
    if (view.lease) out += fmt::format("{}{} ({})", out.empty() ? "" : ", ", view.slot.slot, view.lease->login);
  }
  return out;
}

}  // namespace

void LedgerService::learnClaim(const ContainerView& view) {
  if (parts_.owners.index().isTombstone(view.id)) return;
  claims_.insert_or_assign(view.id, allocator::claimOf(view, default_runtime_));
}

void LedgerService::useBegins(const ContainerId& id, TimePoint since) {
  const auto known = claims_.find(id);
  if (known == claims_.end() || known->second.none()) return;
  const ownership::Record* record = parts_.owners.index().find(id);
  parts_.ledger.noteUse({.container = id,
                         .login = record && record->owner ? *record->owner : std::string(),
                         .since = since,
                         .claim = known->second});
  tellUse(id);
}

void LedgerService::useEnds(const ContainerId& id) {
  const std::vector<allocator::SlotView> slots = parts_.ledger.foreignTo(id);
  if (!parts_.ledger.useEnded(id)) return;
  line_.serve();
  if (told_.erase(id) == 0) return;
  const ownership::Record* record = parts_.owners.index().lastKnown(id);
  const std::string name = record ? record->name : std::string();
  spdlog::info("container {} ({}) no longer uses GPU {}", id.str(), name, slotNames(slots));
  parts_.events.emit(
      {.type = "detection.container_exited",
       .user = record && record->owner ? *record->owner : std::string(),
       .details = {
           {"container", name}, {"container_id", id.str()}, {"slot", slotNames(slots)}, {"gpu_uuid", uuids(slots)}}});
}

// Once for each time that a container runs.
void LedgerService::tellUse(const ContainerId& id) {
  if (!ready_ || unadmitted(id)) return;
  const ownership::Record* record = parts_.owners.index().find(id);
  std::vector<allocator::SlotView> slots = parts_.ledger.foreignTo(id);
  // A create whose answer is on its way.
  std::erase_if(slots, [&](const allocator::SlotView& view) {
    return view.lease && view.lease->container.empty() && record && record->lease == view.lease->id;
  });
  if (slots.empty() || !told_.insert(id).second) return;
  const std::string name = record ? record->name : std::string();
  const std::string owner = record && record->owner ? *record->owner : std::string();
  spdlog::warn("container {} ({}) uses GPU {} without a lease", id.str(), name, slotNames(slots));
  parts_.events.emit(
      {.type = "detection.unmanaged_container",
       .user = owner,
       .details = {
           {"container", name}, {"container_id", id.str()}, {"slot", slotNames(slots)}, {"gpu_uuid", uuids(slots)}}});
  const std::string leased = holders(slots);
  if (leased.empty()) return;
  spdlog::critical("container {} ({}) uses GPUs that are leased to others: {}", id.str(), name, leased);
  parts_.events.emit({.type = "state.validation",
                      .user = owner,
                      .details = {{"container", name},
                                  {"container_id", id.str()},
                                  {"violation", "uses GPUs that are leased to others: " + leased},
                                  {"action", "reported"}}});
}

void LedgerService::useMayBegin(const ContainerId& id) {
  ++moves_[id];
  if (claims_.contains(id)) {
    useBegins(id, parts_.clock.now());
  } else {
    runBeside(executor_, lookAtUse(id), "look at a container that was started");
  }
}

void LedgerService::useMayEnd(const ContainerId& id) {
  ++moves_[id];
  // Its restart policy may start it again in a moment, and nobody shall get its slots in between.
  if (parts_.ledger.findUse(id)) runBeside(executor_, lookAtUse(id), "look at a container that has stopped");
}

asio::awaitable<void> LedgerService::lookAtUse(ContainerId id) {
  const unsigned moves = moves_[id];
  const Result<ContainerView> view = co_await parts_.owners.learn(id);
  if (!view) {
    if (view.error().code() != ErrorCode::NotFound) {
      spdlog::error("container {} cannot be inspected; which GPUs it uses is not known: {}", id.str(),
                    view.error().message());
    }
    co_return;
  }
  learnClaim(*view);
  const auto now = moves_.find(id);
  if (now == moves_.end() || now->second != moves) co_return;  // a later event has its own look
  noteUse(*view);
  if (view->up() && unadmitted(id)) co_await stopUnadmitted(id);
}

void LedgerService::noteUse(const ContainerView& view) {
  if (!view.up()) return useEnds(view.id);
  if (!parts_.ledger.findUse(view.id)) {
    useBegins(view.id, parseRfc3339(view.started).value_or(parts_.clock.now()));
  }
}

// Of containers that are not in our list: those that run.
asio::awaitable<Result<LedgerService::Running>> LedgerService::inspectRunning(std::vector<ContainerId> seen) {
  const std::set<ContainerId> known(seen.begin(), seen.end());
  const Result<std::vector<ContainerSummary>> listed = co_await parts_.engine.listRunning();
  if (!listed) co_return fail(listed.error());
  Running running;
  for (const ContainerSummary& summary : *listed) {
    running.ids.insert(summary.id);
    if (known.contains(summary.id)) continue;
    Result<ContainerView> view = co_await parts_.owners.learn(summary.id);
    if (view) {
      running.views.push_back(std::move(*view));
    } else if (view.error().code() == ErrorCode::Timeout) {
      co_return fail(view.error());
    } else if (view.error().code() != ErrorCode::NotFound) {
      spdlog::error("container {} runs and cannot be inspected; which GPUs it uses is not known: {}", summary.id.str(),
                    view.error().message());
    }
  }
  co_return running;
}

void LedgerService::applyUses(const Running& running, const std::vector<PresentContainer>& present) {
  for (const ContainerId& id : parts_.ledger.users()) {
    if (!running.ids.contains(id) && !changed_.contains(id)) useEnds(id);
  }
  const auto apply = [this](const ContainerView& view) {
    if (view.status.empty()) return;  // it could not be inspected
    learnClaim(view);
    if (!changed_.contains(view.id)) noteUse(view);
  };
  for (const PresentContainer& container : present) apply(container.view);
  for (const ContainerView& view : running.views) apply(view);
}

}  // namespace ds01::daemon
