// POST /containers/{}/update: its limits are those of a create.
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <boost/json/serialize.hpp>

#include "admission/json_guard.h"
#include "admission/update.h"
#include "gateway/body_work.h"
#include "gateway/container_rules.h"
#include "gateway/handlers.h"
#include "gateway/views.h"

namespace ds01::gateway {

namespace asio = boost::asio;
namespace json = boost::json;

namespace {

struct Update {
  std::string bytes;  // as the client sent it, then what goes to the Engine
  std::vector<std::string> warnings;
};

std::optional<Denial> examine(Update& update, const Limits& limits, const EngineFacts& engine) {
  std::expected<json::object, Denial> body =
      admission::guardBody("POST", "/containers/{}/update", update.bytes, {false, engine.api});
  if (!body) return std::move(body.error());
  std::expected<admission::ExaminedUpdate, Denial> examined =
      admission::examineUpdate(std::move(*body), limits, engine);
  if (!examined) return std::move(examined.error());
  update.bytes = json::serialize(examined->body);
  update.warnings = std::move(examined->warnings);
  return std::nullopt;
}

asio::awaitable<std::expected<std::shared_ptr<Update>, Denial>> examined(Exchange& exchange) {
  std::expected<std::string, Denial> bytes = co_await exchange.readWholeBody();
  if (!bytes) co_return std::unexpected(std::move(bytes.error()));
  const Site& site = exchange.ports().site;
  const std::optional<EngineFacts> engine = site.engineFacts();
  if (!engine) {
    co_return std::unexpected(Denial{503, "engine_away", "the Docker Engine does not answer; try again in a moment"});
  }
  const std::expected<Limits, Denial> limits = site.limitsFor(exchange.caller().user);
  if (!limits) co_return std::unexpected(limits.error());
  const std::size_t size = bytes->size();
  const auto update = std::make_shared<Update>(std::move(*bytes));
  std::function<std::optional<Denial>()> work = [update, limits = *limits, engine = *engine] {
    return examine(*update, limits, engine);
  };
  const std::uint32_t uid = exchange.caller().user.uid;
  std::optional<Denial> denial = co_await compute(exchange.ports(), uid, size, std::move(work));
  if (denial) co_return std::unexpected(std::move(*denial));
  co_return update;
}

}  // namespace

asio::awaitable<Flow> handleUpdate(Exchange& exchange) {
  const Resolved found = co_await resolveContainer(exchange, exchange.name());
  if (!found.container) co_return found.flow;
  putName(exchange, found.container->id);
  const std::expected<std::shared_ptr<Update>, Denial> update = co_await examined(exchange);
  if (!update) co_return co_await exchange.deny(update.error());
  Outgoing out = exchange.outgoing();
  out.body = std::move((*update)->bytes);
  out.keep_accept = false;
  Result<WholeResponse> response = co_await exchange.ask(std::move(out));
  if (!response) co_return co_await exchange.engineFailed(response.error());
  if (response->head.status == 200) response->body = withWarnings(std::move(response->body), (*update)->warnings);
  co_return co_await exchange.relayWhole(std::move(*response));
}

}  // namespace ds01::gateway
