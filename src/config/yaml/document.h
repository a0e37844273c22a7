// Reads one YAML file into a tree. The only place that knows the YAML library; its laxities end here: what it lets pass
// in silence and a reader could take for something else is an error.
#pragma once

#include <expected>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "config/diagnostic.h"
#include "config/node.h"

namespace ds01::config::yaml {

// A configuration file beyond this size is not one.
inline constexpr std::size_t kLargestFile = 1 << 20;

// The text of a regular file of at most kLargestFile bytes; unset if there is none of this name. A link to nothing, a
// directory, a device or a file that may not be read is an error.
Result<std::optional<std::string>> readFile(const std::filesystem::path& path);

// One YAML document, an empty one as null. Refused, each with its place: anchors, aliases and tags (a merge key or a
// billion laughs among them), a second document, nesting over 32, control characters, more than 50,000 values.
// `file` is for messages.
std::expected<Node, Diagnostic> parse(std::string_view text, const std::string& file);

}  // namespace ds01::config::yaml
