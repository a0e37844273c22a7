#include "buildkit/http2/call.h"

#include <algorithm>
#include <array>

#include "buildkit/control.h"

namespace ds01::buildkit {

std::string valueOf(const Headers& headers, std::string_view name) {
  std::string value;
  for (const auto& [key, text] : headers) {
    if (key != name) continue;
    if (!value.empty()) value += ", ";
    value += text;
  }
  return value;
}

namespace {

Headers ownHeaders(const std::string& path) {
  return {{":method", "POST"},
          {":scheme", "http"},
          {":path", path},
          {":authority", "localhost"},
          {"content-type", "application/grpc"},
          {"te", "trailers"}};
}

}  // namespace

Headers Calls::headersFor(const CallHead& head, Handling handling) const {
  return requestHeaders(head, handling);
}

Headers Calls::answerHeadersFor(const Headers& headers) const {
  return answerHeaders(headers);
}

Headers engineHeaders(const CallHead& head) {
  static constexpr std::array<std::string_view, 4> kOurs{"content-type", "te", "grpc-accept-encoding",
                                                         "content-length"};
  Headers out = ownHeaders(head.path);
  for (const auto& header : head.headers) {
    const bool ours = std::ranges::find(kOurs, header.first) != kOurs.end();
    if (!ours && !header.first.starts_with(':')) out.push_back(header);
  }
  return out;
}

Headers requestHeaders(const CallHead& head, Handling handling) {
  static constexpr std::array<std::string_view, 7> kCopied{
      "user-agent", "grpc-accept-encoding", kBuildHeader, "traceparent", "tracestate", "baggage", "x-request-id"};
  // A message that was looked at is sent as it is, and its work is not ended by a clock of the client's.
  static constexpr std::array<std::string_view, 2> kOfPassed{"grpc-encoding", "grpc-timeout"};
  Headers out = ownHeaders(head.path);
  for (const auto& header : head.headers) {
    const bool copied = std::ranges::find(kCopied, header.first) != kCopied.end();
    const bool passed = std::ranges::find(kOfPassed, header.first) != kOfPassed.end();
    if (copied || (passed && handling == Handling::Pass)) out.push_back(header);
  }
  return out;
}

Headers answerHeaders(const Headers& headers) {
  Headers out;
  for (const auto& header : headers) {
    if (header.first == ":status" || !header.first.starts_with(':')) out.push_back(header);
  }
  return out;
}

Headers refusalHeaders(const Refusal& refusal) {
  Headers out{{":status", "200"}, {"content-type", "application/grpc"}};
  for (auto& header : refusalTrailers(refusal)) out.push_back(std::move(header));
  return out;
}

Headers refusalTrailers(const Refusal& refusal) {
  return {{"grpc-status", std::to_string(static_cast<int>(refusal.code))},
          {"grpc-message", percentEncoded(refusal.text)}};
}

}  // namespace ds01::buildkit
