// The request target in one canonical form: decoded once, checked, and written anew by us, so that the Engine cannot
// read it differently.
#pragma once

#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/denial.h"
#include "model/engine.h"

namespace ds01::gateway {

struct QueryItem {
  std::string key;
  std::string value;
};

struct Target {
  std::optional<ApiVersion> version;  // the /v1.41 in front
  std::vector<std::string> segments;  // decoded; never empty, "." or "..", without '/' and control characters
  std::vector<QueryItem> query;       // decoded, in order; a key comes twice only if the API defines it as a list

  const std::string* get(std::string_view key) const;
  bool truthy(std::string_view key) const;  // as the Engine reads booleans: all but "", 0, no, false, none
  void set(std::string_view key, std::string value);
  void erase(std::string_view key);
  std::string path() const;  // without the version, for messages
};

// Refuses (400): invalid or superfluous escapes of '/', NUL and control characters, dot segments, empty segments, ';'
// in the query, repeated keys, malformed API versions.
std::expected<Target, Denial> parseTarget(std::string_view raw);

// Percent-encodes all but what cannot be misread.
std::string serialise(const Target& target);

}  // namespace ds01::gateway
