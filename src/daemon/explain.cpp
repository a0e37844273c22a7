#include "daemon/explain.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "allocator/placement.h"
#include "base/time_text.h"
#include "base/units.h"
#include "events/details.h"

namespace ds01::daemon {
namespace {

using Outcome = control::Explanation::Outcome;

constexpr std::size_t kIdDigits = 12;

const events::Record* last(const std::vector<events::Record>& records, std::string_view type) {
  const auto found = std::ranges::find(records.rbegin(), records.rend(), type, &events::Record::type);
  return found == records.rend() ? nullptr : &*found;
}

std::int64_t statusOf(const events::Record& record) {
  const boost::json::value* status = record.details.if_contains("status");
  return status != nullptr && status->is_int64() ? status->get_int64() : 0;
}

void addFacts(Facts& to, const events::Record* from) {
  if (from == nullptr) return;
  for (auto& fact : events::factsOf(from->details)) {
    if (std::ranges::find(to, fact) == to.end()) to.push_back(std::move(fact));
  }
}

void describeRequest(control::Explanation& out, const events::Record& record) {
  const std::string method = record.text("method");
  if (!method.empty()) out.facts.emplace_back("request", fmt::format("{} {}", method, record.text("path")));
}

control::Explanation refusal(const events::Record& denied) {
  control::Explanation out;
  out.outcome = statusOf(denied) == 503 ? Outcome::TryLater : Outcome::Refused;
  out.reason = denied.text("reason");
  out.part = denied.text("part");
  out.text = denied.text("text");
  out.remedy = denied.text("remedy");
  describeRequest(out, denied);
  addFacts(out.facts, &denied);
  return out;
}

control::Explanation grant(const events::Record* created, const events::Record* failed,
                           const events::Record* allocated) {
  control::Explanation out;
  const events::Record* create = created != nullptr ? created : failed;
  out.outcome = failed != nullptr ? Outcome::Failed : Outcome::Granted;
  out.part = allocated != nullptr ? "GPU quota and placement" : "create";
  if (failed != nullptr) {
    out.text = fmt::format("granted here, but the Docker Engine refused to create the container (status {})",
                           statusOf(*failed));
  } else if (create == nullptr) {
    out.text = "GPUs were reserved; what came of the container was not recorded";
  } else {
    out.text = fmt::format("container {} was created", create->container());
  }
  addFacts(out.facts, create);
  addFacts(out.facts, allocated);
  if (allocated != nullptr) out.facts.emplace_back("UUID", allocated->text("gpu_uuid"));
  return out;
}

// What was refused and passed all the same, because the rules are only watched.
void addOverlooked(control::Explanation& out, const events::Record& overlooked) {
  const control::Explanation refused = refusal(overlooked);
  out.reason = refused.reason;
  out.part = refused.part;
  out.remedy = refused.remedy;
  out.text = fmt::format("passed, because the rules about {} are only watched here; they would refuse it: {}",
                         overlooked.text("rules"), refused.text);
  for (const auto& fact : refused.facts) {
    if (std::ranges::find(out.facts, fact) == out.facts.end()) out.facts.push_back(fact);
  }
}

// What the container has beside what its owner may have.
std::string besideLimit(const std::string& has, const std::string& limit, const std::string& group) {
  return fmt::format("{} (limit {}, group {})", has, limit, group);
}

void addLimits(Facts& to, const ContainerFacts& facts) {
  const ContainerView& view = facts.view;
  const bool known = facts.limits && facts.limits->has_value();
  const Limits limits = known ? **facts.limits : Limits{};
  const auto add = [&](const char* name, const std::string& has, const std::optional<std::string>& limit) {
    to.emplace_back(name, known ? besideLimit(has, limit.value_or("none"), limits.group) : has);
  };
  const auto bytes = [](const std::optional<Bytes>& size) {
    return size ? std::optional(toString(*size)) : std::nullopt;
  };
  const auto size = [](std::int64_t count) { return count > 0 ? toString(Bytes{count}) : std::string("unlimited"); };
  add("memory", size(view.memory), bytes(limits.memory));
  if (view.shm_size > 0) add("shared memory", size(view.shm_size), bytes(limits.shm_size));
  std::string cpus = "unlimited";
  if (view.nano_cpus > 0) cpus = toString(CpuMillis{view.nano_cpus / 1'000'000});
  if (view.cpu_quota > 0) {
    const std::int64_t period = view.cpu_period > 0 ? view.cpu_period : 100'000;
    cpus = toString(CpuMillis{view.cpu_quota * 1000 / period});
  }
  add("CPUs", cpus, limits.max_cpus ? std::optional(toString(*limits.max_cpus)) : std::nullopt);
  add("processes", view.pids_limit > 0 ? std::to_string(view.pids_limit) : "unlimited",
      limits.pids_limit ? std::optional(std::to_string(*limits.pids_limit)) : std::nullopt);
}

std::string ownerText(const ContainerFacts& facts) {
  if (facts.owner) return fmt::format("{}, proven by the cgroup parent {}", *facts.owner, facts.view.cgroup_parent);
  const std::string parent = facts.view.cgroup_parent.empty() ? "the Engine's own" : facts.view.cgroup_parent;
  return fmt::format("the admins: its cgroup parent ({}) is no user's slice, and labels prove nothing", parent);
}

std::string labelOf(const ContainerView& view, const char* key) {
  const auto found = view.labels.find(key);
  return found == view.labels.end() ? std::string() : found->second;
}

}  // namespace

bool isDecisionId(std::string_view text) {
  return text.size() == kIdDigits + 1 && text.front() == 'D' &&
         text.find_first_not_of("0123456789abcdef", 1) == std::string_view::npos;
}

std::optional<control::Explanation> explainDecision(std::string_view id, const std::vector<events::Record>& records) {
  const events::Record* denied = last(records, "auth.denied");
  const events::Record* created = last(records, "container.create");
  const events::Record* failed = last(records, "container.create_failed");
  const events::Record* allocated = last(records, "gpu.allocate");
  const events::Record* main = nullptr;
  const events::Record* overlooked = last(records, "auth.would_deny");
  for (const events::Record* record : {denied, created, failed, allocated, overlooked}) {
    if (main == nullptr) main = record;
  }
  if (main == nullptr) return std::nullopt;
  control::Explanation out = denied != nullptr ? refusal(*denied) : grant(created, failed, allocated);
  if (denied == nullptr && overlooked != nullptr) addOverlooked(out, *overlooked);
  out.subject = id;
  out.at = main->at;
  if (!main->user.empty()) out.user = main->user;
  return out;
}

control::Explanation explainContainer(const ContainerFacts& facts) {
  const ContainerView& view = facts.view;
  control::Explanation out;
  out.subject = view.name.empty() ? view.id.str().substr(0, kIdDigits) : view.name;
  out.outcome = Outcome::Holds;
  out.user = facts.owner;
  out.at = parseRfc3339(view.created);
  out.facts.emplace_back("id", view.id.str().substr(0, kIdDigits));
  out.facts.emplace_back("owner", ownerText(facts));
  out.facts.emplace_back("image", view.image);
  out.facts.emplace_back("state", view.status);
  // Of containers without a proven owner labels say what they like.
  if (const std::string type = labelOf(view, "ds01.container_type"); facts.owner && !type.empty()) {
    out.facts.emplace_back("type", type);
  }
  addLimits(out.facts, facts);
  if (!facts.lease) {
    out.facts.emplace_back("GPUs", "none");
    return out;
  }
  if (!facts.lease->holds()) {
    out.facts.emplace_back("GPUs", "none while it is stopped; the next start asks for the same kind again");
    return out;
  }
  out.facts.emplace_back(
      "GPUs", fmt::format("{} {} ({}), held until the container is removed", facts.slots.size() == 1 ? "slot" : "slots",
                          fmt::join(facts.slots, ", "), allocator::inGpus(facts.lease->weight)));
  out.facts.emplace_back("granted", toRfc3339(facts.lease->since));
  if (!facts.lease->decision.empty()) {
    out.facts.emplace_back("decision", facts.lease->decision.str());
    out.remedy = fmt::format("ds01 explain {} says why these slots.", facts.lease->decision.str());
  }
  return out;
}

control::Explanation explainDryRun(gateway::DryRunAnswer answer, const std::string& user) {
  control::Explanation out;
  const Denial& denial = answer.denial;
  const bool later =
      denial.http_status == 503 || denial.reason == "gpu_none_free" || denial.reason == "gpu_device_held";
  out.outcome = answer.granted ? Outcome::Granted : later ? Outcome::TryLater : Outcome::Refused;
  out.user = user;
  out.reason = denial.reason;
  out.part = denial.part;
  out.text = denial.text;
  out.remedy = denial.remedy;
  out.facts = std::move(answer.facts);
  out.warnings = std::move(answer.warnings);
  if (!answer.missing_image.empty()) {
    out.warnings.push_back(answer.missing_image +
                           ": it would be pulled first; what it says about itself was not "
                           "looked at");
  }
  for (gateway::BodyChange& change : answer.changes) {
    control::Change row{.path = std::move(change.path), .before = {}, .after = {}};
    if (!change.before.empty()) row.before = std::move(change.before);
    if (!change.after.empty()) row.after = std::move(change.after);
    out.changes.push_back(std::move(row));
  }
  return out;
}

}  // namespace ds01::daemon
