#include "gateway/dry_run.h"

#include <functional>
#include <memory>
#include <set>
#include <utility>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include "events/details.h"
#include "gateway/body_work.h"
#include "gateway/route.h"
#include "policy/input.h"

namespace ds01::gateway {

namespace json = boost::json;

namespace {

constexpr std::size_t kLongestValue = 200;

std::string shown(const json::value& value) {
  return events::cut(json::serialize(value), kLongestValue);
}

bool isEmpty(const json::value& value) {
  if (value.is_null()) return true;
  if (const json::object* object = value.if_object()) return object->empty();
  if (const json::array* array = value.if_array()) return array->empty();
  if (const json::string* text = value.if_string()) return text->empty();
  if (const std::int64_t* number = value.if_int64()) return *number == 0;
  return value.is_bool() && !value.get_bool();
}

class Differences {
 public:
  explicit Differences(std::size_t most) : most_(most) {}

  // Null: not there.
  void compare(const std::string& path, const json::value* before, const json::value* after) {
    const bool was = before != nullptr && !isEmpty(*before);
    const bool is = after != nullptr && !isEmpty(*after);
    if ((!was && !is) || (was && is && *before == *after) || out_.size() >= most_) return;
    const json::object* old_members = was ? before->if_object() : nullptr;
    const json::object* new_members = is ? after->if_object() : nullptr;
    const bool objects = (old_members != nullptr || !was) && (new_members != nullptr || !is);
    if (objects) return members(path, old_members, new_members);
    const json::array* old_items = was ? before->if_array() : nullptr;
    const json::array* new_items = is ? after->if_array() : nullptr;
    if (old_items != nullptr && new_items != nullptr) return items(path, *old_items, *new_items);
    out_.push_back({path, was ? shown(*before) : "", is ? shown(*after) : ""});
  }

  std::vector<BodyChange> take() { return std::move(out_); }

 private:
  void members(const std::string& path, const json::object* before, const json::object* after) {
    const std::string in = path.empty() ? "" : path + ".";
    const auto member = [](const json::object* object, json::string_view key) {
      return object != nullptr ? object->if_contains(key) : nullptr;
    };
    if (after != nullptr) {
      for (const auto& [key, value] : *after) compare(in + std::string(key), member(before, key), &value);
    }
    if (before != nullptr) {
      for (const auto& [key, value] : *before) {
        if (member(after, key) == nullptr) compare(in + std::string(key), &value, nullptr);
      }
    }
  }

  // A list may have some 100,000 items, so none is searched for in the other list one by one.
  void items(const std::string& path, const json::array& before, const json::array& after) {
    const std::set<std::string> old_items = texts(before);
    const std::set<std::string> new_items = texts(after);
    for (const json::value& item : before) {
      if (out_.size() >= most_) return;
      if (!new_items.contains(json::serialize(item))) out_.push_back({path + "[]", shown(item), ""});
    }
    for (const json::value& item : after) {
      if (out_.size() >= most_) return;
      if (!old_items.contains(json::serialize(item))) out_.push_back({path + "[]", "", shown(item)});
    }
  }

  static std::set<std::string> texts(const json::array& items) {
    std::set<std::string> out;
    for (const json::value& item : items) out.insert(json::serialize(item));
    return out;
  }

