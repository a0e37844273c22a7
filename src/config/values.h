// From a scalar as written to a value with its unit. The error is the end of a sentence for the administrator: what was
// expected, and what stands there.
#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <variant>

#include "base/clock.h"
#include "base/units.h"
#include "config/keys.h"
#include "config/node.h"

namespace ds01::config {

struct Unlimited {};

using Scalar = std::variant<Unlimited, bool, std::int64_t, double, GpuEq, CpuMillis, Bytes, std::chrono::seconds,
                            TimePoint, std::string>;

// `node` must be a scalar or null and `match.key` of a scalar type. The alternative that comes back is the one that
// ValueType names, or Unlimited where the key is nullable.
std::expected<Scalar, std::string> parseScalar(const KeyMatch& match, const Node& node);

// Absolute, without empty, "." and ".." parts, control characters and a slash at the end (but for "/" itself).
bool isCleanPath(std::string_view path);

// What a key of this type wants: "a size such as 32g or 86G, in units of 1024".
std::string expectation(const KeyMatch& match);

// How a node is named in a message: "a list", "the text \"abc\"", "nothing".
std::string describe(const Node& node);

}  // namespace ds01::config
