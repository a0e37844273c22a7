// The rules about volumes and networks.
#include <utility>

#include <boost/json/monotonic_resource.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include "admission/endpoints.h"
#include "admission/json_access.h"
#include "admission/labels.h"
#include "admission/references.h"
#include "gateway/body_work.h"
#include "gateway/container_rules.h"
#include "gateway/docker_filters.h"
#include "gateway/handlers.h"
#include "gateway/owned_objects.h"
#include "gateway/pin_views.h"
#include "gateway/views.h"

namespace ds01::gateway {

namespace asio = boost::asio;
namespace json = boost::json;

namespace {

constexpr std::size_t kShortIdDigits = 12;  // as clients print them

// `examine`, and the labels that say whose it is.
Examine examineOwned(const Exchange& exchange, admission::BodyVerdict (*examine)(json::object, bool)) {
  return [examine, owner = exchange.caller().user](json::object body) {
    admission::BodyVerdict verdict = examine(std::move(body), false);
    if (!verdict) return verdict;
    json::value& labels = (*verdict)["Labels"];
    if (!labels.is_object()) labels = json::object();
    for (const auto& [key, mark] : admission::ownerLabels(owner)) labels.get_object()[key] = mark;
    return verdict;
  };
}

// Limits a list or a prune to what carries the caller's label.
std::optional<Denial> limitToOwn(Exchange& exchange) {
  const std::string* text = exchange.target().get("filters");
  auto filters = parseFilters(text != nullptr ? *text : "");
  if (!filters) return std::move(filters.error());
  (*filters)["label"].push_back("ds01.user=" + exchange.caller().user.login);
  exchange.target().set("filters", serialise(*filters));
  return std::nullopt;
}

// A network that somebody's short id would lead to, because the Engine looks for names first.
std::optional<Denial> checkNetworkName(std::string_view name) {
  if (name.size() < kShortIdDigits || !admission::mayBeNetworkId(name)) return std::nullopt;
  return Denial{.http_status = 400,
                .reason = "network_name",
                .text = fmt::format("the network name {} looks like the id of a network; choose one with other "
                                    "characters than 0-9 and a-f",
                                    name),
                .remedy = "Add a letter from g to z, a dash or an underscore to the name."};
}

}  // namespace

// Asks the Engine and shows the caller the answer through `view`.
asio::awaitable<Flow> askAndView(Exchange& exchange, View view) {
  Outgoing out = exchange.outgoing();
  out.keep_accept = false;
  Result<WholeResponse> response = co_await exchange.ask(std::move(out));
  if (!response) co_return co_await exchange.engineFailed(response.error());
  if (response->head.status == 200) {
    Result<json::value> value = parseAnswer(response->body, json::make_shared_resource<json::monotonic_resource>());
    if (!value) co_return co_await exchange.engineFailed(value.error());
    const Result<bool> changed = co_await view(exchange.ports().ownership, exchange.caller().user.login, *value);
    if (!changed) co_return co_await exchange.engineFailed(changed.error());
    if (*changed) response->body = json::serialize(*value);
    showSources(response->body, exchange.ports().pins, exchange.caller().user.login);
  }
  co_return co_await exchange.relayWhole(std::move(*response));
}

asio::awaitable<Flow> handleNetworkPrune(Exchange& exchange) {
  if (const std::optional<Denial> denial = limitToOwn(exchange)) co_return co_await exchange.deny(*denial);
  Outgoing out = exchange.outgoing();
  co_return co_await exchange.forward(std::move(out));
}

asio::awaitable<Flow> handleVolumeList(Exchange& exchange) {
  if (const std::optional<Denial> denial = limitToOwn(exchange)) co_return co_await exchange.deny(*denial);
  co_return co_await askAndView(exchange, keepOwnVolumes);
}

asio::awaitable<Flow> handleVolumeCreate(Exchange& exchange) {
  Examine examine = examineOwned(exchange, admission::examineVolumeCreate);
  std::expected<std::shared_ptr<BodyDraft>, Denial> draft = co_await draftBody(exchange, std::move(examine));
  if (!draft) co_return co_await exchange.deny(std::move(draft.error()));
  const std::string name(admission::text((*draft)->body, "Name"));
  NameClaims::Claim claim;
  if (!name.empty()) {
    std::string login = exchange.caller().user.login;
    Result<std::optional<HeldVolume>> held = co_await holdVolume(exchange, name, std::move(login));
    if (!held || !*held) co_await discardBody(exchange, std::move(*draft));
    if (!held) co_return co_await exchange.engineFailed(held.error());
    if (!*held) {
      Denial denial = admission::volumeTaken(name);
      co_return co_await exchange.deny(std::move(denial));
    }
    claim = std::move((*held)->claim);
  }
  std::expected<std::string, Denial> body = co_await writeBody(exchange, std::move(*draft));
  if (!body) co_return co_await exchange.deny(std::move(body.error()));
  Outgoing out = jsonOutgoing(exchange, std::move(*body));
  Result<WholeResponse> response = co_await exchange.ask(std::move(out));
  claim.end();  // whoever does not read the answer keeps nobody from the name
  if (!response) co_return co_await exchange.engineFailed(response.error());
  co_return co_await exchange.relayWhole(std::move(*response));
}

asio::awaitable<Flow> noSuchVolume(Exchange& exchange, const std::string& name) {
  if (exchange.head().method == "DELETE" && exchange.target().truthy("force"))
    co_return co_await exchange.reply(204, "");
  co_return co_await exchange.message(404, fmt::format("get {}: no such volume", name));
}

// Look at it, or remove it. The Engine is not asked about what the caller does not have: somebody else may make one of
// that name before it answers.
asio::awaitable<Flow> handleVolume(Exchange& exchange) {
  const std::string name = exchange.name();
  const std::string& login = exchange.caller().user.login;
  const Result<OwnedObject> found = co_await findVolume(exchange.ports(), exchange.objects(), name);
  if (!found && found.error().code() != ErrorCode::NotFound && found.error().code() != ErrorCode::InvalidArgument) {
    co_return co_await exchange.engineFailed(found.error());
  }
  if (!found) co_return co_await noSuchVolume(exchange, name);
  if (found->owner != login) {
    exchange.emit("auth.denied",
                  {{"reason", "not_owner"},
                   {"volume", name},
                   {"operation", fmt::format("{} {}", exchange.head().method, exchange.target().path())}});
    co_return co_await noSuchVolume(exchange, name);
  }
  exchange.setAbout({"volume", found->key, found->name, found->owner});
  Outgoing out = exchange.outgoing();
  if (exchange.head().method == "GET") co_return co_await exchange.forward(std::move(out));
  Result<std::optional<HeldVolume>> held = co_await claimVolume(exchange, name, login);
  if (!held) co_return co_await exchange.engineFailed(held.error());
  if (!*held || !(*held)->exists) co_return co_await noSuchVolume(exchange, name);
  Result<WholeResponse> response = co_await exchange.ask(std::move(out));
  (*held)->claim.end();
  if (!response) co_return co_await exchange.engineFailed(response.error());
  co_return co_await exchange.relayWhole(std::move(*response));
}

asio::awaitable<Flow> handleNetworkList(Exchange& exchange) {
  co_return co_await askAndView(exchange, keepOwnNetworks);
}

asio::awaitable<Flow> handleNetwork(Exchange& exchange) {
  std::string ref = exchange.name();
  const ResolvedObject found = co_await resolveNetwork(exchange, std::move(ref));
  if (!found.object) co_return found.flow;
  putName(exchange, found.object->key);
  if (exchange.head().method == "GET") co_return co_await askAndView(exchange, hideForeignEndpoints);
  Outgoing out = exchange.outgoing();
  co_return co_await exchange.forward(std::move(out));
}

asio::awaitable<Flow> handleNetworkCreate(Exchange& exchange) {
  Examine examine = examineOwned(exchange, admission::examineNetworkCreate);
  std::expected<std::shared_ptr<BodyDraft>, Denial> draft = co_await draftBody(exchange, std::move(examine));
  if (!draft) co_return co_await exchange.deny(std::move(draft.error()));
  const std::string name(admission::text((*draft)->body, "Name"));
  if (std::optional<Denial> denial = checkNetworkName(name)) {
    co_await discardBody(exchange, std::move(*draft));
    co_return co_await exchange.deny(std::move(*denial));
  }
  // Engines before 25 make a second one of the same name otherwise.
  (*draft)->body["CheckDuplicate"] = true;
  std::expected<std::string, Denial> body = co_await writeBody(exchange, std::move(*draft));
  if (!body) co_return co_await exchange.deny(std::move(body.error()));
  Outgoing out = jsonOutgoing(exchange, std::move(*body));
  Result<WholeResponse> response = co_await exchange.ask(std::move(out));
  if (!response) co_return co_await exchange.engineFailed(response.error());
  if (response->head.status == 409) {
    const Result<OwnedObject> other = co_await findNetwork(exchange.ports(), exchange.objects(), name);
    if (other && !other->predefined && other->owner != exchange.caller().user.login) {
      Denial denial = networkTaken(name);
      co_return co_await exchange.deny(std::move(denial));
    }
  }
  co_return co_await exchange.relayWhole(std::move(*response));
}

asio::awaitable<Flow> handleNetworkContainer(Exchange& exchange) {
  Examine examine = [](json::object body) { return admission::examineNetworkEndpoint(std::move(body), false); };
  std::expected<std::shared_ptr<BodyDraft>, Denial> draft = co_await draftBody(exchange, std::move(examine));
  if (!draft) co_return co_await exchange.deny(std::move(draft.error()));
  std::string ref = exchange.name();
  const ResolvedObject network = co_await resolveNetwork(exchange, std::move(ref));
  if (!network.object) {
    co_await discardBody(exchange, std::move(*draft));
    co_return network.flow;
  }
  if (network.object->name == "host") {
    co_await discardBody(exchange, std::move(*draft));
    Denial denial{403, "host_namespace",
                  "a container cannot be connected to the host's network here; publish ports with -p instead"};
    co_return co_await exchange.deny(std::move(denial));
  }
  putName(exchange, network.object->key);
  std::string wanted = admission::endpointContainer((*draft)->body);
  const Resolved found = co_await resolveContainer(exchange, std::move(wanted));
  if (!found.container) {
    co_await discardBody(exchange, std::move(*draft));
    co_return found.flow;
  }
  admission::replaceEndpointContainer((*draft)->body, found.container->id);
  if (!network.object->predefined && exchange.match()->route->pattern.ends_with("/connect")) {
    admission::pinEndpoint((*draft)->body, network.object->key);
  }
  std::expected<std::string, Denial> body = co_await writeBody(exchange, std::move(*draft));
  if (!body) co_return co_await exchange.deny(std::move(body.error()));
  Outgoing out = jsonOutgoing(exchange, std::move(*body));
  co_return co_await exchange.forward(std::move(out));
}

}  // namespace ds01::gateway
