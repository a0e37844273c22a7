#include "gateway/raw_head.h"

#include <algorithm>
#include <array>
#include <charconv>

#include <fmt/format.h>

namespace ds01::gateway {

namespace {

using namespace std::string_view_literals;

constexpr std::size_t kMaxFields = 256;

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

std::string lowered(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), lower);
  return out;
}

bool isTokenChar(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         "!#$%&'*+-.^_`|~"sv.find(c) != std::string_view::npos;
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

std::unexpected<Denial> malformed(std::string text, int status = 400) {
  return std::unexpected<Denial>(Denial{status, "malformed_http", std::move(text)});
}

// Fields that must not come twice: each decides about framing, routing or meaning.
constexpr std::array kSingletons = {"host"sv,    "content-type"sv, "content-length"sv,  "transfer-encoding"sv,
                                    "upgrade"sv, "expect"sv,       "x-registry-auth"sv, "x-registry-config"sv};

// Go's ParseForm would let a form body override the query, so forms are not among them.
constexpr std::array kMediaTypes = {
    "application/json"sv,  "application/x-tar"sv,        "application/tar"sv,
    "application/gzip"sv,  "application/octet-stream"sv, "application/x-gzip"sv,
    "application/x-xz"sv,  "application/x-bzip"sv,       "application/x-bzip2"sv,
    "application/zstd"sv,  "application/x-zstd"sv,       "application/x-gtar"sv,
    "application/x-tgz"sv, "application/x-xtar"sv,       "application/x-compressed-tar"sv,
    "text/plain"sv,        "application/x-ndjson"sv,     "application/jsonl"sv};

std::optional<Denial> checkMediaType(std::string_view value) {
  const std::string type = lowered(trimmed(value.substr(0, value.find(';'))));
  if (type.empty() || std::ranges::find(kMediaTypes, std::string_view(type)) != kMediaTypes.end()) return std::nullopt;
  if (type.starts_with("application/vnd.docker.")) return std::nullopt;
  if (type == "application/x-www-form-urlencoded" || type.starts_with("multipart/")) {
    return Denial{400, "malformed_http",
                  fmt::format("request bodies of type {} are not accepted, because the Engine would read them as part "
                              "of the query; send -H 'Content-Type: application/json'",
                              type)};
  }
  return Denial{400, "malformed_http", fmt::format("request bodies of type \"{}\" are not accepted", type)};
}

std::optional<Denial> parseRequestLine(std::string_view line, RawHead& head) {
  const auto bad = [](std::string text, int status = 400) { return Denial{status, "malformed_http", std::move(text)}; };
  const std::size_t first = line.find(' ');
  const std::size_t last = line.rfind(' ');
  if (first == std::string_view::npos || first == last) {
    return bad("the request line must be METHOD, target and HTTP/1.1 with one space between");
  }
  const std::string_view method = line.substr(0, first);
  const std::string_view target = line.substr(first + 1, last - first - 1);
  const std::string_view version = line.substr(last + 1);
  const auto upper = [](char c) { return c >= 'A' && c <= 'Z'; };
  if (method.empty() || method.size() > 16 || !std::ranges::all_of(method, upper)) return bad("malformed method");
  if (method == "CONNECT" || method == "TRACE") return bad(fmt::format("method {} is not accepted", method));
  if (version != "HTTP/1.1") {
    if (version.starts_with("HTTP/")) return bad("only HTTP/1.1 is spoken here", 505);
    return bad("the request line does not end in HTTP/1.1");
  }
  if (target.empty() || target.front() != '/') return bad("the request target must be a path that begins with /");
  const auto printable = [](char c) { return c > 0x20 && c < 0x7f; };
  if (!std::ranges::all_of(target, printable)) return bad("the request target contains a byte that must be encoded");
  if (target.find('#') != std::string_view::npos) return bad("the request target contains a fragment");
  head.method = method;
  head.target = target;
  return std::nullopt;
}

std::optional<Denial> parseField(std::string_view line, RawHead& head) {
  const auto bad = [](std::string text) { return Denial{400, "malformed_http", std::move(text)}; };
  if (line.front() == ' ' || line.front() == '\t') return bad("folded header lines are not accepted");
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos || colon == 0) return bad("a header line has no name or no colon");
  const std::string_view name = line.substr(0, colon);
  if (!std::ranges::all_of(name, isTokenChar)) return bad("a header name contains a character that is not allowed");
  const std::string_view value = trimmed(line.substr(colon + 1));
  const auto control = [](char c) { return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f; };
  if (std::ranges::any_of(value, control)) return bad(fmt::format("header {} contains a control character", name));
  const std::string folded = lowered(name);
  if (std::ranges::find(kSingletons, std::string_view(folded)) != kSingletons.end() && head.find(name) != nullptr) {
    return bad(fmt::format("header {} comes more than once", name));
  }
  if (head.fields.size() >= kMaxFields) return Denial{431, "malformed_http", "too many header lines"};
  head.fields.push_back({std::string(name), std::string(value)});
  return std::nullopt;
}

