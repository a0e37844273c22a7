// POST /volumes/prune, one volume after the other: the Engine would make its list first and look each name up again
// when its turn comes, and by then somebody else may have one of that name.
#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include "gateway/container_rules.h"
#include "gateway/docker_filters.h"
#include "gateway/handlers.h"
#include "gateway/owned_objects.h"
#include "gateway/prune.h"
#include "gateway/views.h"

namespace ds01::gateway {

namespace asio = boost::asio;
namespace json = boost::json;

namespace {

constexpr ApiVersion kAnonymousOnly{1, 42};  // from here on what has a name goes only with the filter `all`
constexpr std::string_view kAnonymous = "com.docker.volume.anonymous";

struct Order {
  Filters list;                            // for GET /volumes
  std::vector<std::string> spared_labels;  // `label!`: a volume that has all of them stays
  bool anonymous_only = false;
};

std::expected<Order, Denial> readOrder(const Filters& filters, ApiVersion api) {
  Order order;
  order.list["dangling"] = {"true"};
  order.anonymous_only = api >= kAnonymousOnly;
  for (const auto& [key, values] : filters) {
    if (key == "label") {
      order.list["label"] = values;
    } else if (key == "label!") {
      order.spared_labels = values;
    } else if (key == "all") {
      const bool all = values.size() == 1 && (values.front() == "1" || values.front() == "true");
      order.anonymous_only = order.anonymous_only && !all;
    } else {
      return std::unexpected(
          Denial{400, "malformed_filters", fmt::format("invalid filter '{}'; use label, label! and all", key)});
    }
  }
  return order;
}

bool isMeant(const json::object& volume, const Order& order) {
  if (order.anonymous_only && !hasLabel(volume, kAnonymous)) return false;
  const auto has = [&volume](const std::string& label) { return hasLabel(volume, label); };
  return order.spared_labels.empty() || !std::ranges::all_of(order.spared_labels, has);
}

asio::awaitable<Result<std::vector<std::string>>> findCandidates(Exchange& exchange, const Order& order) {
  Outgoing out = question(exchange, "GET", {"volumes"}, {{"filters", serialise(order.list)}});
  const Result<WholeResponse> response = co_await exchange.ask(std::move(out));
  if (!response) co_return fail(response.error());
  if (response->head.status != 200) co_return fail(ErrorCode::Malformed, "it does not list volumes");
  Result<json::value> answer = parseAnswer(response->body);
  if (!answer) co_return fail(answer.error());
  const Result<bool> kept = co_await keepOwnVolumes(exchange.ports().ownership, exchange.caller().user.login, *answer);
  if (!kept) co_return fail(kept.error());
  std::vector<std::string> names;
  const json::value* const list = answer->is_object() ? answer->get_object().if_contains("Volumes") : nullptr;
  if (list == nullptr || !list->is_array()) co_return names;
  for (const json::value& item : list->get_array()) {
    const json::object* const volume = item.if_object();
    const json::value* const name = volume != nullptr ? volume->if_contains("Name") : nullptr;
    if (name != nullptr && name->is_string() && isMeant(*volume, order)) names.emplace_back(name->get_string());
  }
  co_return names;
}

}  // namespace

asio::awaitable<Flow> handleVolumePrune(Exchange& exchange) {
  const std::string* const text = exchange.target().get("filters");
  const auto filters = parseFilters(text != nullptr ? *text : "");
  if (!filters) co_return co_await exchange.deny(filters.error());
  const std::optional<EngineFacts> engine = exchange.ports().site.engineFacts();
  const ApiVersion newest = engine ? engine->api : kOldestApi;
  std::expected<Order, Denial> order = readOrder(*filters, exchange.target().version.value_or(newest));
  if (!order) co_return co_await exchange.deny(order.error());
  const std::string& login = exchange.caller().user.login;
  order->list["label"].push_back("ds01.user=" + login);

  const Result<std::vector<std::string>> names = co_await findCandidates(exchange, *order);
  if (!names) co_return co_await exchange.engineFailed(names.error());
  json::array deleted;
  for (const std::string& name : *names) {
    const Result<std::optional<HeldVolume>> held = co_await claimVolume(exchange, name, login);
    if (!held) co_return co_await exchange.engineFailed(held.error());
    if (!*held || !(*held)->exists) continue;
    // Without force: what is used by now stays, as it does in the Engine's own prune.
    exchange.setAbout({"volume", name, name, login});
    Outgoing out = question(exchange, "DELETE", {"volumes", name}, {});
    const Result<WholeResponse> response = co_await exchange.ask(std::move(out));
    if (!response) co_return co_await exchange.engineFailed(response.error());
    if (response->head.status / 100 == 2) deleted.emplace_back(name);
  }
  json::object answer;
  answer["VolumesDeleted"] = deleted.empty() ? json::value(nullptr) : json::value(std::move(deleted));
  answer["SpaceReclaimed"] = 0;  // what they held is not counted
  co_return co_await exchange.reply(200, json::serialize(answer));
}

}  // namespace ds01::gateway
