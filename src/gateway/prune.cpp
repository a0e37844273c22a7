#include "gateway/prune.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include <fmt/format.h>

#include "base/time_text.h"

namespace ds01::gateway {

namespace json = boost::json;

namespace {

using namespace std::string_view_literals;

constexpr double kMostSeconds = 1e10;  // some 300 years: what a TimePoint holds with ease

// "12", "1.5"; what follows stays in `text`. Unset: no number stands there.
std::optional<double> takeNumber(std::string_view& text) {
  const std::size_t end = std::min(text.find_first_not_of("0123456789."), text.size());
  double value = 0;
  const auto [last, error] = std::from_chars(text.data(), text.data() + end, value, std::chars_format::fixed);
  if (end == 0 || error != std::errc{} || last != text.data() + end) return std::nullopt;
  text.remove_prefix(end);
  return value;
}

std::optional<TimePoint> shifted(TimePoint from, double seconds) {
  if (!(seconds >= -kMostSeconds && seconds <= kMostSeconds)) return std::nullopt;
  return from + std::chrono::microseconds(static_cast<std::int64_t>(seconds * 1e6));
}

// As Go's time.ParseDuration, in seconds.
std::optional<double> goDuration(std::string_view text) {
  static constexpr std::array<std::pair<std::string_view, double>, 7> kUnits{
      {{"ns", 1e-9}, {"us", 1e-6}, {"µs", 1e-6}, {"ms", 1e-3}, {"s", 1}, {"m", 60}, {"h", 3600}}};
  const double sign = text.starts_with('-') ? -1 : 1;
  if (text.starts_with('-') || text.starts_with('+')) text.remove_prefix(1);
  if (text.empty()) return std::nullopt;
  double sum = 0;
  while (!text.empty()) {
    const std::optional<double> number = takeNumber(text);
    const std::string_view name = text.substr(0, text.find_first_of("0123456789."));
    const auto* const unit = std::ranges::find(kUnits, name, &std::pair<std::string_view, double>::first);
    if (!number || unit == kUnits.end()) return std::nullopt;
    sum += *number * unit->second;
    text.remove_prefix(name.size());
  }
  return sign * sum;
}

bool isMeant(const json::object& item, const PruneOrder& order) {
  const auto has = [&](const std::string& label) { return hasLabel(item, label); };
  if (!order.spared_labels.empty() && std::ranges::all_of(order.spared_labels, has)) return false;
  if (!order.until) return true;
  // Whole seconds, cut off: one more is surely not earlier than the truth.
  const json::value* const created = item.if_contains("Created");
  const std::int64_t* const seconds = created != nullptr ? created->if_int64() : nullptr;
  return seconds != nullptr && TimePoint(std::chrono::seconds(*seconds)) + std::chrono::seconds(1) <= *order.until;
}

Denial malformed(std::string text) {
  return {400, "malformed_filters", std::move(text)};
}

}  // namespace

bool hasLabel(const json::object& item, std::string_view wanted) {
  const json::value* const member = item.if_contains("Labels");
  const json::object* const labels = member != nullptr ? member->if_object() : nullptr;
  if (labels == nullptr) return false;
  const std::size_t equals = wanted.find('=');
  const json::value* const value = labels->if_contains(wanted.substr(0, equals));
  if (value == nullptr || equals == std::string_view::npos) return value != nullptr;
  const json::string* const text = value->if_string();
  return text != nullptr && std::string_view(text->data(), text->size()) == wanted.substr(equals + 1);
}

std::optional<TimePoint> readUntil(std::string_view text, TimePoint now) {
  if (const std::optional<double> ago = goDuration(text)) return shifted(now, -*ago);
  std::string_view rest = text;
  const std::optional<double> seconds = takeNumber(rest);
  if (seconds && rest.empty()) return shifted(TimePoint{}, *seconds);
  return parseRfc3339(text);
}

std::expected<PruneOrder, Denial> readPruneOrder(const Filters& filters, TimePoint now) {
  PruneOrder order;
  for (const auto& [key, values] : filters) {
    if (key == "label") {
      order.list["label"] = values;
    } else if (key == "label!") {
      order.spared_labels = values;
    } else if (key == "until") {
      if (values.size() == 1) order.until = readUntil(values.front(), now);
      if (!order.until) {
        return std::unexpected(malformed(
            "the filter until must be one duration such as 24h, a Unix time, or a time such as 2026-01-31T12:00:00Z"));
      }
    } else {
      return std::unexpected(malformed(fmt::format("invalid filter '{}'; use label, label! and until", key)));
    }
  }
  order.list["status"] = {"created", "dead", "exited"};
  return order;
}

std::vector<PruneCandidate> prunable(const json::value& list, const PruneOrder& order) {
  std::vector<PruneCandidate> found;
  const json::array* const items = list.if_array();
  if (items == nullptr) return found;
  for (const json::value& item : *items) {
    const json::object* const object = item.if_object();
    const json::value* const id = object != nullptr ? object->if_contains("Id") : nullptr;
    if (id == nullptr || !id->is_string() || !isMeant(*object, order)) continue;
    const json::value* const size = object->if_contains("SizeRw");
    found.push_back({std::string(id->get_string()), size != nullptr && size->is_int64() ? size->get_int64() : 0});
  }
  return found;
}

}  // namespace ds01::gateway
