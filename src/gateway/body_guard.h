// What looks at a request body while it is streamed to the Engine.
#pragma once

#include <optional>
#include <string_view>

#include "model/denial.h"

namespace ds01::gateway {

// Looks at a streamed request body before it goes on; bounded memory.
class BodyGuard {
 public:
  BodyGuard() = default;
  BodyGuard(const BodyGuard&) = delete;
  BodyGuard& operator=(const BodyGuard&) = delete;
  virtual ~BodyGuard() = default;
  // A denial ends the request: `piece` and what follows do not go on.
  virtual std::optional<Denial> feed(std::string_view piece) = 0;
};

}  // namespace ds01::gateway
