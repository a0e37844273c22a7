#include "admission/mount_spec.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "admission/json_access.h"

namespace ds01::admission {
namespace {

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  for (;;) {
    const std::size_t end = text.find(separator);
    parts.emplace_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

// Docker takes at most one option of each group.
constexpr std::array<std::array<std::string_view, 6>, 5> kOptionGroups{{
    {"ro", "rw"},
    {"z", "Z"},
    {"private", "rprivate", "slave", "rslave", "shared", "rshared"},
    {"nocopy"},
    {"consistent", "cached", "delegated"},
}};

bool validOptions(const std::vector<std::string>& options) {
  std::array<int, kOptionGroups.size()> used{};
  for (const std::string& option : options) {
    const auto group = std::ranges::find_if(kOptionGroups, [&option](const auto& names) {
      return !option.empty() && std::ranges::find(names, option) != names.end();
    });
    if (group == kOptionGroups.end()) return false;
    if (++used.at(static_cast<std::size_t>(group - kOptionGroups.begin())) > 1) return false;
  }
  return true;
}

bool alphanumeric(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

std::unexpected<Denial> badSpec(std::string_view text) {
  return std::unexpected(malformed("bind_syntax", fmt::format("invalid volume specification {} (-v, HostConfig.Binds); "
                                                              "it is [SOURCE:]TARGET[:OPTIONS]",
                                                              shown(text))));
}

}  // namespace

bool BindSpec::has(std::string_view option) const {
  return std::ranges::find(options, option) != options.end();
}

std::expected<BindSpec, Denial> parseBind(std::string_view text) {
  const std::vector<std::string> parts = split(text, ':');
  if (parts.size() > 3 || parts[0].empty()) return badSpec(text);
  BindSpec spec;
  if (parts.size() == 1) {
    spec.target = parts[0];
  } else {
    // "/data:ro" would be a target with options, which Docker refuses rather than guess.
    if (parts.size() == 2 && (parts[1].empty() || validOptions(split(parts[1], ',')))) return badSpec(text);
    spec.source = parts[0];
    spec.target = parts[1];
    spec.kind = spec.source.starts_with('/') ? BindSpec::Kind::HostPath : BindSpec::Kind::Named;
  }
  if (parts.size() == 3 && !parts[2].empty()) {
    spec.options = split(parts[2], ',');
    if (!validOptions(spec.options)) {
      return std::unexpected(
          malformed("bind_syntax", fmt::format("invalid options {} in the volume specification {} (-v, "
                                               "HostConfig.Binds)",
                                               shown(parts[2]), shown(text))));
    }
  }
  if (!spec.target.starts_with('/') || cleanPath(spec.target) == "/") {
    return std::unexpected(
        malformed("bind_syntax", fmt::format("invalid volume specification {}: the target must be an "
                                             "absolute path and not /",
                                             shown(text))));
  }
  return spec;
}

constexpr std::size_t kLongestVolumeName = 255;  // it becomes the name of a directory

bool validVolumeName(std::string_view name) {
  return name.size() >= 2 && name.size() <= kLongestVolumeName && alphanumeric(name.front()) &&
         std::ranges::all_of(name, [](char c) { return alphanumeric(c) || c == '_' || c == '.' || c == '-'; });
}

std::string cleanPath(std::string_view path) {
  std::vector<std::string> kept;
  for (std::string& part : split(path, '/')) {
    if (part.empty() || part == ".") continue;
    if (part != "..") {
      kept.push_back(std::move(part));
    } else if (!kept.empty()) {
      kept.pop_back();
    }
  }
  std::string clean;
  for (const std::string& part : kept) clean += "/" + part;
  return clean.empty() ? "/" : clean;
}

bool atOrBelow(std::string_view path, std::string_view directory) {
  return path.starts_with(directory) && (path.size() == directory.size() || path[directory.size()] == '/');
}

}  // namespace ds01::admission
