// POST /containers/create as a transaction: what is reserved before the Engine is asked is bound, given back, or left
// for the daemon to find out about, whatever happens to the client or to the Engine in between.
#include <functional>
#include <memory>

#include <boost/json/serialize.hpp>
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include "admission/admission.h"
#include "events/details.h"
#include "gateway/body_work.h"
#include "gateway/container_rules.h"
#include "gateway/create_plan.h"
#include "gateway/handlers.h"
#include "gateway/owned_objects.h"
#include "gateway/pin_views.h"
#include "gateway/views.h"

namespace ds01::gateway {

namespace asio = boost::asio;
namespace json = boost::json;

namespace {

asio::awaitable<Flow> tell(Exchange& exchange, Stop stop, const DecisionId& decision) {
  if (stop.how == Stop::How::EngineSays) co_return co_await exchange.message(stop.denial.http_status, stop.denial.text);
  if (stop.how == Stop::How::EngineAway) {
    co_return co_await exchange.engineFailed(Error(ErrorCode::Unavailable, stop.denial.text));
  }
  co_return co_await exchange.deny(std::move(stop.denial), decision);
}

std::string label(const json::object& body, std::string_view key) {
  const json::value* labels = body.if_contains("Labels");
  const json::object* map = labels != nullptr ? labels->if_object() : nullptr;
  const json::value* value = map != nullptr ? map->if_contains(key) : nullptr;
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string();
}

std::string valueOf(const std::string* text) {
  return text != nullptr ? *text : std::string();
}

// A create that is about to be sent: shared with the thread that writes a large body.
struct Sending {
  CreatePlan plan;
  admission::Completion completion;
  DecisionId decision;
  std::string body;    // what goes to the Engine
  json::object event;  // what is told of it
};

// What the event says about a create, taken from the body before it is sent.
json::object describe(const json::object& body, const Sending& sending) {
  const json::value* image = body.if_contains("Image");
  const std::optional<Lease>& lease = sending.completion.lease;
  std::string gpu;
  if (lease) {
    for (const std::string& uuid : lease->uuids) gpu += (gpu.empty() ? "" : ",") + uuid;
  }
  json::object details{{"image", image != nullptr && image->is_string() ? std::string_view(image->get_string()) : ""},
                       {"container_type", label(body, "ds01.container_type")},
                       {"gpu", gpu.empty() ? "none" : gpu},
                       {"decision", sending.decision.str()}};
  if (lease) details["lease"] = lease->id.str();
  details["facts"] = events::factsJson(sending.plan.inputs);
  return details;
}

std::optional<Denial> write(Sending& sending) {
  const json::object body = admission::complete(std::move(sending.plan.examined), sending.completion);
  sending.event = describe(body, sending);
  sending.body = json::serialize(body);
  return std::nullopt;
}

// What was looked up may have changed while the request waited for its turn.
asio::awaitable<HeldVolumes> holdForOwner(Exchange& exchange, const CreatePlan& plan) {
  if (exchange.caller().admin && !plan.facts.owner) co_return HeldVolumes{};
  admission::VolumeLabels volumes = plan.volumes;
  std::string owner = ownerOf(plan.facts).login;
  co_return co_await holdVolumes(exchange, std::move(volumes), std::move(owner));
}

asio::awaitable<Flow> tellOfVolumes(Exchange& exchange, const HeldVolumes& volumes, const Sending& sending) {
  if (volumes.engine_failed) co_return co_await exchange.engineFailed(*volumes.engine_failed);
  Denial denial = withInputs(*volumes.denial, sending.plan.inputs);
  co_return co_await exchange.deny(std::move(denial), sending.decision);
}

// The Engine's answer to a create: the id, and our warnings behind its own. Unset: not understood.
std::optional<std::string> readCreated(WholeResponse& response, const std::vector<std::string>& warnings) {
  Result<json::value> value = parseAnswer(response.body);
  json::object* object = value ? value->if_object() : nullptr;
  json::value* id = object != nullptr ? object->if_contains("Id") : nullptr;
  if (id == nullptr || !id->is_string() || id->get_string().empty()) return std::nullopt;
  std::string out(id->get_string());
  if (!warnings.empty()) {
    json::value& list = (*object)["Warnings"];
    if (!list.is_array()) list = json::array();
    for (const std::string& warning : warnings) list.get_array().emplace_back(warning);
    response.body = json::serialize(*object) + "\n";
  }
  return out;
}

// What a create holds until it is known what came of it.
struct Held {
  std::optional<Grant> grant;
  std::optional<PinHold> pins;
  std::vector<std::string> pin_users;

