#include "admission/json_access.h"

#include <algorithm>
#include <utility>

#include <boost/json/serialize.hpp>
#include <fmt/format.h>

namespace ds01::admission {

namespace json = boost::json;

Denial malformed(std::string reason, std::string sentence) {
  return {.http_status = 400, .reason = std::move(reason), .text = std::move(sentence)};
}
Denial forbidden(std::string reason, std::string sentence) {
  return {.http_status = 403, .reason = std::move(reason), .text = std::move(sentence)};
}

Denial explained(Denial denial, Field field, std::string remedy) {
  denial.facts = {{"field", std::move(field.path)}};
  if (!field.value.empty()) denial.facts.emplace_back("value", std::move(field.value));
  if (!field.allowed.empty()) denial.facts.emplace_back("allowed", std::move(field.allowed));
  denial.remedy = std::move(remedy);
  return denial;
}

bool zeroLike(const json::value& value) {
  switch (value.kind()) {
    case json::kind::null:
      return true;
    case json::kind::bool_:
      return !value.get_bool();
    case json::kind::int64:
      return value.get_int64() == 0;
    case json::kind::uint64:
      return value.get_uint64() == 0;
    case json::kind::double_:
      return !(value.get_double() < 0 || value.get_double() > 0);
    case json::kind::string:
      return value.get_string().empty();
    case json::kind::array:
      return value.get_array().empty();
    case json::kind::object:
      return value.get_object().empty();
  }
  return false;
}

const json::value* get(const json::object& from, std::string_view key) {
  const json::value* found = from.if_contains(key);
  return found == nullptr || found->is_null() ? nullptr : found;
}

bool isSet(const json::object& from, std::string_view key) {
  const json::value* found = get(from, key);
  return found != nullptr && !zeroLike(*found);
}

std::string_view view(const json::string& string) {
  return {string.data(), string.size()};
}

std::string_view text(const json::object& from, std::string_view key) {
  const json::value* found = get(from, key);
  return found != nullptr && found->is_string() ? view(found->get_string()) : std::string_view{};
}

std::expected<std::int64_t, Denial> integer(const json::object& from, std::string_view key, std::string_view in) {
  const json::value* found = get(from, key);
  if (found == nullptr) return 0;
  if (found->is_int64()) return found->get_int64();
  return std::unexpected(malformed("field_type", fmt::format("{}{} must be a whole number", in, key)));
}

const json::object* object(const json::object& from, std::string_view key) {
  const json::value* found = get(from, key);
  return found == nullptr ? nullptr : found->if_object();
}

const json::array* array(const json::object& from, std::string_view key) {
  const json::value* found = get(from, key);
  return found == nullptr ? nullptr : found->if_array();
}

json::object* object(json::object& from, std::string_view key) {
  json::value* found = from.if_contains(key);
  return found == nullptr ? nullptr : found->if_object();
}

json::array* array(json::object& from, std::string_view key) {
  json::value* found = from.if_contains(key);
  return found == nullptr ? nullptr : found->if_array();
}

std::expected<std::vector<std::string>, Denial> strings(const json::object& from, std::string_view key,
                                                        std::string_view in) {
  std::vector<std::string> result;
  const json::value* found = get(from, key);
  if (found == nullptr) return result;
  const json::array* list = found->if_array();
  const bool fits = list != nullptr && std::ranges::all_of(*list, [](const json::value& e) { return e.is_string(); });
  if (!fits) return std::unexpected(malformed("field_type", fmt::format("{}{} must be a list of strings", in, key)));
  for (const json::value& element : *list) result.emplace_back(view(element.get_string()));
  return result;
}

std::string shown(std::string_view user_text) {
  static constexpr std::size_t kLongest = 100;
  if (user_text.size() > kLongest) {
    std::size_t cut = kLongest;
    while (cut > 0 && (static_cast<unsigned char>(user_text[cut]) & 0xC0U) == 0x80U) --cut;
    return shown(user_text.substr(0, cut)) + "…";
  }
  const auto plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("_-./:=@+*").find(c) != std::string_view::npos;
  };
  if (!user_text.empty() && std::ranges::all_of(user_text, plain)) return std::string(user_text);
  return json::serialize(json::string(user_text));
}

}  // namespace ds01::admission
