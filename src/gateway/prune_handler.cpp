#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>

#include "gateway/container_rules.h"
#include "gateway/docker_filters.h"
#include "gateway/handlers.h"
#include "gateway/prune.h"
#include "gateway/views.h"

namespace ds01::gateway {

namespace asio = boost::asio;
namespace json = boost::json;

namespace {

// The stopped containers that the order means and that are provably the caller's. The error is the Engine's.
asio::awaitable<Result<std::vector<PruneCandidate>>> findCandidates(Exchange& exchange, const PruneOrder& order) {
  Outgoing out = question(exchange, "GET", {"containers", "json"},
                          {{"all", "1"}, {"size", "1"}, {"filters", serialise(order.list)}});
  const Result<WholeResponse> response = co_await exchange.ask(std::move(out));
  if (!response) co_return fail(response.error());
  if (response->head.status != 200) co_return fail(ErrorCode::Malformed, "it does not list containers");
  Result<json::value> list = parseAnswer(response->body);
  if (!list) co_return fail(list.error());
  const Result<bool> kept = co_await keepOwnContainers(exchange.ports().ownership, exchange.caller().user.login, *list);
  if (!kept) co_return fail(kept.error());
  co_return prunable(*list, order);
}

}  // namespace

asio::awaitable<Flow> handleContainerPrune(Exchange& exchange) {
  const std::string* const text = exchange.target().get("filters");
  const auto filters = parseFilters(text != nullptr ? *text : "");
  if (!filters) co_return co_await exchange.deny(filters.error());
  auto order = readPruneOrder(*filters, exchange.ports().clock.now());
  if (!order) co_return co_await exchange.deny(order.error());
  order->list["label"].push_back("ds01.user=" + exchange.caller().user.login);

  const Result<std::vector<PruneCandidate>> candidates = co_await findCandidates(exchange, *order);
  if (!candidates) co_return co_await exchange.engineFailed(candidates.error());
  json::array deleted;
  std::int64_t bytes = 0;
  for (const PruneCandidate& candidate : *candidates) {
    // Without force: what was started meanwhile stays, as it does in the Engine's own prune.
    exchange.setAbout({"container", candidate.id, {}, exchange.caller().user.login});
    Outgoing out = question(exchange, "DELETE", {"containers", candidate.id}, {});
    const Result<WholeResponse> response = co_await exchange.ask(std::move(out));
    if (!response) co_return co_await exchange.engineFailed(response.error());
    if (response->head.status / 100 != 2) continue;
    ContainerId id(candidate.id);
    co_await exchange.ports().ownership.removed(std::move(id));
    deleted.emplace_back(candidate.id);
    bytes += candidate.bytes;
  }
  json::object answer;
  answer["ContainersDeleted"] = deleted.empty() ? json::value(nullptr) : json::value(std::move(deleted));
  answer["SpaceReclaimed"] = bytes;
  co_return co_await exchange.reply(200, json::serialize(answer));
}

}  // namespace ds01::gateway
