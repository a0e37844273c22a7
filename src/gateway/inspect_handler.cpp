// GET /containers/{}/json: as the Engine says it, but for a restart policy that is kept back from it, and for folders
// that it knows as pins only.
#include <string_view>

#include <boost/json/serialize.hpp>

#include "gateway/container_rules.h"
#include "gateway/handlers.h"
#include "gateway/named_owner.h"
#include "gateway/pin_views.h"
#include "gateway/restart_policy.h"
#include "gateway/views.h"

namespace ds01::gateway {

namespace asio = boost::asio;
namespace json = boost::json;

namespace {

asio::awaitable<Flow> inspectNamed(Exchange& exchange, Outgoing out) {
  out.keep_accept = false;
  Result<WholeResponse> response = co_await exchange.ask(std::move(out));
  if (!response) co_return co_await exchange.engineFailed(response.error());
  if (response->head.status == 200) {
    Result<json::value> value = parseAnswer(response->body);
    if (value && !value->is_object()) value = fail(ErrorCode::Malformed, "the Engine's answer is not understood");
    if (!value) co_return co_await exchange.engineFailed(value.error());
    reduceInspect(*value);
    response->body = json::serialize(*value);
  }
  co_return co_await exchange.relayWhole(std::move(*response));
}

}  // namespace

asio::awaitable<Flow> handleInspect(Exchange& exchange) {
  const Resolved found = co_await resolveContainer(exchange, exchange.name());
  if (!found.container) co_return found.flow;
  putName(exchange, found.container->id.str());
  Outgoing out = exchange.outgoing();
  if (found.only_named) co_return co_await inspectNamed(exchange, std::move(out));
  const Ports& ports = exchange.ports();
  const std::optional<RestartPolicy> wanted = ports.grants.keptPolicy(found.container->id);
  if (!wanted && !ports.pins.has(found.container->id)) co_return co_await exchange.forward(std::move(out));

  out.keep_accept = false;
  Result<WholeResponse> response = co_await exchange.ask(std::move(out));
  if (!response) co_return co_await exchange.engineFailed(response.error());
  if (response->head.status == 200) {
    Result<json::value> value = parseAnswer(response->body);
    if (!value) co_return co_await exchange.engineFailed(value.error());
    // It may have been changed meanwhile; one that is no longer kept back was put in force as it was.
    if (wanted) showPolicy(*value, ports.grants.keptPolicy(found.container->id).value_or(*wanted));
    const std::string login = foldersShownOf(exchange, *found.container);
    showBinds(*value, ports.pins, login);
    response->body = json::serialize(*value);
    showSources(response->body, ports.pins, login);
  }
  co_return co_await exchange.relayWhole(std::move(*response));
}

}  // namespace ds01::gateway
