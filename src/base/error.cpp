#include "base/error.h"

#include <cerrno>
#include <system_error>

#include <fmt/format.h>

namespace ds01 {

std::string_view toString(ErrorCode code) {
  switch (code) {
    case ErrorCode::InvalidArgument:
      return "invalid argument";
    case ErrorCode::NotFound:
      return "not found";
    case ErrorCode::PermissionDenied:
      return "permission denied";
    case ErrorCode::Conflict:
      return "conflict";
    case ErrorCode::Unavailable:
      return "unavailable";
    case ErrorCode::Timeout:
      return "timeout";
    case ErrorCode::Exhausted:
      return "exhausted";
    case ErrorCode::Io:
      return "i/o";
    case ErrorCode::Malformed:
      return "malformed";
    case ErrorCode::Internal:
      return "internal";
  }
  return "unknown";
}

Error Error::fromErrno(int errno_value, std::string_view what) {
  ErrorCode code = ErrorCode::Io;
  switch (errno_value) {
    case ENOENT:
      code = ErrorCode::NotFound;
      break;
    case EACCES:
    case EPERM:
      code = ErrorCode::PermissionDenied;
      break;
    case ECONNREFUSED:
    case EPIPE:
    case ECONNRESET:
      code = ErrorCode::Unavailable;
      break;
    case ETIMEDOUT:
      code = ErrorCode::Timeout;
      break;
    default:
      break;
  }
  return {code, fmt::format("{}: {}", what, std::generic_category().message(errno_value))};
}

Error Error::context(std::string_view outer) const {
  return {code_, fmt::format("{}: {}", outer, message_)};
}

}  // namespace ds01
