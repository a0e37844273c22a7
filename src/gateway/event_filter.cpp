#include "gateway/event_filter.h"

#include <vector>

#include <boost/json/parse.hpp>

#include "gateway/owned_objects.h"
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
  return {.kind = EventVerdict::Kind::ByContainer, .subject = std::move(id)};
}

}  // namespace

EventVerdict classifyEvent(const json::object& event) {
  const std::string type = stringAt(event, "Type");
  const std::string action = stringAt(event, "Action");
  const json::object* actor = objectAt(event, "Actor");
  const json::object* attributes = actor != nullptr ? objectAt(*actor, "Attributes") : nullptr;
  const std::string by = attributes != nullptr ? stringAt(*attributes, "container") : std::string();

  if (type == "container") return byContainer(actor != nullptr ? stringAt(*actor, "ID") : std::string());
  if (type == "image") return {.kind = EventVerdict::Kind::Pass};
  if (type != "network" && type != "volume") return {};
  if (action != "create" && action != "destroy" && action != "remove") return byContainer(by);
  const bool network = type == "network";
  return {.kind = network ? EventVerdict::Kind::ByNetwork : EventVerdict::Kind::ByVolume,
          .subject = actor != nullptr ? stringAt(*actor, "ID") : std::string(),
          .is_gone = action != "create"};
}

asio::awaitable<bool> EventFilter::mayPass(std::string_view text) {
  boost::system::error_code ec;
  const json::value event = json::parse(text, ec);
  if (ec || !event.is_object()) co_return false;
  EventVerdict verdict = classifyEvent(event.get_object());
  switch (verdict.kind) {
    case EventVerdict::Kind::Pass:
      co_return true;
    case EventVerdict::Kind::Drop:
      co_return false;
    case EventVerdict::Kind::ByContainer:
      co_return co_await isOwnContainer(std::move(verdict.subject));
    case EventVerdict::Kind::ByVolume:
    case EventVerdict::Kind::ByNetwork:
      co_return co_await isOwnObject(std::move(verdict));
  }
  co_return false;
}

asio::awaitable<bool> EventFilter::isOwnContainer(std::string id) {
  if (own_.contains(id)) co_return true;
  const Result<OwnedContainer> found = co_await ports_.ownership.find(id);
  if (!found || !found->owner) co_return false;
  // While it is a launcher, which may end before the stream does; all of them are service users (config).
  if (found->owner != login_) co_return found->made_by == login_&& ports_.site.isLauncher(login_);
  if (own_.size() >= kMaxRemembered) own_.clear();
  own_.insert(std::move(id));
  co_return true;
}

// Of a removal that nobody asked us for, and that of nothing we have looked at, nobody is told.
asio::awaitable<bool> EventFilter::isOwnObject(EventVerdict verdict) {
  const bool network = verdict.kind == EventVerdict::Kind::ByNetwork;
  const std::string key = network ? ObjectMemory::network(verdict.subject) : ObjectMemory::volume(verdict.subject);
  if (verdict.is_gone) co_return objects_.ownerOf(key) == login_;
  // One await to a statement: GCC 12 destroys what is awaited in a conditional expression twice.
  std::string subject = verdict.subject;
  Result<OwnedObject> found = fail(ErrorCode::Internal, "not asked");
  if (network) {
    found = co_await findNetwork(ports_, objects_, std::move(subject));
  } else {
    found = co_await findVolume(ports_, objects_, std::move(subject));
  }
  if (found) co_return found->owner == login_;
  co_return found.error().code() == ErrorCode::NotFound&& objects_.ownerOf(key) == login_;
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
