// The one-line form of a mount in HostConfig.Binds, "[SOURCE:]TARGET[:OPTIONS]", as moby's
// volume/mounts/linux_parser.go reads it, and the names and paths in it.
#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "model/denial.h"

namespace ds01::admission {

struct BindSpec {
  enum class Kind {
    HostPath,   // the source begins with a slash
    Named,      // the source is the name of a volume
    Anonymous,  // there is only a target
  };
  Kind kind = Kind::Anonymous;
  std::string source;
  std::string target;
  std::vector<std::string> options;

  bool has(std::string_view option) const;
};

// A 400 with Docker's reason if Docker would not take it.
std::expected<BindSpec, Denial> parseBind(std::string_view text);

// Docker's rule for volume names: two characters or more, [a-zA-Z0-9][a-zA-Z0-9_.-]+.
bool validVolumeName(std::string_view name);

// Absolute, without "." and "..", double or trailing slashes; a relative path is taken from the root. Lexical, as
// Docker does it for mount targets.
std::string cleanPath(std::string_view path);

// True for `directory` itself and everything below. Both must be clean.
bool atOrBelow(std::string_view path, std::string_view directory);

}  // namespace ds01::admission
