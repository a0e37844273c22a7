// An error is a value: a code for the machine and a sentence for the reader, with the outer context first
// ("load members of group student: /etc/ds01/groups/student.members: permission denied").
#pragma once

#include <string>
#include <string_view>

namespace ds01 {

enum class ErrorCode {
  InvalidArgument,  // the input is wrong; asking again does not help
  NotFound,
  PermissionDenied,
  Conflict,     // the state of things forbids it now
  Unavailable,  // a part that is needed does not answer; asking later may help
  Timeout,
  Exhausted,  // a limit of ours is reached; asking later may help
  Io,         // the operating system refused; the message ends with its reason
  Malformed,  // a peer or a file broke its format
  Internal,   // an invariant of ours is broken
};

std::string_view toString(ErrorCode code);

class [[nodiscard]] Error {
 public:
  Error(ErrorCode code, std::string message) : code_(code), message_(std::move(message)) {}

  // The last failed system call: `errno_value` becomes the end of the sentence, its kind the code.
  static Error fromErrno(int errno_value, std::string_view what);

  ErrorCode code() const { return code_; }
  const std::string& message() const { return message_; }

  // The same error seen from one level further out: "outer: inner".
  Error context(std::string_view outer) const;

 private:
  ErrorCode code_;
  std::string message_;
};

}  // namespace ds01
