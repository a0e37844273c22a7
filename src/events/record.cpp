#include "events/record.h"

#include <algorithm>
#include <array>

#include <boost/json/parse.hpp>

#include "base/time_text.h"

namespace ds01::events {
namespace {

constexpr std::array<std::string_view, 8> kEnvelope{"timestamp", "ts",     "event_type", "event",
                                                    "user",      "source", "details",    "schema_version"};
constexpr std::array<std::string_view, 9> kOwnFamilies{"container", "gpu",     "auth",        "quota", "resource",
                                                       "queue",     "dry_run", "maintenance", "alert"};
constexpr std::size_t kShortestIdPrefix = 4;

std::string textOf(const boost::json::object& object, std::string_view key) {
  const boost::json::value* value = object.if_contains(key);
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string();
}

std::string firstOf(const boost::json::object& object, std::string_view key, std::string_view older) {
  std::string text = textOf(object, key);
  return text.empty() ? textOf(object, older) : text;
}

std::string_view familyOf(std::string_view type) {
  return type.substr(0, type.find('.'));
}

bool meansContainer(const Record& record, const std::string& wanted) {
  if (record.container() == wanted) return true;
  const std::string id = record.text("container_id");
  return wanted.size() >= kShortestIdPrefix && id.starts_with(wanted);
}

}  // namespace

std::string Record::text(std::string_view key) const {
  return textOf(details, key);
}

std::optional<Record> parseRecord(std::string_view line) {
  boost::system::error_code error;
  boost::json::parse_options options;
  options.max_depth = 16;
  const boost::json::value value = boost::json::parse(line, error, {}, options);
  const boost::json::object* object = error ? nullptr : value.if_object();
  if (object == nullptr) return std::nullopt;
  Record record;
  const std::string time = firstOf(*object, "timestamp", "ts");
  std::optional<TimePoint> at = parseRfc3339(time);
  if (!at) at = parseRfc3339(time + "Z");  // Python's isoformat() of a time in UTC without its zone
  record.type = firstOf(*object, "event_type", "event");
  if (!at || record.type.empty()) return std::nullopt;
  record.at = *at;
  record.user = textOf(*object, "user");
  record.source = textOf(*object, "source");
  const boost::json::value* details = object->if_contains("details");
  if (details != nullptr && details->is_object()) record.details = details->get_object();
  for (const boost::json::key_value_pair& member : *object) {
    if (std::ranges::find(kEnvelope, std::string_view(member.key())) != kEnvelope.end()) continue;
    record.details.emplace(member.key(), member.value());  // keeps what details say
  }
  return record;
}

bool matches(const Record& record, const Filter& filter) {
  if (!filter.user.empty() && record.user != filter.user) return false;
  if (!filter.type.empty() && record.type != filter.type && familyOf(record.type) != filter.type) return false;
  if (!filter.container.empty() && !meansContainer(record, filter.container)) return false;
  if (filter.since && record.at < *filter.since) return false;
  return !filter.until || record.at <= *filter.until;
}

bool shownTo(const Record& record, std::string_view login, bool admin) {
  if (admin) return true;
  if (login.empty() || record.user != login) return false;
  // Tells that a container of somebody else exists, and its name.
  if (record.text("reason") == "not_owner" || record.type == "access.unowned_container") return false;
  return std::ranges::find(kOwnFamilies, familyOf(record.type)) != kOwnFamilies.end();
}

}  // namespace ds01::events
