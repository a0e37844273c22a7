// POST /containers/{}/update: its limits are those of a create.
#include <boost/json/serialize.hpp>

#include "admission/json_guard.h"
#include "admission/update.h"
#include "gateway/container_rules.h"
#include "gateway/handlers.h"
#include "gateway/views.h"

namespace ds01::gateway {

namespace asio = boost::asio;
namespace json = boost::json;

namespace {

asio::awaitable<std::expected<admission::ExaminedUpdate, Denial>> examined(Exchange& exchange) {
  const std::expected<std::string, Denial> bytes = co_await exchange.readWholeBody();
  if (!bytes) co_return std::unexpected(bytes.error());
  const Site& site = exchange.ports().site;
  const std::optional<EngineFacts> engine = site.engineFacts();
  if (!engine) {
    co_return std::unexpected(Denial{503, "engine_away", "the Docker Engine does not answer; try again in a moment"});
  }
  const std::expected<Limits, Denial> limits = site.limitsFor(exchange.caller().user);
  if (!limits) co_return std::unexpected(limits.error());
  std::expected<json::object, Denial> body =
      admission::guardBody("POST", "/containers/{}/update", *bytes, {false, engine->api});
  if (!body) co_return std::unexpected(std::move(body.error()));
  co_return admission::examineUpdate(std::move(*body), *limits, *engine);
}

}  // namespace

asio::awaitable<Flow> handleUpdate(Exchange& exchange) {
  const Resolved found = co_await resolveContainer(exchange, exchange.name());
  if (!found.container) co_return found.flow;
  putName(exchange, found.container->id);
  std::expected<admission::ExaminedUpdate, Denial> update = co_await examined(exchange);
  if (!update) co_return co_await exchange.deny(std::move(update.error()));
  Outgoing out = exchange.outgoing();
  out.body = json::serialize(update->body);
  out.keep_accept = false;
  Result<WholeResponse> response = co_await exchange.ask(std::move(out));
  if (!response) co_return co_await exchange.engineFailed(response.error());
  if (response->head.status == 200) response->body = withWarnings(std::move(response->body), update->warnings);
  co_return co_await exchange.relayWhole(std::move(*response));
}

}  // namespace ds01::gateway
