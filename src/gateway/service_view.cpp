#include "gateway/service_view.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include "gateway/container_rules.h"
#include "gateway/handlers.h"
#include "gateway/pin_views.h"
#include "gateway/views.h"

namespace ds01::gateway {

namespace asio = boost::asio;
namespace json = boost::json;

namespace {

// The member, if it is an object.
json::object* objectIn(json::object* parent, std::string_view key) {
  json::value* const member = parent != nullptr ? parent->if_contains(key) : nullptr;
  return member != nullptr ? member->if_object() : nullptr;
}

void replaceIn(json::object* parent, std::string_view key, json::value with) {
  if (parent != nullptr && parent->contains(key)) (*parent)[key] = std::move(with);
}

asio::awaitable<Flow> inspect(Exchange& exchange) {
  Outgoing out = exchange.outgoing();
  out.keep_accept = false;
  Result<WholeResponse> response = co_await exchange.ask(std::move(out));
  if (!response) co_return co_await exchange.engineFailed(response.error());
  if (response->head.status == 200) {
    Result<json::value> value = parseAnswer(response->body);
    if (value && !value->is_object()) value = fail(ErrorCode::Malformed, "the Engine's answer is not understood");
    if (!value) co_return co_await exchange.engineFailed(value.error());
    hideSecrets(*value);
    showBinds(*value, exchange.ports().pins, "");
    response->body = json::serialize(*value);
    showSources(response->body, exchange.ports().pins, "");
  }
  co_return co_await exchange.relayWhole(std::move(*response));
}

struct OpenRoute {
  std::string_view method;
  std::string_view pattern;
};

// What it takes to run a container for somebody. Not what changes its limits, name or files, or makes an image of it.
constexpr std::array kOpenToLauncher{
    OpenRoute{"POST", "/containers/{}/start"},   OpenRoute{"POST", "/containers/{}/stop"},
    OpenRoute{"POST", "/containers/{}/restart"}, OpenRoute{"POST", "/containers/{}/kill"},
    OpenRoute{"POST", "/containers/{}/wait"},    OpenRoute{"POST", "/containers/{}/attach"},
    OpenRoute{"POST", "/containers/{}/resize"},  OpenRoute{"POST", "/containers/{}/exec"},
    OpenRoute{"GET", "/containers/{}/logs"},     OpenRoute{"GET", "/containers/{}/json"},
    OpenRoute{"POST", "/exec/{}/start"},         OpenRoute{"POST", "/exec/{}/resize"},
    OpenRoute{"GET", "/exec/{}/json"},           OpenRoute{"DELETE", "/containers/{}"}};

}  // namespace

asio::awaitable<bool> launched(Exchange& exchange, const OwnedContainer& container) {
  const Caller& caller = exchange.caller();
  Ports& ports = exchange.ports();
  if (!caller.service || !container.owner || container.made_by != caller.user.login) co_return false;
  if (!ports.site.isLauncher(caller.user.login)) co_return false;
  const Result<std::optional<User>> owner = co_await ports.identities.findUser(*container.owner);
  co_return owner && *owner && !ports.site.hasRole(**owner);
}

bool openToLauncher(const Route& route) {
  return std::ranges::any_of(kOpenToLauncher, [&](const OpenRoute& open) {
    return open.method == route.method && open.pattern == route.pattern;
  });
}

void hideSecrets(json::value& inspected) {
  json::object* const container = inspected.if_object();
  replaceIn(objectIn(container, "Config"), "Env", json::array());
  replaceIn(objectIn(objectIn(container, "State"), "Health"), "Log", json::array());
  replaceIn(objectIn(objectIn(container, "HostConfig"), "LogConfig"), "Config", json::object());
}

asio::awaitable<std::optional<Flow>> handleServiceView(Exchange& exchange) {
  const Route& route = *exchange.match()->route;
  if (route.method != "GET") co_return std::nullopt;
  if (route.pattern == "/containers/json") co_return co_await handleListOfAll(exchange);
  const bool inspects = route.pattern == "/containers/{}/json";
  if (!inspects && route.pattern != "/containers/{}/stats") co_return std::nullopt;
  std::string ref = exchange.name();
  const Result<OwnedContainer> found = co_await exchange.ports().ownership.find(std::move(ref));
  if (!found || found->owner == exchange.caller().user.login) co_return std::nullopt;
  // What a launcher made it sees as its owner does: it has written the environment itself.
  const bool own_work = co_await launched(exchange, *found);
  if (own_work && inspects) co_return std::nullopt;
  putName(exchange, found->id.str());
  exchange.setAbout({"container", found->id.str(), found->name, found->owner, found->made_by});
  if (inspects) co_return co_await inspect(exchange);
  Outgoing out = exchange.outgoing();
  co_return co_await exchange.forward(std::move(out));
}

}  // namespace ds01::gateway
