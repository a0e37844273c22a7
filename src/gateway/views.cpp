#include "gateway/views.h"

#include <algorithm>
#include <vector>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include "admission/references.h"
#include "gateway/head_writer.h"

namespace ds01::gateway {

namespace json = boost::json;
namespace asio = boost::asio;

namespace {

constexpr std::string_view kConflictMark = "is already in use by container \"";
constexpr std::size_t kIdDigits = 64;

std::string messageOf(std::string_view body) {
  boost::system::error_code ec;
  const json::value value = json::parse(body, ec);
  if (ec || !value.is_object()) return {};
  const json::value* message = value.get_object().if_contains("message");
  return message != nullptr && message->is_string() ? std::string(message->get_string()) : std::string();
}

std::string_view stringAt(const json::object& object, std::string_view key) {
  const json::value* const value = object.if_contains(key);
  return value != nullptr && value->is_string() ? std::string_view(value->get_string()) : std::string_view();
}

// By the label that we alone set; empty: the administrators'.
std::string_view ownerOfItem(const json::value& item) {
  const json::object* const object = item.if_object();
  const json::value* const labels = object != nullptr ? object->if_contains("Labels") : nullptr;
  return labels != nullptr && labels->is_object() ? stringAt(labels->get_object(), "ds01.user") : std::string_view();
}

bool isPredefined(const json::value& network) {
  const json::object* const object = network.if_object();
  return object != nullptr && admission::isPredefinedNetwork(stringAt(*object, "Name"));
}

asio::awaitable<Result<bool>> hideInOne(Ownership& ownership, const std::string& login, json::object& network) {
  json::value* const member = network.if_contains("Containers");
  json::object* const containers = member != nullptr ? member->if_object() : nullptr;
  if (containers == nullptr) co_return false;
  bool hidden = false;
  std::vector<std::string> ids;
  for (const auto& entry : *containers) ids.emplace_back(entry.key());
  for (const std::string& id : ids) {
    const Result<bool> own = co_await isOwn(ownership, login, id);
    if (!own) co_return fail(own.error());
    if (!*own) hidden = containers->erase(id) > 0 || hidden;
  }
  co_return hidden;
}

}  // namespace

asio::awaitable<Result<bool>> isOwn(Ownership& ownership, std::string login, std::string ref) {
  const Result<OwnedContainer> found = co_await ownership.find(std::move(ref));
  if (found) co_return found->owner == login;
  if (found.error().code() == ErrorCode::NotFound) co_return false;
  co_return fail(found.error());
}

Result<json::value> parseAnswer(std::string_view body, json::storage_ptr storage) {
  boost::system::error_code ec;
  json::parse_options options;
  options.max_depth = 64;
  json::value value = json::parse(body, ec, std::move(storage), options);
  if (ec) return fail(ErrorCode::Malformed, "the Engine's answer is not JSON: " + ec.message());
  return value;
}

std::string withWarnings(std::string body, const std::vector<std::string>& warnings) {
  if (warnings.empty()) return body;
  Result<json::value> value = parseAnswer(body);
  json::object* object = value ? value->if_object() : nullptr;
  if (object == nullptr) return body;
  json::value& list = (*object)["Warnings"];
  if (!list.is_array()) list = json::array();
  for (const std::string& warning : warnings) list.get_array().emplace_back(warning);
  return json::serialize(*object) + "\n";
}

asio::awaitable<Result<bool>> keepOwnContainers(Ownership& ownership, std::string login, json::value& list) {
  json::array* const items = list.if_array();
  if (items == nullptr) co_return fail(ErrorCode::Malformed, "the Engine's list of containers is not a list");
  std::vector<bool> own_items;
  for (const json::value& item : *items) {
    const json::object* const object = item.if_object();
    const json::value* const id = object != nullptr ? object->if_contains("Id") : nullptr;
    Result<bool> own = false;
    if (id != nullptr && id->is_string()) own = co_await isOwn(ownership, login, std::string(id->get_string()));
    if (!own) co_return fail(own.error());
    own_items.push_back(*own);
  }
  if (std::ranges::find(own_items, false) == own_items.end()) co_return false;
  json::array kept(list.storage());
  for (std::size_t i = 0; i < own_items.size(); ++i) {
    if (own_items[i]) kept.push_back(std::move((*items)[i]));
  }
  *items = std::move(kept);
  co_return true;
}

asio::awaitable<Result<bool>> hideForeignEndpoints(Ownership& ownership, std::string login, json::value& view) {
  json::object* const network = view.if_object();
  if (network == nullptr) co_return fail(ErrorCode::Malformed, "the Engine's answer about a network is not understood");
  co_return co_await hideInOne(ownership, login, *network);
}

bool keepOwned(const std::string& login, json::array& items) {
  json::array kept(items.storage());
  for (json::value& item : items) {
    if (ownerOfItem(item) == login) kept.push_back(std::move(item));
  }
  const bool changed = kept.size() != items.size();
  items = std::move(kept);
  return changed;
}

asio::awaitable<Result<bool>> keepOwnVolumes(Ownership&, std::string login, json::value& list) {
  json::object* const answer = list.if_object();
  json::value* const member = answer != nullptr ? answer->if_contains("Volumes") : nullptr;
  if (member == nullptr || member->is_null()) co_return false;
  json::array* const volumes = member->if_array();
  if (volumes == nullptr) co_return fail(ErrorCode::Malformed, "the Engine's list of volumes is not understood");
  co_return keepOwned(login, *volumes);
}

asio::awaitable<Result<bool>> keepOwnNetworks(Ownership& ownership, std::string login, json::value& list) {
  json::array* const networks = list.if_array();
  if (networks == nullptr) co_return fail(ErrorCode::Malformed, "the Engine's list of networks is not understood");
  json::array kept(networks->storage());
  bool changed = false;
  for (json::value& network : *networks) {
    if (!isPredefined(network) && ownerOfItem(network) != login) continue;
    const Result<bool> hidden = co_await hideForeignEndpoints(ownership, login, network);
    if (!hidden) co_return fail(hidden.error());
    changed = changed || *hidden;
    kept.push_back(std::move(network));
  }
  changed = changed || kept.size() != networks->size();
  *networks = std::move(kept);
  co_return changed;
}

std::optional<std::string> idInConflict(std::string_view body) {
  const std::string message = messageOf(body);
  const std::size_t mark = message.find(kConflictMark);
  if (mark == std::string::npos) return std::nullopt;
  std::string id = message.substr(mark + kConflictMark.size(), kIdDigits);
  if (id.size() != kIdDigits || id.find_first_not_of("0123456789abcdef") != std::string::npos) return std::nullopt;
  return id;
}

std::string conflictWithoutId(std::string_view body) {
  const std::string message = messageOf(body);
  return messageJson(message.substr(0, message.find(kConflictMark)) +
                     "is already in use by a container of another user. Choose another name.");
}

std::optional<std::string> containerInImageConflict(std::string_view body) {
  constexpr std::string_view kMark = " container ";
  constexpr std::size_t kShortest = 12;
  const std::string message = messageOf(body);
  for (std::size_t at = message.find(kMark); at != std::string::npos; at = message.find(kMark, at + 1)) {
    const std::string_view rest = std::string_view(message).substr(at + kMark.size());
    const std::size_t digits = std::min(rest.find_first_not_of("0123456789abcdef"), rest.size());
    if (digits >= kShortest) return std::string(rest.substr(0, digits));
  }
  return std::nullopt;
}

std::string imageConflictWithoutContainer(std::string_view body, std::string_view id) {
  std::string message = messageOf(body);
  const std::string named = fmt::format(" container {}", id);
  if (const std::size_t at = message.find(named); at != std::string::npos) {
    message.replace(at, named.size(), " container of another user");
  }
  return messageJson(message);
}

}  // namespace ds01::gateway