  std::size_t most_;
  std::vector<BodyChange> out_;
};

DryRunAnswer refused(Denial denial) {
  DryRunAnswer answer;
  answer.facts = std::exchange(denial.facts, {});
  answer.denial = std::move(denial);
  return answer;
}

DryRunAnswer stopped(Stop stop) {
  if (stop.how == Stop::How::EngineAway) {
    stop.denial.text = fmt::format("the Docker Engine does not answer ({})", stop.denial.text);
    stop.denial.remedy = "Try again in a moment.";
  }
  if (stop.denial.part.empty()) stop.denial.part = stop.how == Stop::How::Deny ? "create" : "the Docker Engine";
  return refused(std::move(stop.denial));
}

// The name in the query of what must be a create.
std::expected<std::string, Denial> containerName(const std::string& raw) {
  std::expected<Target, Denial> target = parseTarget(raw);
  if (!target) return std::unexpected(std::move(target.error()));
  const std::optional<RouteMatch> match = matchRoute("POST", *target);
  if (!match || match->route->rule != Rule::ContainerCreate) {
    return std::unexpected(
        Denial{400, "dry_run_target", "only POST /containers/create can be tried, not " + target->path()});
  }
  const std::string* name = target->get("name");
  return name != nullptr ? *name : std::string();
}

// What would be granted, while it is being told: shared with the thread that compares a large body.
struct Trial {
  std::string sent;  // the body as it came
  CreatePlan plan;
  admission::Completion completion;
  DryRunAnswer answer = {};
  policy::Question question = {};
  std::string input;  // for the policy
};

std::optional<Denial> finish(Trial& trial) {
  DryRunAnswer& answer = trial.answer;
  answer.granted = true;
  answer.warnings = trial.plan.examined.warnings;
  answer.missing_image = trial.plan.missing_image;
  const json::value after(admission::complete(std::move(trial.plan.examined), trial.completion));
  trial.question.body = json::serialize(after);
  Result<std::string> input = policy::encodeInput(trial.question);
  if (!input) return notForPolicies(input.error().message());
  trial.input = std::move(*input);
  boost::system::error_code error;
  const json::value before = json::parse(trial.sent, error);  // guardBody() has read it, so it parses
  if (!error) answer.changes = changesBetween(before, after);
  // Drawn by lot for each lease; this one will never be.
  std::erase_if(answer.changes, [](const BodyChange& change) { return change.path == "Labels.ds01.lease"; });
  return std::nullopt;
}

}  // namespace

std::vector<BodyChange> changesBetween(const json::value& before, const json::value& after, std::size_t most) {
  Differences differences(most);
  differences.compare("", &before, &after);
  return differences.take();
}

namespace {

policy::Question questionOf(const Ports& ports, const Trial& trial) {
  policy::Question question;
  question.what = policy::RequestClass::Make;
  question.caller = trial.plan.facts.caller;
  question.method = "POST";
  question.path = "/containers/create";
  question.pattern = question.path;
  const auto limits = ports.site.limitsFor(question.caller.user);
  if (limits) question.limits_group = limits->group;
  if (!trial.plan.facts.container_name.empty()) question.query = {{"name", trial.plan.facts.container_name}};
  if (const std::optional<Lease>& lease = trial.completion.lease) {
    policy::Gpu gpu{.lease = lease->id, .slots = {}, .uuids = lease->uuids};
    for (const GpuSlot& slot : trial.completion.slots) gpu.slots.push_back(slot.slot);
    question.gpu = std::move(gpu);
  }
  return question;
}

}  // namespace

boost::asio::awaitable<DryRunAnswer> dryRun(Ports ports, DryRunRequest request) {
  std::expected<std::string, Denial> name = containerName(request.target);
  if (!name) co_return refused(std::move(name.error()));
  if (std::optional<Denial> denial = ports.site.refuseUnrecorded()) co_return refused(std::move(*denial));
  CreateRequest create{.caller = std::move(request.caller),
                       .user_agent = std::move(request.user_agent),
                       .container_name = std::move(*name),
                       .body = request.body,
                       .image_may_be_missing = true};
  std::expected<CreatePlan, Stop> plan = co_await planCreate(ports, std::move(create));
  if (!plan) co_return stopped(std::move(plan.error()));

  const GrantRequest wanted = grantRequest(*plan, DecisionId());
  std::expected<GrantPreview, Denial> preview = ports.grants.preview(wanted);
  if (!preview) {
    DryRunAnswer answer = refused(withInputs(std::move(preview.error()), plan->inputs));
    answer.missing_image = plan->missing_image;
    co_await discardPlan(ports, std::move(*plan));
    co_return answer;
  }
  if (preview->wait) {
    Denial denial = withInputs(std::move(preview->wait->denial), plan->inputs);
    const std::string wait = fmt::format("as number {} in the queue, for at most {} s", preview->wait->place,
                                         preview->wait->at_most.count());
    denial.text += " The request would wait " + wait + ".";
    denial.facts.emplace_back("would wait", wait);
    DryRunAnswer answer = refused(std::move(denial));
    answer.missing_image = plan->missing_image;
    co_await discardPlan(ports, std::move(*plan));
    co_return answer;
  }
  const std::uint32_t uid = plan->facts.caller.user.uid;
  const std::size_t bytes = plan->body_bytes;
  const auto trial = std::make_shared<Trial>(
      std::move(request.body), std::move(*plan),
      admission::Completion{ports.site.gpuEmitter(), preview->lease, preview->slots, preview->device_nodes});
  trial->answer.facts = trial->plan.inputs;
  trial->answer.facts.insert(trial->answer.facts.end(), preview->placement.begin(), preview->placement.end());
  trial->question = questionOf(ports, *trial);
  std::function<std::optional<Denial>()> work = [trial] { return finish(*trial); };
  std::optional<Denial> denial = co_await compute(ports, uid, bytes, std::move(work));
  if (denial) co_return refused(std::move(*denial));
  if (ports.policies.asks(policy::RequestClass::Make)) {
    std::string input = std::move(trial->input);
    denial = co_await ports.policies.judge(policy::RequestClass::Make, trial->question.caller.admin, std::move(input));
    if (denial) co_return refused(withInputs(std::move(*denial), trial->answer.facts));
  }
  co_return std::move(trial->answer);
}

}  // namespace ds01::gateway
