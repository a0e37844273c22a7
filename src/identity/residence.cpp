#include "identity/residence.h"

#include <algorithm>

#include <fmt/format.h>

namespace ds01::identity {

namespace {

constexpr std::size_t kIdDigits = 64;
constexpr std::string_view kScopePrefix = "docker-";  // dockerd's name for its scopes
constexpr std::string_view kScope = ".scope";
constexpr std::string_view kSlice = ".slice";

// The id in one directory name: "ID" (cgroupfs) or "docker-ID.scope" (systemd). Empty: none.
std::string_view idIn(std::string_view name) {
  if (name.starts_with(kScopePrefix) && name.ends_with(kScope)) {
    name.remove_prefix(kScopePrefix.size());
    name.remove_suffix(kScope.size());
  }
  const bool id = name.size() == kIdDigits &&
                  std::ranges::all_of(name, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
  return id ? name : std::string_view();
}

// Calls `visit(name, path_up_to_here)` for each directory of the path, outermost first, until it returns false.
template <typename Visit>
void forEachDirectory(std::string_view path, Visit visit) {
  std::size_t begin = 0;
  while (begin < path.size()) {
    ++begin;  // the slash
    const std::size_t end = std::min(path.find('/', begin), path.size());
    if (!visit(path.substr(begin, end - begin), path.substr(0, end))) return;
    begin = end;
  }
}

bool lists(std::string_view controllers, std::string_view wanted) {
  while (!controllers.empty()) {
    const std::size_t comma = std::min(controllers.find(','), controllers.size());
    if (controllers.substr(0, comma) == wanted) return true;
    controllers.remove_prefix(std::min(comma + 1, controllers.size()));
  }
  return false;
}

// One line, "ID:CONTROLLERS:PATH"; a path may have colons.
struct Line {
  std::string_view hierarchy;
  std::string_view controllers;
  std::string_view path;
};

std::vector<Line> linesOf(std::string_view text) {
  std::vector<Line> lines;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    const std::size_t first = line.find(':');
    const std::size_t second = first == std::string_view::npos ? first : line.find(':', first + 1);
    if (second == std::string_view::npos || !line.substr(second + 1).starts_with('/')) continue;
    lines.push_back({line.substr(0, first), line.substr(first + 1, second - first - 1), line.substr(second + 1)});
  }
  return lines;
}

// The container's own cgroup: the outermost directory with its id on the way to its first process, which may have moved
// on below it. Empty: the process is elsewhere.
std::string_view cgroupOf(std::string_view init_path, const ContainerId& id) {
  std::string_view found;
  forEachDirectory(init_path, [&](std::string_view name, std::string_view up_to) {
    if (idIn(name) != id.str()) return true;
    found = up_to;
    return false;
  });
  return found;
}

// Where systemd puts a slice: "a-b.slice" is "/a.slice/a-b.slice" (systemd.slice(5)).
std::string sliceDirectory(std::string_view slice) {
  std::string directory;
  if (!slice.ends_with(kSlice)) return directory;
  slice.remove_suffix(kSlice.size());
  for (std::size_t at = 0; at < slice.size(); ++at) {
    if (slice[at] == '-') directory += fmt::format("/{}{}", slice.substr(0, at), kSlice);
  }
  return directory + fmt::format("/{}{}", slice, kSlice);
}

std::string placeBelow(const NamedContainer& container, const EngineFacts& engine) {
  if (!engine.systemd_cgroups) return fmt::format("{}/{}", container.cgroup_parent, container.id.str());
  return fmt::format("{}/{}{}{}", sliceDirectory(container.cgroup_parent), kScopePrefix, container.id.str(), kScope);
}

// Whether the container's cgroup is where its parent says, counted from the root of a hierarchy or, where dockerd and
// we run in a container of somebody else, from a directory that we are in ourselves.
bool standsWhereItShould(std::string_view cgroup, std::string_view own_path, const NamedContainer& container,
                         const EngineFacts& engine) {
  const std::string place = placeBelow(container, engine);
  if (!place.starts_with('/') || !cgroup.ends_with(place)) return false;
  const std::string_view above = cgroup.substr(0, cgroup.size() - place.size());
  return above.empty() || isAtOrBelow(above, own_path);
}

Denial denial(std::string reason, const ContainerId& id, std::string_view why) {
  return {403, std::move(reason), fmt::format("the caller runs in the container {}, {}", id.str().substr(0, 12), why)};
}

}  // namespace

std::optional<std::string> cgroupPath(std::string_view proc_cgroup, const EngineFacts& engine) {
  for (const Line& line : linesOf(proc_cgroup)) {
    bool wanted = false;
    if (engine.cgroup_v2) {
      wanted = line.hierarchy == "0" && line.controllers.empty();
    } else if (engine.systemd_cgroups) {
      wanted = line.controllers == "name=systemd";
    } else {
      wanted = lists(line.controllers, "devices");
    }
    if (wanted) return std::string(line.path);
  }
  return std::nullopt;
}

std::vector<ContainerId> containersNamedIn(std::string_view path) {
  std::vector<ContainerId> ids;
  forEachDirectory(path, [&](std::string_view name, std::string_view) {
    const std::string_view id = idIn(name);
    if (!id.empty() && std::ranges::find(ids, id, &ContainerId::str) == ids.end()) ids.emplace_back(std::string(id));
    return ids.size() < kMaxHints;
  });
  return ids;
}

bool namesContainers(std::string_view proc_cgroup) {
  return std::ranges::any_of(linesOf(proc_cgroup),
                             [](const Line& line) { return !containersNamedIn(line.path).empty(); });
}

bool isAtOrBelow(std::string_view top, std::string_view path) {
  if (top == "/") return path.starts_with('/');
  if (top.empty() || !path.starts_with(top)) return false;
  return path.size() == top.size() || path[top.size()] == '/';
}

std::expected<std::optional<Residence>, Denial> residence(std::string_view path, std::string_view own_path,
                                                          const EngineFacts& engine,
                                                          const std::vector<NamedContainer>& containers) {
  const NamedContainer* innermost = nullptr;
  std::string_view its_cgroup;
  for (const NamedContainer& container : containers) {
    if (!container.init_path) {
      return std::unexpected(denial("container_stopped", container.id, "which is not running any more"));
    }
    const std::string_view cgroup = cgroupOf(*container.init_path, container.id);
    if (!isAtOrBelow(cgroup, path) || cgroup.size() <= its_cgroup.size()) continue;
    innermost = &container;
    its_cgroup = cgroup;
  }
  if (innermost == nullptr) return std::nullopt;
  if (!innermost->owner) {
    return std::unexpected(denial("container_unowned", innermost->id,
                                  "which belongs to no user, because it was not made through ds01; so there is nobody "
                                  "to act as"));
  }
  if (!standsWhereItShould(its_cgroup, own_path, *innermost, engine)) {
    return std::unexpected(
        denial("container_misplaced", innermost->id,
               "whose cgroup is not where its owner's containers are put, so it is not certain whose "
               "it is"));
  }
  return Residence{innermost->id, *innermost->owner};
}

}  // namespace ds01::identity
