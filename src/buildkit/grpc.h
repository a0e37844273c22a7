// gRPC as far as calls are looked at: https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace ds01::buildkit {

// The most that is read of a message that is looked at.
inline constexpr std::size_t kMaxMessage = 4UL * 1024 * 1024;

// https://grpc.github.io/grpc/core/md_doc_statuscodes.html
enum class GrpcCode {
  Ok = 0,
  InvalidArgument = 3,
  PermissionDenied = 7,
  ResourceExhausted = 8,
  Internal = 13,
  Unimplemented = 12,
  Unavailable = 14,
};

// What a caller is told instead of an answer.
struct Refusal {
  GrpcCode code = GrpcCode::PermissionDenied;
  std::string text;
};

// The message of a call that has one. Malformed: none, several, a part of one, or a compressed one.
Result<std::string> oneMessage(std::string_view body);

// Takes what comes apart into messages.
class Messages {
 public:
  explicit Messages(std::size_t longest) : longest_(longest) {}
  void add(std::string_view piece) { held_ += piece; }
  // Unset: its end has not come. Malformed: it is compressed; Exhausted: it is longer than that.
  Result<std::optional<std::string>> next();

 private:
  std::size_t longest_;
  std::size_t at_ = 0;
  std::string held_;
};

// With its prefix, as it goes on the wire.
std::string framed(std::string_view message);

// A text for the header grpc-message.
std::string percentEncoded(std::string_view text);

}  // namespace ds01::buildkit
