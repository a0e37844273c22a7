// The head of an answer of the Engine's, as its HTTP parser read it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/raw_head.h"

namespace ds01::gateway {

struct ResponseHead {
  int status = 0;
  std::string reason;
  std::vector<HeaderField> fields;
  bool keep_alive = false;
  bool until_close = false;             // the body ends with the connection
  std::optional<std::uint64_t> length;  // Content-Length
  bool has_body = true;                 // false: HEAD, 1xx, 204, 304
  const std::string* find(std::string_view name) const;
};

}  // namespace ds01::gateway
