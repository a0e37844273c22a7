#include "daemon/mount_roots.h"

#include <algorithm>
#include <system_error>

#include <fmt/format.h>

namespace ds01::daemon {
namespace {

namespace fs = std::filesystem;

bool isWithin(const fs::path& top, const fs::path& path) {
  return std::ranges::mismatch(top, path).in1 == top.end();
}

// As far as it exists.
fs::path realPath(const fs::path& path) {
  std::error_code error;
  fs::path real = fs::weakly_canonical(path, error);
  if (error) return path;
  return real.has_filename() ? real : real.parent_path();
}

}  // namespace

std::vector<config::Diagnostic> checkMountRoots(const std::vector<std::string>& roots, const std::vector<fs::path>& own,
                                                const std::string& file) {
  std::vector<config::Diagnostic> found;
  const auto say = [&](config::Severity severity, std::string message) {
    found.push_back({.severity = severity, .file = file, .key = "mounts.roots", .message = std::move(message)});
  };
  for (const std::string& root : roots) {
    std::error_code error;
    const fs::path real = fs::canonical(root, error);
    if (error || !fs::is_directory(real, error)) {
      say(config::Severity::Warning,
          fmt::format("{} is not a directory that is there; nothing can be mounted from it", root));
      continue;
    }
    if (real != fs::path(root)) {
      say(config::Severity::Error, fmt::format("{} is reached through a link; write {}", root, real.native()));
      continue;
    }
    const auto mine = std::ranges::find_if(own, [&](const fs::path& directory) {
      const fs::path where = realPath(directory);
      return isWithin(real, where) || isWithin(where, real);
    });
    if (mine == own.end()) continue;
    say(config::Severity::Error,
        fmt::format("{} and {}, which ds01d itself uses, must not lie one in the other", root, mine->native()));
  }
  return found;
}

}  // namespace ds01::daemon
