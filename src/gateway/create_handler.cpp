// POST /containers/create as a transaction: what is reserved before the Engine is asked is bound, given back, or left
// for the daemon to find out about, whatever happens to the client or to the Engine in between.
#include <functional>

#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include "admission/admission.h"
#include "admission/json_guard.h"
#include "admission/named_owner.h"
#include "gateway/container_rules.h"
#include "gateway/handlers.h"
#include "gateway/views.h"

namespace ds01::gateway {

namespace asio = boost::asio;
namespace json = boost::json;

namespace {

constexpr std::size_t kMaxReferences = 256;  // each is looked up

// Why a create ends before the Engine is asked, and how the client is told.
struct Stop {
  enum class How { Deny, EngineSays, EngineAway };
  How how = How::Deny;
  Denial denial;  // for EngineSays: status and the Engine's own text
};

Stop denied(Denial denial) {
  return {Stop::How::Deny, std::move(denial)};
}
Stop engineAway(std::string reason) {
  return {Stop::How::EngineAway, {503, "engine_away", std::move(reason)}};
}

asio::awaitable<Flow> tell(Exchange& exchange, Stop stop, const DecisionId& decision) {
  if (stop.how == Stop::How::EngineSays) co_return co_await exchange.message(stop.denial.http_status, stop.denial.text);
  if (stop.how == Stop::How::EngineAway) {
    co_return co_await exchange.engineFailed(Error(ErrorCode::Unavailable, stop.denial.text));
  }
  co_return co_await exchange.deny(std::move(stop.denial), decision);
}

bool meansAway(ErrorCode code) {
  return code != ErrorCode::NotFound && code != ErrorCode::InvalidArgument && code != ErrorCode::Conflict &&
         code != ErrorCode::PermissionDenied;
}

asio::awaitable<std::optional<Stop>> lookUpImage(Exchange& exchange, const std::string& image,
                                                 admission::Facts& facts) {
  if (image.empty()) co_return std::nullopt;  // the Engine has its own sentence for that
  const Result<ImageView> view = co_await exchange.ports().engine.inspectImage(image);
  if (view) {
    facts.image_env = view->env;
    for (const auto& [key, value] : view->labels) facts.image_labels.insert(key);
    co_return std::nullopt;
  }
  const Error& error = view.error();
  if (meansAway(error.code())) co_return engineAway(error.message());
  // Clients pull and try again on exactly this 404.
  const int status = error.code() == ErrorCode::NotFound ? 404 : 400;
  co_return Stop{Stop::How::EngineSays, {status, "image", error.message()}};
}

// What is not found is left out; the examination has a sentence for that.
asio::awaitable<std::optional<Stop>> lookUpNetworks(Exchange& exchange, const admission::References& references,
                                                    admission::Facts& facts) {
  for (const std::string& ref : references.networks) {
    const Result<NetworkView> found = co_await exchange.ports().engine.inspectNetwork(ref);
    if (found) {
      facts.networks[ref] = admission::NetworkFact{found->id, found->name};
    } else if (meansAway(found.error().code())) {
      co_return engineAway(found.error().message());
    }
  }
  co_return std::nullopt;
}

asio::awaitable<std::optional<Stop>> lookUpReferences(Exchange& exchange, const admission::References& references,
                                                      admission::Facts& facts) {
  if (references.containers.size() + references.bind_sources.size() + references.networks.size() > kMaxReferences) {
    co_return denied(
        {400, "too_many_references",
         fmt::format("the container names more than {} other containers, networks and folders", kMaxReferences)});
  }
  const User& owner = ownerOf(facts);
  for (const std::string& ref : references.containers) {
    const Result<OwnedContainer> found = co_await exchange.ports().ownership.find(ref);
    if (found) {
      const bool own = facts.caller.admin || found->owner == owner.login;
      facts.containers[ref] = admission::ContainerFact{found->id, own};
    } else if (meansAway(found.error().code())) {
      co_return engineAway(found.error().message());
    }
  }
  for (const std::string& source : references.bind_sources) {
    const Result<BindSource> resolved = co_await exchange.ports().paths.resolveBind(owner, source);
    if (!resolved &&
        (resolved.error().code() == ErrorCode::Unavailable || resolved.error().code() == ErrorCode::Timeout)) {
      co_return denied({503, "bind_lookup",
                        fmt::format("the folder {} cannot be looked up now: {}", source, resolved.error().message())});
    }
    admission::BindFact& fact = facts.binds[source];
    if (resolved) {
      fact.resolved = resolved->path;
      fact.writable = resolved->writable;
      fact.warning = resolved->warning;
    } else {
      fact.refusal = resolved.error().message();
    }
  }
  co_return co_await lookUpNetworks(exchange, references, facts);
}

// Whom the request names as the owner, for callers who may name one.
asio::awaitable<std::optional<Stop>> lookUpOwner(Exchange& exchange, const json::object& body,
                                                 admission::Facts& facts) {
  if (!facts.caller.admin && !facts.caller.service) co_return std::nullopt;
  const std::optional<admission::NamedOwner> named = admission::namedOwner(body);
  if (!named || named->login == facts.caller.user.login) co_return std::nullopt;
  Result<std::optional<User>> user = co_await exchange.ports().identities.findUser(named->login);
  if (!user) {
    co_return denied({503, "owner_lookup",
                      fmt::format("whose {} is cannot be looked up now: {}", named->folder, user.error().message())});
  }
  // A folder that is nobody's home is the caller's own business.
  if (*user && admission::ownsFolder(**user, *named)) facts.owner = std::move(**user);
  co_return std::nullopt;
}

// What the site knows without asking anybody.
std::optional<Stop> readSite(Exchange& exchange, admission::Facts& facts) {
  const Site& site = exchange.ports().site;
  std::expected<Limits, Denial> limits = site.limitsFor(ownerOf(facts));
  if (!limits) return denied(std::move(limits.error()));
  facts.limits = std::move(*limits);
  const std::string* agent = exchange.head().find("User-Agent");
  facts.user_agent = agent != nullptr ? *agent : "";
  const std::string* name = exchange.target().get("name");
  facts.container_name = name != nullptr ? *name : "";
  facts.now = exchange.ports().clock.now();
  return std::nullopt;
}

asio::awaitable<std::optional<Stop>> nameCgroupParent(Exchange& exchange, admission::Facts& facts) {
  Result<std::string> parent = co_await exchange.ports().site.cgroupParent(ownerOf(facts), facts.limits);
  if (!parent) co_return denied(noCgroupParent("this container", parent.error()));
  facts.cgroup_parent = std::move(*parent);
  co_return std::nullopt;
}

asio::awaitable<std::expected<admission::Examined, Stop>> admit(Exchange& exchange, admission::Facts& facts) {
  const std::expected<std::string, Denial> bytes = co_await exchange.readWholeBody();
  if (!bytes) co_return std::unexpected(denied(bytes.error()));
  if (std::optional<Denial> denial = checkContainerName(exchange)) {
    co_return std::unexpected(denied(std::move(*denial)));
  }
  facts.caller = exchange.caller();
  std::optional<EngineFacts> engine = exchange.ports().site.engineFacts();
  if (!engine) co_return std::unexpected(engineAway("it has not been reached yet"));
  facts.engine = std::move(*engine);
  std::expected<json::object, Denial> body =
      admission::guardBody("POST", "/containers/create", *bytes, {exchange.caller().admin, facts.engine.api});
  if (!body) co_return std::unexpected(denied(std::move(body.error())));
  const admission::References references = admission::references(*body);
  std::optional<Stop> stop = co_await lookUpOwner(exchange, *body, facts);
  if (!stop) stop = readSite(exchange, facts);
  if (!stop) stop = co_await nameCgroupParent(exchange, facts);
  if (!stop) stop = co_await lookUpImage(exchange, references.image, facts);
  if (!stop) stop = co_await lookUpReferences(exchange, references, facts);
  if (stop) co_return std::unexpected(std::move(*stop));
  std::expected<admission::Examined, Denial> examined = admission::examine(std::move(*body), facts);
  if (!examined) co_return std::unexpected(denied(std::move(examined.error())));
  co_return std::move(*examined);
}

std::string label(const json::object& body, std::string_view key) {
  const json::value* labels = body.if_contains("Labels");
  const json::object* map = labels != nullptr ? labels->if_object() : nullptr;
  const json::value* value = map != nullptr ? map->if_contains(key) : nullptr;
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string();
}

// What the event says about a create, taken from the body before it is sent.
json::object describe(const json::object& body, const Grant& grant, const DecisionId& decision) {
  const json::value* image = body.if_contains("Image");
  std::string gpu;
  if (grant.lease()) {
    for (const std::string& uuid : grant.lease()->uuids) gpu += (gpu.empty() ? "" : ",") + uuid;
  }
  json::object details{{"image", image != nullptr && image->is_string() ? std::string_view(image->get_string()) : ""},
                       {"container_type", label(body, "ds01.container_type")},
                       {"gpu", gpu.empty() ? "none" : gpu},
                       {"decision", decision.str()}};
  if (grant.lease()) details["lease"] = grant.lease()->id.str();
  return details;
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

}  // namespace

asio::awaitable<Flow> handleCreate(Exchange& exchange) {
  const DecisionId decision = exchange.ports().site.newDecision();
  admission::Facts facts;
  std::expected<admission::Examined, Stop> examined = co_await admit(exchange, facts);
  if (!examined) co_return co_await tell(exchange, std::move(examined.error()), decision);
  if (examined->gpu) {
    std::optional<Denial> trouble = exchange.ports().site.gpuTrouble();
    if (trouble) co_return co_await exchange.deny(std::move(*trouble), decision);
  }

  Caller for_whom = facts.caller;
  for_whom.user = ownerOf(facts);
  GrantRequest wanted{for_whom, facts.limits, decision, facts.container_name, examined->gpu};
  std::expected<Grant, Denial> reserved = co_await exchange.ports().grants.reserve(std::move(wanted));
  if (!reserved) co_return co_await exchange.deny(std::move(reserved.error()), decision);
  // Every way out settles the grant before the client hears of it.
  std::optional<Grant> grant(std::move(*reserved));

  const std::vector<std::string> warnings = examined->warnings;
  const admission::Completion completion{exchange.ports().site.gpuEmitter(), grant->lease(), grant->slots(),
                                         grant->deviceNodes()};
  const json::object body = admission::complete(std::move(*examined), completion);
  json::object event = describe(body, *grant, decision);

  Outgoing out = exchange.outgoing();
  out.body = json::serialize(body);
  out.keep_accept = false;
  std::function<void()> on_send = [&grant] { grant->forwarded(); };
  Result<WholeResponse> response = co_await exchange.ask(std::move(out), std::move(on_send));
  if (!response) {
    if (response.error().code() == ErrorCode::Unavailable) grant->refused();
    grant.reset();
    co_return co_await exchange.engineFailed(response.error());
  }
  if (response->head.status != 201) {
    grant->refused();
    event["status"] = response->head.status;
    exchange.emit("container.create_failed", std::move(event));
    co_await hideConflict(exchange, *response);
    co_return co_await exchange.relayWhole(std::move(*response));
  }
  const std::optional<std::string> id = readCreated(*response, warnings);
  if (!id) {
    grant.reset();
    co_return co_await exchange.engineFailed(Error(ErrorCode::Malformed, "its 201 names no container"));
  }
  co_await grant->bind(ContainerId(*id), facts.container_name, ownerOf(facts).login);
  event["container"] = facts.container_name.empty() ? *id : facts.container_name;
  event["container_id"] = *id;
  if (facts.owner) event["owner"] = facts.owner->login;
  exchange.emit("container.create", std::move(event));
  co_return co_await exchange.relayWhole(std::move(*response));
}

}  // namespace ds01::gateway
