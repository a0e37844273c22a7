#include "daemon/denials.h"

#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "events/details.h"

namespace ds01::daemon {
namespace {

struct RefusalKind {
  int http_status;
  std::string_view reason;
};

RefusalKind kindOf(allocator::RefusalCode code) {
  using enum allocator::RefusalCode;
  switch (code) {
    case NoSuchDevice:
      return {400, "gpu_no_such_device"};
    case DeviceHeld:
      return {409, "gpu_device_held"};
    case PerContainerCap:
      return {409, "gpu_per_container"};
    case Quota:
      return {409, "gpu_quota"};
    case FullGpuNotAllowed:
      return {403, "gpu_full_not_allowed"};
    case NeverSatisfiable:
      return {409, "gpu_never_satisfiable"};
    case NoneFree:
      return {409, "gpu_none_free"};
    case OutOfOrder:
      return {503, "gpu_out_of_order"};
    case InventoryStale:
      return {503, "gpu_inventory_stale"};
  }
  return {503, "gpu_unknown"};
}

std::string slotsOf(const Lease& lease, const allocator::Ledger& ledger) {
  std::string slots;
  for (const std::string& uuid : lease.uuids) {
    const GpuSlot* slot = ledger.slotByUuid(uuid);
    slots += (slots.empty() ? "" : ",") + (slot ? slot->slot : uuid);
  }
  return slots;
}

boost::json::object leaseDetails(const Lease& lease, const allocator::Ledger& ledger) {
  boost::json::object details;
  details["container"] = lease.container_name;
  details["gpu_uuid"] = fmt::format("{}", fmt::join(lease.uuids, ","));
  details["slot"] = slotsOf(lease, ledger);
  details["gpueq"] = lease.weight.gpus();
  details["lease"] = lease.id.str();
  if (!lease.decision.empty()) details["decision"] = lease.decision.str();
  if (!lease.container.empty()) details["container_id"] = lease.container.str();
  return details;
}

}  // namespace

Denial denialOf(const allocator::Refusal& refusal, const std::string& group) {
  const RefusalKind kind = kindOf(refusal.code);
  Facts facts{{"you hold", refusal.held_by_user.empty()
                               ? "no GPU"
                               : fmt::format("{}: {}", toString(refusal.held), fmt::join(refusal.held_by_user, "; "))}};
  if (refusal.asked > GpuEq{}) facts.emplace_back("asked for", toString(refusal.asked));
  if (refusal.limit) {
    facts.emplace_back("limit", fmt::format("{} ({}, group {})", toString(*refusal.limit), refusal.limit_key, group));
  } else if (!refusal.limit_key.empty()) {
    facts.emplace_back("limit", fmt::format("{} (group {})", refusal.limit_key, group));
  }
  facts.emplace_back("free slots", fmt::format("{} of {}", refusal.free_slots, refusal.all_slots));
  return {.http_status = kind.http_status,
          .reason = std::string(kind.reason),
          .text = refusal.text,
          .part = "GPU quota and placement",
          .facts = std::move(facts),
          .remedy = refusal.remedy};
}

bool mayHelpToLookAgain(allocator::RefusalCode code) {
  using enum allocator::RefusalCode;
  return code == DeviceHeld || code == Quota || code == NoneFree;
}

Denial notReady() {
  return {.http_status = 503,
          .reason = "not_ready",
          .text = "the containers are being compared with what the Docker Engine has; try again in a moment",
          .part = "ledger",
          .remedy = "Try again in a moment."};
}

Denial leaseEnded() {
  return {
      409, "lease_ended",
      "the GPU lease of this container has ended, and its GPU may be somebody else's by now. Remove the container and "
      "create it again"};
}

Denial noEntry() {
  return {
      503, "cdi_unwritable",
      "what the Docker Engine must know about the GPU could not be written to disk, so nothing was started; tell your "
      "administrator"};
}

Denial clientGone() {
  return {499, "client_gone", "the client went away while its request waited for a GPU"};
}

Denial queueFull(allocator::Queue::Crowd crowd) {
  using allocator::Queue;
  const bool own = crowd == Queue::Crowd::UserHasTooMany;
  const std::string text =
      own ? fmt::format(
                "you have {} requests waiting for a GPU, which is as many as one user may; wait for them or end "
                "some (ds01 queue shows them)",
                Queue::kMostWaitingPerUser)
          : fmt::format("{} requests wait for a GPU, and no more can; try again later", Queue::kMostWaiting);
  return {.http_status = 503,
          .reason = "queue_full",
          .text = text,
          .part = "GPU queue",
          .remedy = own ? "End some of your requests that wait, or wait for them." : "Try again later."};
}

Denial waitedInVain(const allocator::Refusal& refusal, const std::string& group, const Standing& standing) {
  Denial denial = denialOf(refusal, group);
  const std::string place = fmt::format("{} of {}", standing.place, standing.of);
  denial.facts.emplace_back("waited", fmt::format("{} s", standing.waited.count()));
  denial.facts.emplace_back("place in the queue", place);
  denial.text += fmt::format(" The request waited {} s and was number {} in the queue", standing.waited.count(), place);
  if (refusal.code == allocator::RefusalCode::NoneFree) {
    denial.reason = "gpu_wait_timeout";
    denial.facts.emplace_back("held until", "no end is known");
    denial.text += "; no end is known of what is held";
  }
  return denial;
}

Denial stateUnwritable() {
  return {503, "state_unwritable",
          "the GPU reservation could not be written to disk, so nothing was started; tell your administrator"};
}

Denial policyNotSet(std::string_view why) {
  return {503, "restart_policy",
          fmt::format("the container's restart policy could not be put back in force ({}), so it was not started; try "
                      "again in a moment",
                      why)};
}

Denial tooManyContainers(const std::vector<const ownership::Record*>& have, std::int64_t being_created,
                         std::int64_t limit, const std::string& group) {
  std::string names;
  for (const ownership::Record* record : have) {
    names += (names.empty() ? "" : ", ") + (record->name.empty() ? record->id.str().substr(0, 12) : record->name);
  }
  if (being_created > 0) names += fmt::format("{}{} being created", names.empty() ? "" : ", ", being_created);
  const std::int64_t count = static_cast<std::int64_t>(have.size()) + being_created;
  const std::string remedy =
      have.empty() ? "Wait until one that is being created is there, and remove it." : "Remove one with docker rm.";
  return {.http_status = 409,
          .reason = "container_limit",
          .text = fmt::format("you have {} container{} ({}), running or stopped, and your limit is {} "
                              "(max_containers_per_user, group {}). Remove one that you no longer need with docker rm, "
                              "then try again",
                              count, count == 1 ? "" : "s", names, limit, group),
          .part = "number of containers",
          .facts = {{"you have", fmt::format("{}: {}", count, names)},
                    {"asked for", "1 more"},
                    {"limit", fmt::format("{} (max_containers_per_user, group {})", limit, group)}},
          .remedy = remedy};
}

events::Event gpuAllocated(const Lease& lease, const allocator::Ledger& ledger, const Facts& placement) {
  events::Event event{.type = "gpu.allocate", .user = lease.login, .details = leaseDetails(lease, ledger)};
  event.details["facts"] = events::factsJson(placement);
  return event;
}

events::Event gpuReleased(const Lease& lease, const allocator::Ledger& ledger, std::string_view reason) {
  events::Event event{.type = "gpu.release", .user = lease.login, .details = leaseDetails(lease, ledger)};
  event.details["reason"] = reason;
  return event;
}

events::Event queueJoined(const allocator::ReserveRequest& ask, std::int64_t place, std::string_view why) {
  return {.type = "queue.joined",
          .user = ask.login,
          .details = {{"container", ask.container_name},
                      {"slots", allocator::slotsAsked(ask.gpu)},
                      {"place", place},
                      {"reason", why},
                      {"decision", ask.decision.str()}}};
}

events::Event queueLeft(const allocator::ReserveRequest& ask, std::string_view reason, std::chrono::seconds waited) {
  return {.type = "queue.left",
          .user = ask.login,
          .details = {{"container", ask.container_name},
                      {"reason", reason},
                      {"waited_s", waited.count()},
                      {"decision", ask.decision.str()}}};
}

events::Event gpuHeld(const Lease& lease, const allocator::Ledger& ledger, std::optional<std::chrono::seconds> hold) {
  events::Event event{.type = "gpu.hold", .user = lease.login, .details = leaseDetails(lease, ledger)};
  if (hold) event.details["seconds"] = hold->count();
  return event;
}

events::Event gpuRejected(const gateway::GrantRequest& request, const allocator::Refusal& refusal) {
  boost::json::object details;
  details["container"] = request.container_name;
  details["reason"] = kindOf(refusal.code).reason;
  details["held"] = refusal.held.gpus();
  details["asked"] = refusal.asked.gpus();
  if (refusal.limit) details["limit"] = refusal.limit->gpus();
  if (!refusal.limit_key.empty()) details["limit_key"] = refusal.limit_key;
  details["text"] = refusal.text;
  details["decision"] = request.decision.str();
  return {.type = "gpu.reject", .user = request.caller.user.login, .details = std::move(details)};
}

}  // namespace ds01::daemon
