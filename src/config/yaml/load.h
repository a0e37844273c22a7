// Reads a site's configuration directory.
#pragma once

#include <filesystem>
#include <optional>
#include <vector>

#include "config/config.h"
#include "config/diagnostic.h"

namespace ds01::config::yaml {

struct Loaded {
  std::optional<Config> config;  // unset if there is any error
  std::vector<Diagnostic> diagnostics;
};

// From `dir`: resource-limits.yaml (must be there), user-overrides.yaml, group-overrides.txt,
// lifecycle-exemptions.yaml, ds01d.yaml and groups/*.members. A file that is there and cannot be read is an error.
// Blocks on the disk.
Loaded load(const std::filesystem::path& dir);

}  // namespace ds01::config::yaml
