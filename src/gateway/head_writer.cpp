#include "gateway/head_writer.h"

#include <algorithm>
#include <array>
#include <span>

#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <fmt/format.h>

namespace ds01::gateway {

namespace {

using namespace std::string_view_literals;

constexpr std::array kForwarded = {"User-Agent"sv, "Content-Type"sv, "X-Registry-Auth"sv, "X-Registry-Config"sv};
constexpr std::array kWebSocket = {"Origin"sv, "Sec-WebSocket-Key"sv, "Sec-WebSocket-Version"sv,
                                   "Sec-WebSocket-Protocol"sv, "Sec-WebSocket-Extensions"sv};
constexpr std::array kHopByHop = {"Connection"sv,        "Keep-Alive"sv, "Proxy-Authenticate"sv,
                                  "Proxy-Connection"sv,  "TE"sv,         "Trailer"sv,
                                  "Transfer-Encoding"sv, "Upgrade"sv,    "Content-Length"sv};

bool contains(std::span<const std::string_view> names, std::string_view name) {
  return std::ranges::any_of(names, [&](std::string_view n) { return equalsFolded(n, name); });
}

void add(std::string& out, std::string_view name, std::string_view value) {
  out += name;
  out += ": ";
  out += value;
  out += "\r\n";
}

std::string_view reasonOf(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 400:
      return "Bad Request";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 408:
      return "Request Timeout";
    case 409:
      return "Conflict";
    case 413:
      return "Content Too Large";
    case 417:
      return "Expectation Failed";
    case 431:
      return "Request Header Fields Too Large";
    case 502:
      return "Bad Gateway";
    case 503:
      return "Service Unavailable";
    case 505:
      return "HTTP Version Not Supported";
    default:
      return status < 500 ? "Refused" : "Error";
  }
}

std::string startOf(const ResponseHead& response) {
  std::string out = fmt::format("HTTP/1.1 {} {}\r\n", response.status, response.reason);
  for (const HeaderField& field : response.fields) {
    if (!contains(kHopByHop, field.name)) add(out, field.name, field.value);
  }
  return out;
}

}  // namespace

std::string requestHead(const Outgoing& request, const RawHead& client, const OwnHeaders& own) {
  std::string out;
  out.reserve(512);
  out += request.method;
  out += " ";
  out += request.target;
  out += " HTTP/1.1\r\nHost: docker\r\n";
  for (const HeaderField& field : client.fields) {
    if (request.body && equalsFolded(field.name, "Content-Type")) continue;
    if (equalsFolded(field.name, request.instead.name)) continue;
    if (std::ranges::any_of(own, [&](const OwnHeader& o) { return equalsFolded(o.name, field.name); })) continue;
    const bool docker = field.name.size() > 9 && equalsFolded(std::string_view(field.name).substr(0, 9), "X-Docker-");
    const bool accept = request.keep_accept && equalsFolded(field.name, "Accept");
    const bool socket = request.upgrade == "websocket" && contains(kWebSocket, field.name);
    if (docker || accept || socket || contains(kForwarded, field.name)) add(out, field.name, field.value);
  }
  if (!request.instead.name.empty()) add(out, request.instead.name, request.instead.value);
  for (const OwnHeader& header : own) add(out, header.name, header.value);
  if (!request.upgrade.empty()) {
    add(out, "Connection", "Upgrade");
    add(out, "Upgrade", request.upgrade);
  }
  if (request.body) {
    add(out, "Content-Type", "application/json");
    add(out, "Content-Length", std::to_string(request.body->size()));
  } else if (request.stream_body && client.chunked) {
    add(out, "Transfer-Encoding", "chunked");
  } else if (request.stream_body && client.content_length) {
    add(out, "Content-Length", std::to_string(*client.content_length));
  } else if (request.method == "POST" || request.method == "PUT") {
    add(out, "Content-Length", "0");
  }
  out += "\r\n";
  return out;
}

std::string responseHead(const ResponseHead& response, Framing framing, bool close) {
  std::string out = startOf(response);
  if (framing == Framing::Upgrade) {
    if (const std::string* protocol = response.find("Upgrade")) {
      add(out, "Connection", "Upgrade");
      add(out, "Upgrade", *protocol);
    }
    out += "\r\n";
    return out;
  }
  if (framing == Framing::Chunked) {
    add(out, "Transfer-Encoding", "chunked");
  } else if (const std::string* length = response.find("Content-Length"); length != nullptr && response.status != 204) {
    add(out, "Content-Length", *length);
  }
  if (close) add(out, "Connection", "close");
  out += "\r\n";
  return out;
}

std::string responseHeadFor(const ResponseHead& response, std::size_t body_bytes, bool close) {
  std::string out = startOf(response);
  if (response.has_body) add(out, "Content-Length", std::to_string(body_bytes));
  if (close) add(out, "Connection", "close");
  out += "\r\n";
  return out;
}

std::string messageJson(std::string_view message) {
  return boost::json::serialize(boost::json::value{{"message", message}}) + "\n";
}

std::string ownResponse(int status, std::string_view json, bool close, bool without_body) {
  std::string out = fmt::format("HTTP/1.1 {} {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n", status,
                                reasonOf(status), json.size());
  if (close) add(out, "Connection", "close");
  out += "\r\n";
  if (!without_body) out += json;
  return out;
}

}  // namespace ds01::gateway
