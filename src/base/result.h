// Result<T>: a value or an Error. Failures come back as values; exceptions stay inside the folder that wraps a
// throwing library, and in main.
#pragma once

#include <expected>
#include <string>
#include <utility>

#include "base/error.h"

namespace ds01 {

template <typename T>
using Result = std::expected<T, Error>;

using Status = Result<void>;

inline std::unexpected<Error> fail(ErrorCode code, std::string message) {
  return std::unexpected<Error>(Error(code, std::move(message)));
}

inline std::unexpected<Error> fail(Error error) {
  return std::unexpected<Error>(std::move(error));
}

}  // namespace ds01
