// A request head from raw bytes to what the Engine gets: whatever is accepted has one reading, and what we send on has
// the same.
#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "fuzz/property.h"
#include "gateway/build_query.h"
#include "gateway/docker_filters.h"
#include "gateway/head_writer.h"
#include "gateway/raw_head.h"
#include "gateway/route.h"
#include "gateway/session_query.h"
#include "gateway/target.h"

namespace ds01::gateway {
namespace {

using fuzz::require;

// As http_link reads: the bytes come in pieces, and a search goes on three bytes before the end of what was seen.
std::size_t headEndInPieces(std::string_view bytes, std::size_t piece) {
  std::size_t searched = 0;
  for (std::size_t have = std::min(piece, bytes.size());; have = std::min(have + piece, bytes.size())) {
    const std::size_t end = headEnd(bytes.substr(0, have), searched);
    if (end != std::string_view::npos || have == bytes.size()) return end;
    searched = have > 3 ? have - 3 : 0;
  }
}

std::size_t count(const RawHead& head, std::string_view name) {
  return static_cast<std::size_t>(
      std::ranges::count_if(head.fields, [&](const HeaderField& field) { return equalsFolded(field.name, name); }));
}

std::string asSent(const RawHead& head) {
  std::string out = head.method + " " + head.target + " HTTP/1.1\r\n";
  for (const HeaderField& field : head.fields) out.append(field.name).append(": ").append(field.value).append("\r\n");
  return out + "\r\n";
}

bool sameFields(const RawHead& a, const RawHead& b) {
  return std::ranges::equal(a.fields, b.fields, [](const HeaderField& x, const HeaderField& y) {
    return x.name == y.name && x.value == y.value;
  });
}

bool sameMeaning(const RawHead& a, const RawHead& b) {
  return a.method == b.method && a.target == b.target && a.chunked == b.chunked &&
         a.content_length == b.content_length && a.expect_continue == b.expect_continue && a.close == b.close &&
         a.upgrade == b.upgrade && sameFields(a, b);
}

void checkHead(const RawHead& head) {
  require(!(head.chunked && head.content_length), "no accepted head has Content-Length and Transfer-Encoding");
  require(head.chunked == (count(head, "Transfer-Encoding") == 1), "Transfer-Encoding is seen");
  require(head.content_length.has_value() == (count(head, "Content-Length") == 1), "Content-Length is seen");
  for (const std::string_view name : {"Host", "Content-Length", "Transfer-Encoding", "Content-Type", "Upgrade"}) {
    require(count(head, name) <= 1, "a field that decides comes once", name);
  }
  require(count(head, "Host") == 1, "Host is there");
  for (const HeaderField& field : head.fields) {
    require(field.name.find_first_of(" \t\r\n:") == std::string::npos && !field.name.empty(), "names are tokens");
    require(field.value.find_first_of(std::string_view("\r\n\0", 3)) == std::string::npos, "values are one line");
  }
  const auto again = parseHead(asSent(head));
  require(again.has_value(), "an accepted head is accepted as we write it", asSent(head));
  require(sameMeaning(head, *again), "a head means the same as we write it", asSent(head));
}

bool sameQuery(const Target& a, const Target& b) {
  return std::ranges::equal(
      a.query, b.query, [](const QueryItem& x, const QueryItem& y) { return x.key == y.key && x.value == y.value; });
}

void checkTarget(const RawHead& head, const Target& target) {
  const std::string written = serialise(target);
  const auto plain = [](char c) { return c > 0x20 && c < 0x7f && c != '#' && c != ';' && c != '\\' && c != '"'; };
  require(written.starts_with('/') && std::ranges::all_of(written, plain), "a target is plain ASCII", written);
  const std::string_view path = std::string_view(written).substr(0, written.find('?'));
  require(path.find("//") == std::string_view::npos && path.find("/./") == std::string_view::npos &&
              path.find("/../") == std::string_view::npos && !path.ends_with("/.") && !path.ends_with("/.."),
          "a path has one reading", written);
  require(path.find("%2F") == std::string_view::npos && path.find("%2f") == std::string_view::npos,
          "a path has no encoded slash", written);
  const auto again = parseTarget(written);
  require(again.has_value(), "a target is accepted as we write it", written);
  require(again->version == target.version && again->segments == target.segments && sameQuery(*again, target),
          "a target means the same as we write it", written);
  require(serialise(*again) == written, "canonicalising twice changes nothing", written);

  const auto route = matchRoute(head.method, target);
  const auto route_again = matchRoute(head.method, *again);
  require(route.has_value() == route_again.has_value() && (!route || route->route == route_again->route),
          "the same route is found", written);
  if (route && route->name_count > 0) {
    require(route->name_at + route->name_count <= target.segments.size(), "the name is in the path", written);
  }
}

// The forwarded head, with the client's framing or with a body of ours.
void checkForwarded(const RawHead& head, const Target& target, bool own_body) {
  Outgoing out;
  out.method = head.method;
  out.target = serialise(target);
  out.stream_body = !own_body && head.hasBody();
  if (own_body) out.body = "{}";
  const std::string written = requestHead(out, head);
  require(headEnd(written, 0) == written.size(), "what is sent on is one head", written);
  const auto sent = parseHead(written);
  require(sent.has_value(), "what is sent on would be accepted", written);
  require(sent->method == head.method && sent->target == out.target, "what is sent on asks the same", written);
  require(sent->chunked == (out.stream_body && head.chunked), "the framing is the body's", written);
  if (own_body) {
    require(sent->content_length == 2, "a body of ours has its length", written);
  } else if (out.stream_body && !head.chunked) {
    require(sent->content_length == head.content_length, "the length is the body's", written);
  } else {
    require(sent->content_length.value_or(0) == 0, "no body has no length", written);
  }
  require(sent->upgrade.empty() && !sent->expect_continue && !sent->close, "nothing of one connection goes on",
          written);
  for (const std::string_view name :
       {"Authorization", "Cookie", "TE", "Trailer", "Connection", "X-Forwarded-For", "X-Ds01-Ticket"}) {
    require(sent->find(name) == nullptr, "only what is on the list goes on", written);
  }
}

void checkFilters(const Target& target) {
  const std::string* text = target.get("filters");
  if (text == nullptr) return;
  const auto filters = parseFilters(*text);
  if (!filters) return;
  const std::string written = serialise(*filters);
  const auto again = parseFilters(written);
  require(again.has_value() && serialise(*again) == written, "filters mean the same as we write them", written);
}

void checkBuild(const Target& target) {
  if (checkBuildQuery(target, "runc")) return;
  for (const std::string_view key : {"securityopt", "cgroupparent"}) {
    const std::string* value = target.get(key);
    require(value == nullptr || value->empty(), "a build's options are closed", key);
  }
  const std::string* mode = target.get("networkmode");
  require(mode == nullptr || (*mode != "host" && !mode->starts_with("container:")), "a build has a network of its own");
}

// What we ask BuildKit for.
void checkSessionBuild(const Target& target) {
  const auto query = readSessionQuery(target);
  if (!query) {
    require(!query.error().text.empty() && query.error().http_status / 100 == 4, "a refusal has a sentence");
    return;
  }
  const buildkit::SolveRequest& request = query->request;
  require(request.frontend == "dockerfile.v0" && !request.own_llb && request.entitlements.empty(),
          "a build is a Dockerfile's");
  for (const auto& [key, value] : request.options) {
    require(key != "cmdline" && key != "source" && key != "context" && key != "cgroup-parent", "options are known",
            key);
    require(key != "force-network-mode" || value == "none", "a build has a network of its own");
  }
  const auto again = buildkit::readSolve(buildkit::writeSolve(request));
  require(again.has_value() && again->options == request.options && again->rest == request.rest,
          "a build means the same as we write it");
}

void take(std::string_view bytes) {
  const std::size_t end = headEnd(bytes, 0);
  for (const std::size_t piece : std::array<std::size_t, 2>{1, 7}) {
    if (bytes.size() < 4096) require(headEndInPieces(bytes, piece) == end, "pieces make no difference");
  }
  if (end == std::string_view::npos) return;
  const auto head = parseHead(bytes.substr(0, end));
  if (!head) {
    require(head.error().http_status >= 400 && head.error().http_status < 506, "a refusal has a status");
    require(!head.error().text.empty(), "a refusal has a sentence");
    return;
  }
  checkHead(*head);
  const auto target = parseTarget(head->target);
  if (!target) return;
  checkTarget(*head, *target);
  checkForwarded(*head, *target, false);
  checkForwarded(*head, *target, true);
  checkFilters(*target);
  checkBuild(*target);
  checkSessionBuild(*target);
}

}  // namespace
}  // namespace ds01::gateway

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  ds01::gateway::take(ds01::fuzz::asText(data, size));
  return 0;
}
