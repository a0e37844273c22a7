#include "buildkit/grpc.h"

#include <cstdint>

namespace ds01::buildkit {

namespace {

constexpr std::size_t kPrefix = 5;  // a flag, and the length in network order
constexpr std::string_view kHex = "0123456789ABCDEF";

}  // namespace

Result<std::string> oneMessage(std::string_view body) {
  if (body.size() < kPrefix) return fail(ErrorCode::Malformed, "a gRPC call without a message");
  if (body.front() != '\0') return fail(ErrorCode::Malformed, "a compressed gRPC message");
  std::size_t length = 0;
  for (std::size_t i = 1; i < kPrefix; ++i) length = length << 8U | static_cast<std::uint8_t>(body[i]);
  if (length != body.size() - kPrefix) return fail(ErrorCode::Malformed, "not one whole gRPC message");
  return std::string(body.substr(kPrefix));
}

std::string framed(std::string_view message) {
  std::string out(1, '\0');
  for (unsigned shift = 32; shift > 0;) {
    shift -= 8;
    out += static_cast<char>(message.size() >> shift & 0xFFU);
  }
  out += message;
  return out;
}

std::string percentEncoded(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c >= ' ' && c <= '~' && c != '%') {
      out += c;
      continue;
    }
    const auto byte = static_cast<std::uint8_t>(c);
    out += '%';
    out += kHex[byte >> 4U];
    out += kHex[byte & 0xFU];
  }
  return out;
}

}  // namespace ds01::buildkit
