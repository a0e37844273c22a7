#include "control/router.h"

#include <algorithm>
#include <expected>
#include <optional>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/utf8.h"
#include "control/json_text.h"
#include "control/types.h"

namespace ds01::control {
namespace {

constexpr std::string_view kName = "{}";
constexpr std::size_t kMaxQueryKeys = 32;

int hexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// Percent-decoded text; unset if it is not well encoded, not UTF-8, or holds control characters. A plus stays a plus.
std::optional<std::string> decode(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '%') {
      const int high = i + 1 < text.size() ? hexDigit(text[i + 1]) : -1;
      const int low = i + 2 < text.size() ? hexDigit(text[i + 2]) : -1;
      if (high < 0 || low < 0) return std::nullopt;
      c = static_cast<char>(high * 16 + low);
      i += 2;
    }
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) return std::nullopt;
    out += c;
  }
  if (replaceInvalidUtf8(out) != out) return std::nullopt;
  return out;
}

std::vector<std::string_view> split(std::string_view text, char by) {
  std::vector<std::string_view> parts;
  for (;;) {
    const std::size_t end = text.find(by);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

std::string_view pathOf(std::string_view target) {
  return target.substr(0, target.find('?'));
}

// What stands for the pattern's {}, still encoded; unset: another path. Fixed segments are compared as they came: ours
// need no encoding, so another spelling is another path.
std::optional<std::vector<std::string_view>> namesIn(std::string_view path, std::string_view pattern) {
  const std::vector<std::string_view> have = split(path, '/');
  const std::vector<std::string_view> want = split(pattern, '/');
  if (have.size() != want.size()) return std::nullopt;
  std::vector<std::string_view> names;
  for (std::size_t i = 0; i < want.size(); ++i) {
    if (want[i] == kName && !have[i].empty()) {
      names.push_back(have[i]);
    } else if (want[i] != have[i]) {
      return std::nullopt;
    }
  }
  return names;
}

using Query = std::map<std::string, std::string>;

std::expected<Query, std::string> readQuery(std::string_view target, const std::vector<std::string>& known) {
  Query query;
  const std::size_t mark = target.find('?');
  if (mark == std::string_view::npos) return query;
  const std::vector<std::string_view> parts = split(target.substr(mark + 1), '&');
  if (parts.size() > kMaxQueryKeys) return std::unexpected("the query has too many keys");
  for (const std::string_view part : parts) {
    const std::size_t equals = part.find('=');
    const std::optional<std::string> key = decode(part.substr(0, equals));
    const std::optional<std::string> value =
        decode(equals == std::string_view::npos ? std::string_view() : part.substr(equals + 1));
    if (!key || !value) return std::unexpected("the query is not well encoded");
    if (std::ranges::find(known, *key) == known.end()) {
      return std::unexpected(known.empty()
                                 ? fmt::format("there is no \"{}\" here: this takes no query", *key)
                                 : fmt::format("there is no \"{}\" here, only {}", *key, fmt::join(known, ", ")));
    }
    if (!query.emplace(*key, *value).second) return std::unexpected(fmt::format("\"{}\" is given twice", *key));
  }
  return query;
}

std::expected<Request, std::string> readRequest(const net::HttpRequest& request, const Route& route,
                                                const std::vector<std::string_view>& names) {
  Request out;
  for (const std::string_view name : names) {
    std::optional<std::string> decoded = decode(name);
    if (!decoded || *decoded == "." || *decoded == "..") return std::unexpected("the path is not well encoded");
    out.names.push_back(std::move(*decoded));
  }
  std::expected<Query, std::string> query = readQuery(request.target, route.query);
  if (!query) return std::unexpected(query.error());
  out.query = std::move(*query);
  if (!request.body.empty() && route.max_body_bytes == 0) return std::unexpected("this request takes no body");
  return out;
}

}  // namespace

net::HttpReply errorReply(int status, std::string_view message) {
  const boost::json::object body{{"api", kApiVersion}, {"message", message}};
  return {.status = status, .body = jsonText(body) + "\n"};
}

std::size_t Router::maxBodyBytes(std::string_view method, std::string_view target) const {
  for (const Route& route : routes_) {
    if (route.method == method && namesIn(pathOf(target), route.pattern)) return route.max_body_bytes;
  }
  return 0;
}

boost::asio::awaitable<net::HttpAnswer> Router::handle(net::HttpRequest request, Caller caller) const {
  const std::string_view path = pathOf(request.target);
  std::vector<std::string> methods;
  for (const Route& route : routes_) {
    const auto names = namesIn(path, route.pattern);
    if (!names) continue;
    methods.push_back(route.method);
    if (route.method != request.method) continue;
    std::expected<Request, std::string> read = readRequest(request, route, *names);
    if (!read) co_return errorReply(400, "ds01: " + read.error());
    if (request.body.size() > route.max_body_bytes) co_return errorReply(413, "ds01: the body is too long");
    read->caller = std::move(caller);
    read->body = std::move(request.body);
    co_return co_await route.handler(std::move(*read));
  }
  if (methods.empty()) co_return errorReply(404, fmt::format("ds01: there is no {} in this API", path));
  co_return errorReply(
      405, fmt::format("ds01: {} allows {} only, not {}", path, fmt::join(methods, " and "), request.method));
}

}  // namespace ds01::control
