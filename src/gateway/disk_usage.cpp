#include "gateway/disk_usage.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include "gateway/handlers.h"
#include "gateway/views.h"

namespace ds01::gateway {

namespace asio = boost::asio;
namespace json = boost::json;

namespace {

constexpr auto kKnown =
    std::to_array<std::string_view>({"LayersSize", "Images", "Containers", "Volumes", "BuildCache", "BuilderSize",
                                     "ImageUsage", "ContainerUsage", "VolumeUsage", "BuildCacheUsage"});

// How many of the caller's containers there are of an image, by its id; unset: the answer has no containers.
using Users = std::optional<std::map<std::string, std::int64_t>>;

struct Sums {
  std::int64_t active = 0;
  std::int64_t total = 0;
  std::int64_t size = 0;
  std::int64_t reclaimable = 0;
};

std::int64_t numberAt(const json::object& object, std::string_view key) {
  const json::value* const value = object.if_contains(key);
  return value != nullptr && value->is_int64() ? value->get_int64() : 0;
}

std::string textAt(const json::object& object, std::string_view key) {
  const json::value* const value = object.if_contains(key);
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string();
}

json::object* objectAt(json::object& object, std::string_view key) {
  json::value* const value = object.if_contains(key);
  return value != nullptr ? value->if_object() : nullptr;
}

// Both places where an answer may have a list of one kind; those that are there and not null.
std::vector<json::value*> listsOf(json::object& answer, std::string_view list, std::string_view usage) {
  std::vector<json::value*> found;
  if (json::value* const whole = answer.if_contains(list); whole != nullptr && !whole->is_null()) {
    found.push_back(whole);
  }
  json::object* const sums = objectAt(answer, usage);
  json::value* const items = sums != nullptr ? sums->if_contains("Items") : nullptr;
  if (items != nullptr && !items->is_null()) found.push_back(items);
  return found;
}

// The items of the first of them.
const json::array* itemsOf(const std::vector<json::value*>& lists) {
  return lists.empty() ? nullptr : lists.front()->if_array();
}

bool areLists(const std::vector<json::value*>& lists) {
  return std::ranges::all_of(lists, [](const json::value* list) { return list->is_array(); });
}

void dropUnknown(json::object& answer) {
  json::object kept(answer.storage());
  for (const std::string_view key : kKnown) {
    json::value* const value = answer.if_contains(key);
    const bool is_usage = key.ends_with("Usage");
    if (value != nullptr && (!is_usage || value->is_object())) kept[key] = std::move(*value);
  }
  answer = std::move(kept);
}

// The names of the two counts differ between versions of the Engine; what else there may be is everybody's.
void writeSums(json::object& usage, const Sums& sums) {
  json::object out(usage.storage());
  for (auto& [key, value] : usage) {
    const std::string_view name(key.data(), key.size());
    if (name == "Items") {
      out[name] = std::move(value);
    } else if (name == "TotalSize") {
      out[name] = sums.size;
    } else if (name == "Reclaimable") {
      out[name] = sums.reclaimable;
    } else if (name.starts_with("Active")) {
      out[name] = sums.active;
    } else if (name.starts_with("Total")) {
      out[name] = sums.total;
    }
  }
  usage = std::move(out);
}

asio::awaitable<Result<Users>> keepContainers(Ownership& ownership, const std::string& login, json::object& answer) {
  const std::vector<json::value*> lists = listsOf(answer, "Containers", "ContainerUsage");
  Users users;
  Sums sums;
  for (json::value* const list : lists) {
    const Result<bool> kept = co_await keepOwnContainers(ownership, login, *list);
    if (!kept) co_return fail(kept.error());
  }
  if (const json::array* const items = itemsOf(lists)) {
    users.emplace();
    for (const json::value& item : *items) {
      const json::object& container = item.get_object();  // or it would not be the caller's
      const std::string state = textAt(container, "State");
      const bool active = state == "running" || state == "paused" || state == "restarting";
      ++(*users)[textAt(container, "ImageID")];
      sums.active += active ? 1 : 0;
      sums.size += numberAt(container, "SizeRw");
      sums.reclaimable += active ? 0 : numberAt(container, "SizeRw");
    }
    sums.total = static_cast<std::int64_t>(items->size());
  }
  if (json::object* const usage = objectAt(answer, "ContainerUsage")) writeSums(*usage, sums);
  co_return users;
}

// Images stay all, and their size is that of all layers of the server; which are used is told by the caller's
// containers alone: the Engine counts everybody's.
Status keepImages(const Users& users, json::object& answer) {
  const std::vector<json::value*> lists = listsOf(answer, "Images", "ImageUsage");
  if (!areLists(lists)) return fail(ErrorCode::Malformed, "the Engine's list of images is not a list");
  Sums sums;
  std::int64_t used = 0;
  for (json::value* const list : lists) {
    for (json::value& item : list->get_array()) {
      json::object* const image = item.if_object();
      if (image == nullptr) return fail(ErrorCode::Malformed, "the Engine's list of images is not understood");
      image->erase("Manifests");  // names the containers of everybody
      std::int64_t count = -1;    // "not counted", as the Engine says it
      if (users) {
        const auto found = users->find(textAt(*image, "Id"));
        count = found != users->end() ? found->second : 0;
      }
      (*image)["Containers"] = count;
      if (list != lists.front()) continue;
      ++sums.total;
      if (count <= 0) continue;
      ++sums.active;
      used += numberAt(*image, "Size") - std::max<std::int64_t>(0, numberAt(*image, "SharedSize"));
    }
  }
  if (json::object* const usage = objectAt(answer, "ImageUsage")) {
    sums.size = numberAt(*usage, "TotalSize");
    sums.reclaimable = std::max<std::int64_t>(0, sums.size - used);
    writeSums(*usage, sums);
  }
  return {};
}

Status keepVolumes(const std::string& login, json::object& answer) {
  const std::vector<json::value*> lists = listsOf(answer, "Volumes", "VolumeUsage");
  if (!areLists(lists)) return fail(ErrorCode::Malformed, "the Engine's list of volumes is not a list");
  for (json::value* const list : lists) keepOwned(login, list->get_array());
  Sums sums;
  if (const json::array* const items = itemsOf(lists)) {
    for (const json::value& item : *items) {
      const json::value* const data = item.get_object().if_contains("UsageData");
      ++sums.total;
      if (data == nullptr || !data->is_object()) continue;
      const std::int64_t size = std::max<std::int64_t>(0, numberAt(data->get_object(), "Size"));
      const bool active = numberAt(data->get_object(), "RefCount") > 0;
      sums.active += active ? 1 : 0;
      sums.size += size;
      sums.reclaimable += active ? 0 : size;
    }
  }
  if (json::object* const usage = objectAt(answer, "VolumeUsage")) writeSums(*usage, sums);
  return {};
}

void hideBuildCache(json::object& answer) {
  for (json::value* const list : listsOf(answer, "BuildCache", "BuildCacheUsage")) *list = json::array();
  if (json::value* const size = answer.if_contains("BuilderSize")) *size = 0;
  if (json::object* const usage = objectAt(answer, "BuildCacheUsage")) writeSums(*usage, {});
}

}  // namespace

asio::awaitable<Result<bool>> keepOwnUsage(Ownership& ownership, std::string login, json::value& answer) {
  json::object* const object = answer.if_object();
  if (object == nullptr) co_return fail(ErrorCode::Malformed, "the Engine's answer about space is not understood");
  dropUnknown(*object);
  const Result<Users> users = co_await keepContainers(ownership, login, *object);
  if (!users) co_return fail(users.error());
  Status kept = keepImages(*users, *object);
  if (kept) kept = keepVolumes(login, *object);
  if (!kept) co_return fail(kept.error());
  hideBuildCache(*object);
  co_return true;
}

asio::awaitable<Result<bool>> keepOwnSums(Ownership& ownership, std::string login, json::value& answer) {
  const Result<bool> kept = co_await keepOwnUsage(ownership, std::move(login), answer);
  if (!kept) co_return fail(kept.error());
  for (auto& [key, value] : answer.get_object()) {
    if (value.is_object()) value.get_object().erase("Items");
  }
  co_return true;
}

asio::awaitable<Flow> handleDiskUsage(Exchange& exchange) {
  // As Go reads what is false; without it, and before API 1.52, there are always lists.
  static constexpr auto kFalse = std::to_array<std::string_view>({"0", "f", "F", "false", "FALSE", "False"});
  const std::string* const verbose = exchange.target().get("verbose");
  const bool sums_only = verbose != nullptr && std::ranges::find(kFalse, *verbose) != kFalse.end();
  if (sums_only) exchange.target().set("verbose", "1");
  co_return co_await askAndView(exchange, sums_only ? keepOwnSums : keepOwnUsage);
}

}  // namespace ds01::gateway