  void forwarded() {
    grant->forwarded();
    if (pins) pins->forwarded();
  }
  void refused() {
    grant->refused();
    if (pins) pins->refused();
  }
  // What has not been settled by now is given back, or found out about.
  void end() {
    pins.reset();
    grant.reset();
  }
};

admission::Completion completionOf(Exchange& exchange, const Held& held) {
  return {.emitter = exchange.ports().site.gpuEmitter(),
          .lease = held.grant->lease(),
          .slots = held.grant->slots(),
          .device_nodes = held.grant->deviceNodes(),
          .pins = held.pins ? held.pins->paths() : std::vector<std::string>()};
}

// Pins what the container binds; denied: nothing is pinned.
asio::awaitable<std::optional<Denial>> holdPins(Exchange& exchange, const CreatePlan& plan, Held& held) {
  if (plan.examined.pins.empty()) co_return std::nullopt;
  std::vector<admission::PinnedBind> binds = plan.examined.pins;
  User owner = ownerOf(plan.facts);
  std::vector<std::string> users = held.pin_users;
  std::expected<PinHold, Denial> pinned =
      co_await exchange.ports().pins.hold(std::move(owner), std::move(binds), std::move(users));
  if (!pinned) co_return std::move(pinned.error());
  // complete() would leave the folders themselves in the request.
  if (pinned->paths().size() != plan.examined.pins.size()) {
    co_return Denial{500, "pins", "not all of the folders could be pinned"};
  }
  held.pins.emplace(std::move(*pinned));
  co_return std::nullopt;
}

asio::awaitable<void> bindHeld(Held& held, const Sending& sending, const std::string& id) {
  const admission::Facts& facts = sending.plan.facts;
  if (held.pins) {
    const Status pinned = co_await held.pins->bind(ContainerId(id), std::move(held.pin_users));
    if (!pinned) spdlog::warn("the folders of container {} show to its root only: {}", id, pinned.error().message());
  }
  Attribution whose{.owner = ownerOf(facts).login, .made_by = admission::madeBy(facts)};
  co_await held.grant->bind(ContainerId(id), facts.container_name, std::move(whose));
}

void tellOfGrant(Exchange& exchange, const admission::Completion& completion) {
  if (!completion.lease) return;
  policy::Gpu gpu{.lease = completion.lease->id, .slots = {}, .uuids = completion.lease->uuids};
  for (const auto& slot : completion.slots) gpu.slots.push_back(slot.slot);
  exchange.setGpu(std::move(gpu));
}

// Sends what has been decided, and settles what is held by what the Engine answers.
asio::awaitable<Flow> sendCreate(Exchange& exchange, Sending& sending, Held& held,
                                 const std::vector<std::string>& warnings) {
  const admission::Facts& facts = sending.plan.facts;
  json::object& event = sending.event;
  tellOfGrant(exchange, sending.completion);
  Outgoing out = exchange.outgoing();
  out.body = std::move(sending.body);
  out.keep_accept = false;
  // Before the volumes are made: what is refused leaves nothing behind.
  if (std::optional<Denial> denial = co_await consult(exchange, out)) {
    held.refused();
    held.end();
    co_return co_await exchange.deny(std::move(*denial), sending.decision);
  }
  out.judged = true;
  HeldVolumes volumes = co_await holdForOwner(exchange, sending.plan);
  if (volumes.denial || volumes.engine_failed) {
    held.refused();
    held.end();
    co_return co_await tellOfVolumes(exchange, volumes, sending);
  }
  std::function<void()> on_send = [&held] { held.forwarded(); };
  Result<WholeResponse> response = co_await exchange.ask(std::move(out), std::move(on_send));
  volumes.claims.clear();  // whoever does not read the answer keeps nobody from the names
  if (!response) {
    if (response.error().code() == ErrorCode::Unavailable) held.refused();
    held.end();
    co_return co_await exchange.engineFailed(response.error());
  }
  if (response->head.status != 201) {
    held.refused();
    event["status"] = response->head.status;
    exchange.emit("container.create_failed", std::move(event));
    co_await hideConflict(exchange, *response);
    showSources(response->body, exchange.ports().pins, exchange.caller().admin ? "" : ownerOf(facts).login);
    co_return co_await exchange.relayWhole(std::move(*response));
  }
  const std::optional<std::string> id = readCreated(*response, warnings);
  if (!id) {
    held.end();
    co_return co_await exchange.engineFailed(Error(ErrorCode::Malformed, "its 201 names no container"));
  }
  co_await bindHeld(held, sending, *id);
  event["container"] = facts.container_name.empty() ? *id : facts.container_name;
  event["container_id"] = *id;
  if (facts.owner) event["owner"] = facts.owner->login;
  exchange.emit("container.create", std::move(event));
  co_return co_await exchange.relayWhole(std::move(*response));
}

}  // namespace

asio::awaitable<Flow> handleCreate(Exchange& exchange) {
  const DecisionId decision = exchange.decision();
  std::expected<std::string, Denial> bytes = co_await exchange.readWholeBody();
  if (!bytes) co_return co_await exchange.deny(std::move(bytes.error()), decision);
  CreateRequest request{.caller = exchange.caller(),
                        .user_agent = valueOf(exchange.head().find("User-Agent")),
                        .container_name = valueOf(exchange.target().get("name")),
                        .body = std::move(*bytes),
                        .excused = exchange.excused()};
  std::expected<CreatePlan, Stop> plan = co_await planCreate(exchange.ports(), std::move(request));
  if (!plan) co_return co_await tell(exchange, std::move(plan.error()), decision);

  Attendance attendance = exchange.attend();
  GrantRequest wanted = grantRequest(*plan, decision);
  wanted.patience = &attendance.patience();
  std::expected<Grant, Denial> reserved = co_await exchange.ports().grants.reserve(std::move(wanted));
  const bool there = co_await attendance.end();
  // What may have been granted in the instant in which the client went is given back by `reserved`.
  if (!there && (reserved || attendance.patience().givenUp())) co_return Flow::Close;
  if (!reserved) {
    Denial denial = withInputs(std::move(reserved.error()), plan->inputs);
    co_await discardPlan(exchange.ports(), std::move(*plan));
    co_return co_await exchange.deny(std::move(denial), decision);
  }
  // Every way out settles the grant before the client hears of it.
  Held held{.grant = std::move(*reserved), .pins = std::nullopt, .pin_users = plan->examined.pin_users};
  if (std::optional<Denial> denial = co_await holdPins(exchange, *plan, held)) {
    held.end();
    Denial told = withInputs(std::move(*denial), plan->inputs);
    co_await discardPlan(exchange.ports(), std::move(*plan));
    co_return co_await exchange.deny(std::move(told), decision);
  }

  const std::vector<std::string> warnings = plan->examined.warnings;
  const std::size_t size = plan->body_bytes;
  const auto sending = std::make_shared<Sending>(std::move(*plan), completionOf(exchange, held), decision);
  std::function<std::optional<Denial>()> work = [sending] { return write(*sending); };
  std::optional<Denial> denial = co_await compute(exchange.ports(), exchange.caller().user.uid, size, std::move(work));
  if (denial) {
    held.end();
    co_return co_await exchange.deny(std::move(*denial), decision);
  }
  co_return co_await sendCreate(exchange, *sending, held, warnings);
}

}  // namespace ds01::gateway
