#include "gateway/named_owner.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <set>
#include <utility>

#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include "gateway/container_rules.h"
#include "gateway/handlers.h"
#include "gateway/pin_views.h"
#include "gateway/views.h"

namespace ds01::gateway {

namespace asio = boost::asio;
namespace json = boost::json;

namespace {

constexpr std::size_t kMostShown = 200;  // each is 64 digits in the question to the Engine

struct OpenRoute {
  std::string_view method;
  std::string_view pattern;
};

constexpr std::array kOpen{OpenRoute{"GET", "/containers/{}/json"}, OpenRoute{"GET", "/containers/{}/stats"},
                           OpenRoute{"POST", "/containers/{}/stop"}, OpenRoute{"POST", "/containers/{}/wait"},
                           OpenRoute{"DELETE", "/containers/{}"}};

Denial refusal(std::string text, std::string remedy) {
  return {.http_status = 403,
          .reason = "named_owner",
          .text = "this container was not made through this server's socket, so it counts as the administrators'; " +
                  std::move(text),
          .remedy = std::move(remedy)};
}

json::object pick(const json::object& from, std::initializer_list<std::string_view> keys) {
  json::object out;
  for (const std::string_view key : keys) {
    if (const json::value* value = from.if_contains(key)) out[key] = *value;
  }
  return out;
}

const json::object& objectIn(const json::object& from, std::string_view key) {
  static const json::object kNone;
  const json::value* const value = from.if_contains(key);
  return value != nullptr && value->is_object() ? value->get_object() : kNone;
}

std::int64_t createdOf(const json::value& item) {
  const json::object* const object = item.if_object();
  const json::value* const created = object != nullptr ? object->if_contains("Created") : nullptr;
  return created != nullptr && created->is_int64() ? created->get_int64() : 0;
}

std::string idOf(const json::value& item) {
  const json::object* const object = item.if_object();
  const json::value* const id = object != nullptr ? object->if_contains("Id") : nullptr;
  return id != nullptr && id->is_string() ? std::string(id->get_string()) : std::string();
}

// What of the answer is named for the caller still, reduced. Anything but a list is none.
json::array namedItems(Exchange& exchange, const WholeResponse& response) {
  json::array kept;
  if (response.head.status != 200) return kept;
  Result<json::value> list = parseAnswer(response.body);
  if (!list || !list->is_array()) return kept;
  std::set<std::string> ids;
  for (const ContainerId& id : exchange.ports().ownership.namedFor(exchange.caller().user.login)) ids.insert(id.str());
  for (json::value& item : list->get_array()) {
    if (!ids.contains(idOf(item))) continue;
    reduceItem(item);
    kept.push_back(std::move(item));
  }
  return kept;
}

asio::awaitable<Result<json::array>> askForNamed(Exchange& exchange, Filters asked) {
  std::vector<QueryItem> query = exchange.target().query;
  std::erase_if(query, [](const QueryItem& item) { return item.key == "filters"; });
  query.push_back({"filters", serialise(asked)});
  Outgoing more = question(exchange, "GET", {"containers", "json"}, std::move(query));
  const Result<WholeResponse> others = co_await exchange.ask(std::move(more));
  if (!others) co_return fail(others.error());
  co_return namedItems(exchange, *others);
}

}  // namespace

std::optional<Denial> refuseNamedOwner(const Route& route, const Target& target) {
  const auto is_open = [&](const OpenRoute& open) {
    return open.method == route.method && open.pattern == route.pattern;
  };
  if (std::ranges::none_of(kOpen, is_open)) {
    return refusal("you may look at it, stop it and remove it, and nothing else",
                   "Make it anew through this socket, or ask an administrator.");
  }
  // Its volumes have no label of ours: they are the administrators'.
  if (route.method == "DELETE" && (target.truthy("v") || target.truthy("link"))) {
    return refusal("you may remove it, but neither its volumes nor its links", "docker rm CONTAINER, without -v.");
  }
  if (route.pattern == "/containers/{}/stop" && target.get("signal") != nullptr) {
    return refusal("you may stop it, but not choose the signal", "docker stop CONTAINER, without --signal.");
  }
  return std::nullopt;
}

void reduceInspect(json::value& inspected) {
  const json::object* const whole = inspected.if_object();
  if (whole == nullptr) return;
  json::object out =
      pick(*whole, {"Id", "Created", "Image", "Name", "RestartCount", "Driver", "Platform", "SizeRw", "SizeRootFs"});
  out["State"] = pick(objectIn(*whole, "State"), {"Status", "Running", "Paused", "Restarting", "OOMKilled", "Dead",
                                                  "Pid", "ExitCode", "StartedAt", "FinishedAt"});
  out["Path"] = "";
  out["Args"] = json::array();
  out["Mounts"] = json::array();
  json::object config = pick(objectIn(*whole, "Config"), {"Image", "Hostname"});
  config["Env"] = json::array();
  config["Cmd"] = nullptr;
  config["Labels"] = json::object();
  out["Config"] = std::move(config);
  out["HostConfig"] = json::object();
  out["NetworkSettings"] = json::object{{"Ports", json::object()}, {"Networks", json::object()}};
  inspected = std::move(out);
}

void reduceItem(json::value& item) {
  const json::object* const whole = item.if_object();
  if (whole == nullptr) return;
  json::object out =
      pick(*whole, {"Id", "Names", "Image", "ImageID", "Created", "Ports", "SizeRw", "SizeRootFs", "State", "Status"});
  out["Command"] = "";
  out["Labels"] = json::object();
  out["HostConfig"] = json::object();
  out["NetworkSettings"] = json::object{{"Networks", json::object()}};
  out["Mounts"] = json::array();
  item = std::move(out);
}

json::array mergeByAge(const json::array& own, const json::array& named, std::size_t limit) {
  std::vector<const json::value*> all;
  for (const json::value& item : own) all.push_back(&item);
  for (const json::value& item : named) all.push_back(&item);
  std::ranges::stable_sort(all, std::ranges::greater(), [](const json::value* item) { return createdOf(*item); });
  if (limit > 0 && all.size() > limit) all.resize(limit);
  json::array out;
  for (const json::value* item : all) out.push_back(*item);
  return out;
}

std::optional<Filters> filtersForNamed(Filters wanted, const std::vector<ContainerId>& named) {
  // What others go by is not shown either, and would come out by asking.
  static constexpr std::array kShown{std::string_view("id"),     std::string_view("name"),   std::string_view("status"),
                                     std::string_view("exited"), std::string_view("before"), std::string_view("since")};
  const auto is_shown = [](const auto& filter) { return std::ranges::find(kShown, filter.first) != kShown.end(); };
  if (!std::ranges::all_of(wanted, is_shown)) return std::nullopt;
  std::vector<std::string> ids;
  const auto by_id = wanted.find("id");
  for (const ContainerId& id : named) {
    const auto begins = [&](const std::string& with) { return id.str().starts_with(with); };
    if (by_id != wanted.end() && std::ranges::none_of(by_id->second, begins)) continue;
    if (ids.size() < kMostShown) ids.push_back(id.str());
  }
  if (ids.empty()) return std::nullopt;
  wanted["id"] = std::move(ids);
  return wanted;
}

std::size_t limitOf(const Target& target) {
  const std::string* const text = target.get("limit");
  std::size_t limit = 0;
  if (text != nullptr) std::from_chars(text->data(), text->data() + text->size(), limit);
  return limit;
}

asio::awaitable<Flow> listWithNamed(Exchange& exchange, std::optional<Filters> asked, std::size_t limit) {
  const std::string login = exchange.caller().user.login;
  Outgoing out = exchange.outgoing();
  out.keep_accept = false;
  Result<WholeResponse> response = co_await exchange.ask(std::move(out));
  if (!response) co_return co_await exchange.engineFailed(response.error());
  if (response->head.status != 200) co_return co_await exchange.relayWhole(std::move(*response));
  Result<json::value> list = parseAnswer(response->body);
  if (!list) co_return co_await exchange.engineFailed(list.error());
  const Result<bool> kept = co_await keepOwnContainers(exchange.ports().ownership, login, *list);
  if (!kept) co_return co_await exchange.engineFailed(kept.error());

  json::array named;
  if (asked) {
    Result<json::array> found = co_await askForNamed(exchange, std::move(*asked));
    if (!found) co_return co_await exchange.engineFailed(found.error());
    named = std::move(*found);
  }
  response->body = json::serialize(mergeByAge(list->get_array(), named, limit));
  showSources(response->body, exchange.ports().pins, login);
  co_return co_await exchange.relayWhole(std::move(*response));
}

}  // namespace ds01::gateway
