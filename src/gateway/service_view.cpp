#include "gateway/service_view.h"

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

}  // namespace

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
  putName(exchange, found->id.str());
  exchange.setAbout({"container", found->id.str(), found->name, found->owner});
  if (inspects) co_return co_await inspect(exchange);
  Outgoing out = exchange.outgoing();
  co_return co_await exchange.forward(std::move(out));
}

}  // namespace ds01::gateway
