// Reads the control API's JSON into values; says the place of what is wrong. Inside the folder only.
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <fmt/format.h>

#include "base/time_text.h"
#include "base/units.h"
#include "control/types.h"

namespace ds01::control {

namespace json = boost::json;

inline constexpr std::int64_t kAny = std::numeric_limits<std::int64_t>::max();

// Reads members of one object. The first thing that is wrong goes to `problem`; after that, and for what is wrong, the
// answers are empty values, so the caller reads all fields straight on and looks at `problem` once.
class Reader {
 public:
  Reader(const json::value& value, std::string where, std::string& problem)
      : object_(value.if_object()), where_(std::move(where)), problem_(problem) {
    if (object_ == nullptr) complain("", "must be an object");
  }

  std::string text(std::string_view key) {
    const json::value* value = required(key);
    if (value == nullptr) return {};
    if (const json::string* found = value->if_string()) return std::string(*found);
    complain(key, "must be a string");
    return {};
  }

  std::optional<std::string> textOrNull(std::string_view key) {
    if (find(key) == nullptr) return std::nullopt;
    return text(key);
  }

  std::int64_t integer(std::string_view key, std::int64_t min, std::int64_t max) {
    const json::value* value = required(key);
    if (value == nullptr) return min;
    const std::int64_t* found = value->if_int64();
    if (found != nullptr && *found >= min && *found <= max) return *found;
    complain(key, fmt::format("must be a whole number from {} to {}", min, max));
    return min;
  }

  std::optional<std::int64_t> integerOrNull(std::string_view key, std::int64_t min, std::int64_t max) {
    if (find(key) == nullptr) return std::nullopt;
    return integer(key, min, max);
  }

  bool flag(std::string_view key) {
    const json::value* value = required(key);
    if (value == nullptr) return false;
    if (const bool* found = value->if_bool()) return *found;
    complain(key, "must be true or false");
    return false;
  }

  double real(std::string_view key) {
    const json::value* value = required(key);
    if (value == nullptr) return 0;
    json::error_code error;
    const double found = value->to_number<double>(error);
    if (!error && std::isfinite(found)) return found;
    complain(key, "must be a number");
    return 0;
  }

  std::optional<double> realOrNull(std::string_view key) {
    if (find(key) == nullptr) return std::nullopt;
    return real(key);
  }

  // A member that is an object of its own.
  template <typename Read>
  auto object(std::string_view key, Read read) -> decltype(read(std::declval<json::value>(), "")) {
    const json::value* value = required(key);
    if (value == nullptr) return {};
    return read(*value, place(key));
  }

  GpuEq gpus(std::string_view key) {
    constexpr double kMost = 1e6;  // GPUs; far from where micro-units would overflow
    const json::value* value = required(key);
    if (value == nullptr) return {};
    json::error_code error;
    const double found = value->to_number<double>(error);
    if (!error && found >= 0 && found <= kMost) return {std::llround(found * 1e6)};
    complain(key, "must be a number of GPUs");
    return {};
  }

  std::optional<GpuEq> gpusOrNull(std::string_view key) {
    if (find(key) == nullptr) return std::nullopt;
    return gpus(key);
  }

  TimePoint time(std::string_view key) {
    const std::string found = text(key);
    if (const auto at = parseRfc3339(found)) return *at;
    complain(key, "must be a time as in RFC 3339");
    return {};
  }

  std::optional<TimePoint> timeOrNull(std::string_view key) {
    if (find(key) == nullptr) return std::nullopt;
    return time(key);
  }

  template <typename Read>
  auto list(std::string_view key, Read read) -> std::vector<decltype(read(std::declval<json::value>(), ""))> {
    std::vector<decltype(read(std::declval<json::value>(), ""))> result;
    const json::value* value = required(key);
    if (value == nullptr) return result;
    const json::array* array = value->if_array();
    if (array == nullptr) {
      complain(key, "must be a list");
      return result;
    }
    for (std::size_t i = 0; i < array->size(); ++i) {
      result.push_back(read((*array)[i], fmt::format("{}[{}]", place(key), i)));
    }
    return result;
  }

  const json::object* members(std::string_view key) {
    const json::value* value = find(key);
    if (value == nullptr) return nullptr;
    if (const json::object* found = value->if_object()) return found;
    complain(key, "must be an object");
    return nullptr;
  }

  void complain(std::string_view key, std::string_view what) {
    if (problem_.empty()) problem_ = fmt::format("{}: {}", place(key), what);
  }

 private:
  // Null and absent are one.
  const json::value* find(std::string_view key) const {
    if (object_ == nullptr) return nullptr;
    const json::value* value = object_->if_contains(key);
    return value != nullptr && !value->is_null() ? value : nullptr;
  }

  const json::value* required(std::string_view key) {
    const json::value* value = find(key);
    if (value == nullptr) complain(key, "is missing");
    return value;
  }

  std::string place(std::string_view key) const {
    if (where_.empty()) return key.empty() ? "reply" : std::string(key);
    return key.empty() ? where_ : fmt::format("{}.{}", where_, key);
  }

  const json::object* object_;
  std::string where_;
  std::string& problem_;
};

// The first member of every reply.
inline void checkApi(Reader& in) {
  const std::int64_t api = in.integer("api", 0, kAny);
  if (api == kApiVersion) return;
  in.complain("api", fmt::format("is {}, but this program speaks {}", api, kApiVersion));
}

}  // namespace ds01::control
