#include "mounts/lexical.h"

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

Error notBelowHome(std::string_view source, std::string_view home) {
  return {ErrorCode::PermissionDenied,
          fmt::format("{} cannot be mounted: only what is below your home directory {} can, also after following links",
                      source, home)};
}

Result<std::string> lexicalBind(std::string_view home, std::string_view source) {
  auto path = normalise(source);
  if (!path) return path;
  const auto top = normalise(home);
  if (!top || *top == "/") {
    return fail(ErrorCode::PermissionDenied, "your login has no home directory, so no directory can be mounted");
  }
  if (!isWithin(*top, *path)) return fail(notBelowHome(*path, *top));
  return path;
}

}  // namespace ds01::mounts
