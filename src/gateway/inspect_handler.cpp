// GET /containers/{}/json: as the Engine says it, but for a restart policy that is kept back from it.
#include <boost/json/serialize.hpp>

#include "gateway/container_rules.h"
#include "gateway/handlers.h"
#include "gateway/restart_policy.h"
#include "gateway/views.h"

namespace ds01::gateway {

namespace asio = boost::asio;
namespace json = boost::json;

asio::awaitable<Flow> handleInspect(Exchange& exchange) {
  const Resolved found = co_await resolveContainer(exchange, exchange.name());
  if (!found.container) co_return found.flow;
  putName(exchange, found.container->id.str());
  Outgoing out = exchange.outgoing();
  const std::optional<RestartPolicy> wanted = exchange.ports().grants.keptPolicy(found.container->id);
  if (!wanted) co_return co_await exchange.forward(std::move(out));

  out.keep_accept = false;
  Result<WholeResponse> response = co_await exchange.ask(std::move(out));
  if (!response) co_return co_await exchange.engineFailed(response.error());
  // It may have been changed meanwhile; one that is no longer kept back was put in force as it was.
  const std::optional<RestartPolicy> now = exchange.ports().grants.keptPolicy(found.container->id);
  if (response->head.status == 200) {
    Result<json::value> value = parseAnswer(response->body);
    if (!value) co_return co_await exchange.engineFailed(value.error());
    showPolicy(*value, now.value_or(*wanted));
    response->body = json::serialize(*value);
  }
  co_return co_await exchange.relayWhole(std::move(*response));
}

}  // namespace ds01::gateway
