#include "gateway/event_filter.h"

#include <vector>

#include <boost/json/parse.hpp>

#include "gateway/views.h"

namespace ds01::gateway {

namespace json = boost::json;
namespace asio = boost::asio;

namespace {

constexpr std::size_t kMaxRemembered = 4096;

std::string stringAt(const json::object& object, std::string_view key) {
  const json::value* value = object.if_contains(key);
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string();
}

const json::object* objectAt(const json::object& object, std::string_view key) {
  const json::value* value = object.if_contains(key);
  return value != nullptr ? value->if_object() : nullptr;
}

EventVerdict byContainer(std::string id) {
  if (id.empty()) return {};
  return {EventVerdict::Kind::ByContainer, std::move(id)};
}

}  // namespace

EventVerdict classifyEvent(const json::object& event) {
  const std::string type = stringAt(event, "Type");
  const std::string action = stringAt(event, "Action");
  const json::object* actor = objectAt(event, "Actor");
  const json::object* attributes = actor != nullptr ? objectAt(*actor, "Attributes") : nullptr;
  const std::string by = attributes != nullptr ? stringAt(*attributes, "container") : std::string();

  if (type == "container") return byContainer(actor != nullptr ? stringAt(*actor, "ID") : std::string());
  if (type == "image") return {EventVerdict::Kind::Pass, {}};
  if (type != "network" && type != "volume") return {};
  if (action == "create" || action == "destroy") return {EventVerdict::Kind::Pass, {}};
  return byContainer(by);
}

asio::awaitable<bool> EventFilter::mayPass(std::string_view text) {
  boost::system::error_code ec;
  const json::value event = json::parse(text, ec);
  if (ec || !event.is_object()) co_return false;
  const EventVerdict verdict = classifyEvent(event.get_object());
  if (verdict.kind != EventVerdict::Kind::ByContainer) co_return verdict.kind == EventVerdict::Kind::Pass;
  if (own_.contains(verdict.container)) co_return true;
  const Result<bool> own = co_await isOwn(ownership_, login_, verdict.container);
  if (!own || !*own) co_return false;
  if (own_.size() >= kMaxRemembered) own_.clear();
  own_.insert(verdict.container);
  co_return true;
}

asio::awaitable<std::string> EventFilter::pass(std::string_view piece) {
  std::string out;
  if (broken_) co_return out;
  std::vector<std::string> events;
  const Status fed = splitter_.feed(piece, [&](std::string_view text) { events.emplace_back(text); });
  broken_ = !fed;
  for (const std::string& event : events) {
    const bool passes = co_await mayPass(event);
    if (!passes) continue;
    out += event;
    out += "\n";
  }
  co_return out;
}

}  // namespace ds01::gateway
