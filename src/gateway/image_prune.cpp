// POST /images/prune and /build/prune, decided by us: the Engine would remove what belongs to everybody.
#include <algorithm>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include "gateway/container_rules.h"
#include "gateway/docker_filters.h"
#include "gateway/handlers.h"
#include "gateway/image_tags.h"
#include "gateway/prune.h"
#include "gateway/views.h"

namespace ds01::gateway {

namespace asio = boost::asio;
namespace json = boost::json;

namespace {

struct Order {
  Filters list;                            // for GET /images/json
  std::vector<std::string> spared_labels;  // `label!`: an image that has all of them stays
  std::optional<TimePoint> until;          // only what was made before
  bool untagged_only = true;
};

std::expected<Order, Denial> readOrder(const Filters& filters, TimePoint now) {
  Order order;
  for (const auto& [key, values] : filters) {
    const bool single = values.size() == 1;
    if (key == "label") {
      order.list["label"] = values;
    } else if (key == "label!") {
      order.spared_labels = values;
    } else if (key == "dangling" && single && (values.front() == "false" || values.front() == "0")) {
      order.untagged_only = false;
    } else if (key == "dangling" && single && (values.front() == "true" || values.front() == "1")) {
      order.untagged_only = true;
    } else if (key == "until" && single) {
      order.until = readUntil(values.front(), now);
      if (!order.until) {
        return std::unexpected(Denial{400, "malformed_filters", fmt::format("invalid until '{}'", values.front())});
      }
    } else {
      return std::unexpected(Denial{400, "malformed_filters",
                                    fmt::format("invalid filter '{}'; use dangling, label, label! and until", key)});
    }
  }
  if (order.untagged_only) order.list["dangling"] = {"true"};
  return order;
}

// GET /`kind`/json.
asio::awaitable<Result<json::array>> askForList(Exchange& exchange, std::string kind, QueryItem parameter) {
  std::vector<std::string> segments{std::move(kind), "json"};
  std::vector<QueryItem> query{std::move(parameter)};
  Outgoing out = question(exchange, "GET", std::move(segments), std::move(query));
  const Result<WholeResponse> response = co_await exchange.ask(std::move(out));
  if (!response) co_return fail(response.error());
  if (response->head.status != 200) co_return fail(ErrorCode::Malformed, "it does not list what there is");
  Result<json::value> answer = parseAnswer(response->body);
  if (!answer) co_return fail(answer.error());
  if (!answer->is_array()) co_return fail(ErrorCode::Malformed, "its list is none");
  co_return std::move(answer->get_array());
}

std::string textAt(const json::object& item, std::string_view key) {
  const json::value* const value = item.if_contains(key);
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string();
}

std::vector<docker::ImageReference> tagsOf(const json::object& image) {
  std::vector<docker::ImageReference> tags;
  const json::value* const list = image.if_contains("RepoTags");
  if (list == nullptr || !list->is_array()) return tags;
  for (const json::value& text : list->get_array()) {
    if (!text.is_string()) continue;
    Result<docker::ImageReference> tag = docker::parseImageReference(std::string_view(text.get_string()));
    if (tag) tags.push_back(std::move(*tag));
  }
  return tags;
}

bool isMeant(const json::object& image, const Order& order) {
  if (order.until) {
    const json::value* const created = image.if_contains("Created");
    if (created == nullptr || !created->is_int64()) return false;
    if (TimePoint(std::chrono::seconds(created->get_int64())) >= *order.until) return false;
  }
  const auto has = [&image](const std::string& label) { return hasLabel(image, label); };
  return order.spared_labels.empty() || !std::ranges::all_of(order.spared_labels, has);
}

// What of an image is the caller's to remove: tags, or its id.
std::vector<std::string> ownReferences(Exchange& exchange, const json::object& image, bool untagged_only) {
  const std::string& login = exchange.caller().user.login;
  std::vector<std::string> own;
  const std::vector<docker::ImageReference> tags = tagsOf(image);
  if (tags.empty()) {
    std::string id = textAt(image, "Id");
    if (exchange.ports().images.ofImage(id) == login) own.push_back(std::move(id));
    return own;
  }
  if (untagged_only) return own;
  for (const docker::ImageReference& tag : tags) {
    const std::optional<ownership::TagOwner> owner = exchange.ports().images.ofTag(tag.tagged());
    if (owner && owner->login == login) own.push_back(tag.tagged());
  }
  return own;
}

asio::awaitable<Result<std::vector<std::string>>> findCandidates(Exchange& exchange, const Order& order) {
  QueryItem all{"all", "1"};
  const Result<json::array> containers = co_await askForList(exchange, "containers", std::move(all));
  if (!containers) co_return fail(containers.error());
  std::set<std::string> used;
  for (const json::value& item : *containers) {
    if (const json::object* const container = item.if_object()) used.insert(textAt(*container, "ImageID"));
  }
  QueryItem filters{"filters", serialise(order.list)};
  const Result<json::array> images = co_await askForList(exchange, "images", std::move(filters));
  if (!images) co_return fail(images.error());
  std::vector<std::string> references;
  for (const json::value& item : *images) {
    const json::object* const image = item.if_object();
    if (image == nullptr || used.contains(textAt(*image, "Id")) || !isMeant(*image, order)) continue;
    std::ranges::move(ownReferences(exchange, *image, order.untagged_only), std::back_inserter(references));
  }
  co_return references;
}

}  // namespace

asio::awaitable<Flow> handleImagePrune(Exchange& exchange) {
  const std::string* const text = exchange.target().get("filters");
  const auto filters = parseFilters(text != nullptr ? *text : "");
  if (!filters) co_return co_await exchange.deny(filters.error());
  const auto order = readOrder(*filters, exchange.ports().clock.now());
  if (!order) co_return co_await exchange.deny(order.error());
  const Result<std::vector<std::string>> references = co_await findCandidates(exchange, *order);
  if (!references) co_return co_await exchange.engineFailed(references.error());
  json::array deleted;
  for (const std::string& reference : *references) {
    // Without force: what is used by now stays, as it does in the Engine's own prune.
    const Result<json::array> lines = co_await removeOwnImage(exchange, reference);
    if (!lines) co_return co_await exchange.engineFailed(lines.error());
    deleted.insert(deleted.end(), lines->begin(), lines->end());
  }
  json::object answer;
  answer["ImagesDeleted"] = deleted.empty() ? json::value(nullptr) : json::value(std::move(deleted));
  answer["SpaceReclaimed"] = 0;  // layers are shared, and the Engine does not say which went
  co_return co_await exchange.reply(200, json::serialize(answer));
}

// Records of the build cache have no owner, and what one build has left others build on. So nothing of it is the
// caller's to remove, and a prune of everything that is (docker system prune) ends as it does on an Engine whose cache
// is empty; the Engine itself collects what is old.
asio::awaitable<Flow> handleBuildPrune(Exchange& exchange) {
  const std::string* const text = exchange.target().get("filters");
  const auto filters = parseFilters(text != nullptr ? *text : "");
  if (!filters) co_return co_await exchange.deny(filters.error());
  json::object answer;
  answer["CachesDeleted"] = nullptr;
  answer["SpaceReclaimed"] = 0;
  co_return co_await exchange.reply(200, json::serialize(answer));
}

}  // namespace ds01::gateway
