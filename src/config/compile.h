// From parsed files to a Config: the checks of each key (check.h), then those that need several keys or files. All that
// is wrong is said at once.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "config/config.h"
#include "config/diagnostic.h"
#include "config/node.h"

namespace ds01::config {

struct YamlFile {
  std::string name;  // for messages
  Node root;
};

struct ListFile {
  std::string name;   // for messages
  std::string group;  // of a members file
  std::string text;
};

// The files of a site that are there. One that is there and could not be read or parsed is missing here as well; its
// error is the reader's, who must then throw the Config away.
struct Sources {
  std::optional<YamlFile> limits;           // resource-limits.yaml; without it no Config comes out
  std::optional<YamlFile> user_overrides;   // user-overrides.yaml
  std::optional<YamlFile> exemptions;       // lifecycle-exemptions.yaml
  std::optional<YamlFile> daemon;           // ds01d.yaml
  std::optional<ListFile> group_overrides;  // group-overrides.txt
  std::vector<ListFile> members;            // groups/*.members
};

struct Compiled {
  std::optional<Config> config;  // unset if there is any error
  std::vector<Diagnostic> diagnostics;
};

Compiled compile(const Sources& sources);

}  // namespace ds01::config
