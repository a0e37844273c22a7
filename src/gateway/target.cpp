#include "gateway/target.h"

#include <algorithm>
#include <array>
#include <charconv>

#include <fmt/format.h>

namespace ds01::gateway {

namespace {

using namespace std::string_view_literals;

// Type "array" in data/docker-api/query.tsv, and the build's `t` and `extrahosts`, which the Engine reads as lists too.
constexpr std::array kListKeys = {"names"sv, "platform"sv, "platforms"sv,  "changes"sv,
                                  "t"sv,     "type"sv,     "extrahosts"sv, "fields"sv};

// Far more than any client sends; each is compared with all before it.
constexpr std::size_t kMaxQueryItems = 512;
constexpr std::size_t kMaxSegments = 64;

std::unexpected<Denial> malformed(std::string text) {
  return std::unexpected<Denial>(Denial{400, "malformed_target", std::move(text)});
}

int hexValue(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::optional<std::string> decoded(std::string_view text, bool form) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+' && form) {
      out.push_back(' ');
    } else if (text[i] == '%') {
      if (i + 2 >= text.size()) return std::nullopt;
      const int high = hexValue(text[i + 1]);
      const int low = hexValue(text[i + 2]);
      if (high < 0 || low < 0) return std::nullopt;
      out.push_back(static_cast<char>(high * 16 + low));
      i += 2;
    } else {
      out.push_back(text[i]);
    }
  }
  return out;
}

void encodeInto(std::string& out, std::string_view text, std::string_view also_plain) {
  for (const char c : text) {
    const bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                       "-._~"sv.find(c) != std::string_view::npos || also_plain.find(c) != std::string_view::npos;
    if (plain) {
      out.push_back(c);
    } else {
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
}

// "v1.41": what the Engine's router takes for a version is "v" and then digits and dots.
bool looksLikeVersion(std::string_view segment) {
  return segment.size() > 1 && segment[0] == 'v' &&
         segment.find_first_not_of("0123456789.", 1) == std::string_view::npos;
}

std::optional<int> number(std::string_view digits) {
  int value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (digits.empty() || digits.size() > 4 || error != std::errc{} || end != digits.data() + digits.size()) return {};
  return value;
}

std::optional<ApiVersion> parseVersion(std::string_view segment) {
  const std::string_view text = segment.substr(1);
  const std::size_t dot = text.find('.');
  if (dot == std::string_view::npos) return std::nullopt;
  const auto major = number(text.substr(0, dot));
  const auto minor = number(text.substr(dot + 1));
  if (!major || !minor) return std::nullopt;
  return ApiVersion{*major, *minor};
}

std::expected<void, Denial> parsePath(std::string_view raw, Target& target) {
  raw.remove_prefix(1);
  while (!raw.empty()) {
    const std::size_t slash = raw.find('/');
    auto segment = decoded(raw.substr(0, slash), false);
    if (!segment) return malformed("the path contains a malformed percent escape");
    if (segment->empty()) return malformed("the path contains an empty segment");
    if (*segment == "." || *segment == "..") return malformed("the path contains a dot segment");
    const auto forbidden = [](char c) { return c == '/' || static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
    if (std::ranges::any_of(*segment, forbidden))
      return malformed("the path contains an encoded slash or control character");
    if (target.segments.size() >= kMaxSegments) return malformed("the path has too many segments");
    target.segments.push_back(std::move(*segment));
    if (slash == std::string_view::npos) break;
    raw.remove_prefix(slash + 1);
    if (raw.empty()) return malformed("the path ends with a slash");
  }
  if (!target.segments.empty() && looksLikeVersion(target.segments.front())) {
    target.version = parseVersion(target.segments.front());
    if (!target.version) return malformed(fmt::format("\"{}\" is not an API version", target.segments.front()));
    target.segments.erase(target.segments.begin());
  }
  return {};
}

std::expected<void, Denial> parseQuery(std::string_view raw, Target& target) {
  if (raw.find(';') != std::string_view::npos) return malformed("the query contains a semicolon");
  while (!raw.empty()) {
    const std::size_t end = raw.find('&');
    const std::string_view piece = raw.substr(0, end);
    raw = end == std::string_view::npos ? std::string_view() : raw.substr(end + 1);
    if (piece.empty()) continue;
    if (target.query.size() >= kMaxQueryItems) return malformed("the query has too many parameters");
    const std::size_t equals = piece.find('=');
    auto key = decoded(piece.substr(0, equals), true);
    auto value = equals == std::string_view::npos ? std::string() : decoded(piece.substr(equals + 1), true);
    if (!key || !value) return malformed("the query contains a malformed percent escape");
    if (key->find('\0') != std::string::npos || value->find('\0') != std::string::npos) {
      return malformed("the query contains a NUL byte");
    }
    if (target.get(*key) != nullptr && std::ranges::find(kListKeys, std::string_view(*key)) == kListKeys.end()) {
      return malformed(fmt::format("the query parameter \"{}\" comes more than once", *key));
    }
    target.query.push_back({std::move(*key), std::move(*value)});
  }
  return {};
}

}  // namespace

const std::string* Target::get(std::string_view key) const {
  const auto it = std::ranges::find(query, key, &QueryItem::key);
  return it == query.end() ? nullptr : &it->value;
}

bool Target::truthy(std::string_view key) const {
  const std::string* value = get(key);
  if (value == nullptr) return false;
  // As moby's api/server/httputils.BoolValue: lower-cased and trimmed first.
  std::string text = *value;
  std::ranges::transform(text, text.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  if (first == std::string::npos) return false;
  text = text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
  return text != "0" && text != "no" && text != "false" && text != "none";
}

void Target::set(std::string_view key, std::string value) {
  erase(key);
  query.push_back({std::string(key), std::move(value)});
}

void Target::erase(std::string_view key) {
  std::erase_if(query, [&](const QueryItem& item) { return item.key == key; });
}

std::string Target::path() const {
  std::string out;
  for (const std::string& segment : segments) out += "/" + segment;
  return out.empty() ? "/" : out;
}

std::expected<Target, Denial> parseTarget(std::string_view raw) {
  if (raw.empty() || raw.front() != '/') return malformed("the request target must be a path that begins with /");
  Target target;
  const std::size_t mark = raw.find('?');
  if (auto done = parsePath(raw.substr(0, mark), target); !done) return std::unexpected(std::move(done.error()));
  if (mark != std::string_view::npos) {
    if (auto done = parseQuery(raw.substr(mark + 1), target); !done) return std::unexpected(std::move(done.error()));
  }
  return target;
}

std::string serialise(const Target& target) {
  std::string out;
  if (target.version) out += fmt::format("/v{}.{}", target.version->major, target.version->minor);
  for (const std::string& segment : target.segments) {
    out.push_back('/');
    encodeInto(out, segment, ":@!$&'()*+,=");
  }
  if (out.empty()) out = "/";
  char separator = '?';
  for (const QueryItem& item : target.query) {
    out.push_back(separator);
    encodeInto(out, item.key, "");
    out.push_back('=');
    encodeInto(out, item.value, ":/,");
    separator = '&';
  }
  return out;
}

}  // namespace ds01::gateway
