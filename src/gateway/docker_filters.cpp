#include "gateway/docker_filters.h"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

namespace ds01::gateway {

namespace json = boost::json;

namespace {

std::unexpected<Denial> malformed(std::string text) {
  return std::unexpected<Denial>(Denial{400, "malformed_filters", std::move(text)});
}

}  // namespace

std::expected<Filters, Denial> parseFilters(std::string_view text) {
  Filters filters;
  if (text.empty()) return filters;
  json::parse_options options;
  options.max_depth = 4;
  boost::system::error_code ec;
  const json::value root = json::parse(text, ec, {}, options);
  if (ec || (!root.is_object() && !root.is_null())) return malformed("the filters are not a JSON object");
  if (root.is_null()) return filters;
  for (const auto& [key, values] : root.get_object()) {
    auto& list = filters[std::string(key)];
    if (const json::object* set = values.if_object()) {
      for (const auto& [value, present] : *set) {
        // The Engine only looks at the keys of this map.
        if (!present.is_bool()) return malformed("a filter's values must be {\"value\": true} or a list of strings");
        list.emplace_back(value);
      }
    } else if (const json::array* legacy = values.if_array()) {
      for (const json::value& value : *legacy) {
        if (!value.is_string()) return malformed("a filter's values must be {\"value\": true} or a list of strings");
        list.emplace_back(value.get_string());
      }
    } else {
      return malformed("a filter's values must be {\"value\": true} or a list of strings");
    }
  }
  return filters;
}

std::string serialise(const Filters& filters) {
  json::object root;
  for (const auto& [key, values] : filters) {
    json::object set;
    for (const std::string& value : values) set[value] = true;
    root[key] = std::move(set);
  }
  return json::serialize(root);
}

}  // namespace ds01::gateway
