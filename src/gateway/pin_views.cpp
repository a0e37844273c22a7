#include "gateway/pin_views.h"

#include <optional>
#include <utility>

#include <boost/json/serialize.hpp>

namespace ds01::gateway {

namespace json = boost::json;

namespace {

bool isDigit(char c) {
  return c >= '0' && c <= '9';
}

bool isTokenDigit(char c) {
  return isDigit(c) || (c >= 'a' && c <= 'f');
}

// The length of "/TOKEN/NUMBER" at the beginning of `text`; 0: it is none.
std::size_t pinLength(std::string_view text) {
  std::size_t at = 1;
  if (!text.starts_with('/')) return 0;
  while (at < text.size() && isTokenDigit(text[at])) ++at;
  if (at == 1 || at >= text.size() || text[at] != '/') return 0;
  const std::size_t number = ++at;
  while (at < text.size() && isDigit(text[at])) ++at;
  return at == number ? 0 : at;
}

constexpr std::size_t kLongestPin = 96;  // "/TOKEN/NUMBER"

// How much of the end of `text` may be the beginning of a pin's path.
std::size_t cutPath(std::string_view text, std::string_view directory) {
  const std::size_t longest = directory.size() + kLongestPin;
  const std::size_t first = text.size() > longest ? text.size() - longest : 0;
  for (std::size_t at = text.find('/', first); at != std::string_view::npos; at = text.find('/', at + 1)) {
    const std::string_view end = text.substr(at);
    if (end.size() <= directory.size()) {
      if (directory.starts_with(end)) return end.size();
      continue;
    }
    const std::string_view pin = end.substr(directory.size());
    const bool open = pin.front() == '/' && pin.find_first_not_of("0123456789abcdef/") == std::string_view::npos;
    if (end.starts_with(directory) && open) return end.size();
  }
  return 0;
}

// Without its quotes.
std::string escaped(const std::string& text) {
  const std::string quoted = json::serialize(json::string(text));
  return quoted.substr(1, quoted.size() - 2);
}

}  // namespace

bool showSources(std::string& text, const Pins& pins, std::string_view login) {
  const std::string& directory = pins.directory();
  std::string shown;
  std::size_t done = 0;
  for (std::size_t at = text.find(directory); at != std::string::npos; at = text.find(directory, at + 1)) {
    const std::size_t end = at + directory.size();
    const std::size_t length = pinLength(std::string_view(text).substr(end));
    if (length == 0) continue;
    const auto source = pins.sourceOf(std::string_view(text).substr(at, directory.size() + length), login);
    if (!source) continue;
    shown.append(text, done, at - done);
    shown += escaped(source->source);
    done = end + length;
  }
  if (done == 0) return false;
  shown.append(text, done);
  text = std::move(shown);
  return true;
}

void showBinds(json::value& inspected, const Pins& pins, std::string_view login) {
  json::object* const container = inspected.if_object();
  json::value* const config = container == nullptr ? nullptr : container->if_contains("HostConfig");
  json::object* const host = config == nullptr ? nullptr : config->if_object();
  json::value* const list = host == nullptr ? nullptr : host->if_contains("Mounts");
  json::array* const mounts = list == nullptr ? nullptr : list->if_array();
  if (mounts == nullptr) return;
  json::array kept;
  json::array binds;
  for (json::value& mount : *mounts) {
    json::object* const object = mount.if_object();
    json::value* const path = object == nullptr ? nullptr : object->if_contains("Source");
    std::optional<PinSource> source;
    if (path != nullptr && path->is_string()) source = pins.sourceOf(path->get_string(), login);
    if (source && !source->bind.empty()) {
      binds.emplace_back(source->bind);
    } else {
      kept.push_back(std::move(mount));
    }
  }
  if (kept.empty()) {
    host->erase("Mounts");  // as the Engine leaves it out
  } else {
    *mounts = std::move(kept);
  }
  json::value& all = (*host)["Binds"];
  if (!all.is_array()) all = json::array();
  for (json::value& bind : binds) all.get_array().push_back(std::move(bind));
  if (all.get_array().empty()) all = nullptr;
}

boost::asio::awaitable<std::string> SourceFilter::pass(std::string_view piece) {
  std::string text = std::exchange(waiting_, {});
  text += piece;
  // An answer does not end within a path, so nothing is held back for good.
  const std::size_t cut = cutPath(text, pins_.directory());
  waiting_ = text.substr(text.size() - cut);
  text.resize(text.size() - cut);
  showSources(text, pins_, login_);
  co_return text;
}

}  // namespace ds01::gateway
