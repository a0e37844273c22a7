// What this host says of its GPUs: NVIDIA's own CDI description and the device files. All calls block on the disk.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include "base/result.h"

namespace ds01::cdi {

// Of `paths`, those that are character devices.
std::vector<std::string> existingNodes(const std::vector<std::string>& paths);

// The description of the kind nvidia.com/gpu (`nvidia-ctk cdi generate`, YAML or JSON) in these directories; of several
// the one in the last directory that has one, as the Engine would weigh them. Unset: there is none. Files that others
// than root may change are not believed and are errors, as are those that cannot be understood. Bounded: 1 MiB a file,
// 64 files that are not ours a directory.
Result<std::optional<boost::json::object>> vendorDescription(const std::vector<std::string>& directories);

// YAML (JSON is YAML too) by the rules of its core schema. Malformed where that and JSON could differ in what they
// mean: numbers in other forms than decimal, keys that are no texts or stand twice. `file` is for messages.
Result<boost::json::value> yamlToJson(std::string_view text, const std::string& file);

}  // namespace ds01::cdi