std::optional<Denial> readFraming(RawHead& head) {
  const auto bad = [](std::string text) { return Denial{400, "malformed_http", std::move(text)}; };
  if (const std::string* length = head.find("Content-Length")) {
    const auto digit = [](char c) { return c >= '0' && c <= '9'; };
    if (length->empty() || length->size() > 18 || !std::ranges::all_of(*length, digit)) {
      return bad("Content-Length is not a number");
    }
    std::uint64_t value = 0;
    std::from_chars(length->data(), length->data() + length->size(), value);
    head.content_length = value;
  }
  if (const std::string* coding = head.find("Transfer-Encoding")) {
    if (head.content_length) return bad("Content-Length and Transfer-Encoding exclude each other");
    if (!equalsFolded(*coding, "chunked")) return bad("the only Transfer-Encoding accepted is \"chunked\"");
    head.chunked = true;
  }
  if (const std::string* expect = head.find("Expect")) {
    if (!equalsFolded(*expect, "100-continue")) {
      return Denial{417, "malformed_http", "the only Expect accepted is 100-continue"};
    }
    head.expect_continue = true;
  }
  if (const std::string* type = head.find("Content-Type")) return checkMediaType(*type);
  return std::nullopt;
}

void readConnection(RawHead& head) {
  bool upgrade = false;
  for (const HeaderField& field : head.fields) {
    if (!equalsFolded(field.name, "Connection")) continue;
    std::string_view rest = field.value;
    while (!rest.empty()) {
      const std::size_t comma = rest.find(',');
      const std::string_view token = trimmed(rest.substr(0, comma));
      if (equalsFolded(token, "close")) head.close = true;
      if (equalsFolded(token, "upgrade")) upgrade = true;
      rest = comma == std::string_view::npos ? std::string_view() : rest.substr(comma + 1);
    }
  }
  const std::string* wanted = head.find("Upgrade");
  if (upgrade && wanted != nullptr) head.upgrade = lowered(*wanted);
}

}  // namespace

bool equalsFolded(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, [](char x, char y) { return lower(x) == lower(y); });
}

const std::string* RawHead::find(std::string_view name) const {
  const auto it = std::ranges::find_if(fields, [&](const HeaderField& f) { return equalsFolded(f.name, name); });
  return it == fields.end() ? nullptr : &it->value;
}

std::size_t headEnd(std::string_view bytes, std::size_t search_from) {
  for (std::size_t at = bytes.find('\n', search_from); at != std::string_view::npos; at = bytes.find('\n', at + 1)) {
    if (at + 1 < bytes.size() && bytes[at + 1] == '\n') return at + 2;
    if (at + 2 < bytes.size() && bytes[at + 1] == '\r' && bytes[at + 2] == '\n') return at + 3;
  }
  return std::string_view::npos;
}

std::expected<RawHead, Denial> parseHead(std::string_view bytes) {
  if (bytes.size() > kMaxHeadBytes) return malformed("the request head is longer than 256 KiB", 431);
  RawHead head;
  bool first = true;
  while (true) {
    const std::size_t end = bytes.find_first_of("\r\n"sv);
    if (end == std::string_view::npos || bytes[end] != '\r' || end + 1 >= bytes.size() || bytes[end + 1] != '\n') {
      return malformed("lines of a request head must end with CR LF");
    }
    const std::string_view line = bytes.substr(0, end);
    bytes.remove_prefix(end + 2);
    if (line.empty() && !first) break;
    if (auto denial = first ? parseRequestLine(line, head) : parseField(line, head)) {
      return std::unexpected<Denial>(std::move(*denial));
    }
    first = false;
  }
  if (!bytes.empty()) return malformed("bytes after the end of the request head");
  if (head.find("Host") == nullptr) return malformed("a request needs a Host header");
  if (auto denial = readFraming(head)) return std::unexpected<Denial>(std::move(*denial));
  readConnection(head);
  return head;
}

}  // namespace ds01::gateway
