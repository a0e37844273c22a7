#include "buildkit/grpc.h"

#include <cstdint>

#include <fmt/format.h>

namespace ds01::buildkit {

namespace {

constexpr std::size_t kPrefix = 5;  // a flag, and the length in network order
constexpr std::string_view kHex = "0123456789ABCDEF";

std::size_t lengthIn(std::string_view prefix) {
  std::size_t length = 0;
  for (std::size_t i = 1; i < kPrefix; ++i) length = length << 8U | static_cast<std::uint8_t>(prefix[i]);
  return length;
}

}  // namespace

Result<std::string> oneMessage(std::string_view body) {
  if (body.size() < kPrefix) return fail(ErrorCode::Malformed, "a gRPC call without a message");
  if (body.front() != '\0') return fail(ErrorCode::Malformed, "a compressed gRPC message");
  if (lengthIn(body) != body.size() - kPrefix) return fail(ErrorCode::Malformed, "not one whole gRPC message");
  return std::string(body.substr(kPrefix));
}

Result<std::optional<std::string>> Messages::next() {
  const std::string_view rest = std::string_view(held_).substr(at_);
  if (rest.size() >= kPrefix) {
    if (rest.front() != '\0') return fail(ErrorCode::Malformed, "a compressed gRPC message");
    const std::size_t length = lengthIn(rest);
    if (length > longest_) {
      return fail(ErrorCode::Exhausted, fmt::format("a gRPC message of more than {} KiB", longest_ / 1024));
    }
    if (rest.size() >= kPrefix + length) {
      at_ += kPrefix + length;
      return std::string(rest.substr(kPrefix, length));
    }
  }
  held_.erase(0, at_);
  at_ = 0;
  return std::nullopt;
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
