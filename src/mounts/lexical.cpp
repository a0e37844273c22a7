#include "mounts/lexical.h"

#include <algorithm>

#include <fmt/format.h>

namespace ds01::mounts {

Result<std::string> normalise(std::string_view path) {
  if (path.empty() || path.front() != '/' || path.find('\0') != std::string_view::npos) {
    return fail(ErrorCode::InvalidArgument, "a path to be mounted must be absolute");
  }
  std::string out;
  while (!path.empty()) {
    path.remove_prefix(1);
    const std::string_view part = path.substr(0, path.find('/'));
    path.remove_prefix(part.size());
    if (part.empty() || part == ".") continue;
    if (part == "..") {
      return fail(ErrorCode::PermissionDenied, "a path to be mounted must not contain \"..\"; write it out");
    }
    out += '/';
    out += part;
  }
  return out.empty() ? std::string("/") : out;
}

bool isWithin(std::string_view top, std::string_view path) {
  if (top.size() < 2 || !path.starts_with(top)) return false;
  return path.size() == top.size() || path[top.size()] == '/';
}

Error notBelowRoot(std::string_view source, const Roots& roots, std::string_view home) {
  std::string tops = roots.home ? fmt::format("your home directory {}", home) : "";
  for (const std::string& directory : roots.directories) {
    if (!tops.empty()) tops += &directory == &roots.directories.back() ? " or " : ", ";
    tops += directory;
  }
  return {ErrorCode::PermissionDenied,
          fmt::format("{} cannot be mounted: only what is below {} can, also after following links", source,
                      tops.empty() ? "no directory" : tops)};
}

Result<std::string> lexicalBind(const Roots& roots, std::string_view home, std::string_view source) {
  auto path = normalise(source);
  if (!path) return path;
  const auto within = [&path](const std::string& directory) { return isWithin(directory, *path); };
  if (std::ranges::any_of(roots.directories, within)) return path;
  const auto top = normalise(home);
  const bool homeless = !top || *top == "/";
  if (roots.home && homeless && roots.directories.empty()) {
    return fail(ErrorCode::PermissionDenied, "your login has no home directory, so no directory can be mounted");
  }
  if (!roots.home || homeless || !isWithin(*top, *path)) {
    return fail(notBelowRoot(*path, {.home = roots.home && !homeless, .directories = roots.directories},
                             homeless ? home : *top));
  }
  return path;
}

}  // namespace ds01::mounts
