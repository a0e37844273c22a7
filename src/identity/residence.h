// In which container a process lives, decided by its cgroup: the one thing about a process that neither the process nor
// an ordinary user of the host can choose freely (cgroups(7)). Pid namespaces can be joined, users can be anybody, and
// a user with a delegated subtree can make directories of any name; but below a root-owned cgroup only root makes any.
//
// Paths are those of /proc/PID/cgroup, which shows them relative to the cgroup namespace of who reads (cgroup_
// namespaces(7)), so a container's private namespace changes nothing. All paths that are compared must have been read
// by one process.
#pragma once

#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "model/denial.h"
#include "model/engine.h"

namespace ds01::identity {

// The line of a /proc/PID/cgroup that counts: on v2 the one of the unified hierarchy ("0::"), on v1 "name=systemd" if
// the Engine lets systemd make its cgroups, else "devices". (With the systemd driver on v1, a container's first process
// stands in the slice's devices cgroup, where all containers of a user look the same.) Unset: there is no such line.
std::optional<std::string> cgroupPath(std::string_view proc_cgroup, const EngineFacts& engine);

// Ids of containers that the path could be in, outermost first. Hints only: whom to ask about. At most kMaxHints, and
// the outermost ones, which whoever lives in the cgroup cannot have chosen.
inline constexpr std::size_t kMaxHints = 8;
std::vector<ContainerId> containersNamedIn(std::string_view path);

// Whether any line of the file names a container: then its place cannot be known without the Engine.
bool namesContainers(std::string_view proc_cgroup);

// Whether `path` is `top` or below it.
bool isAtOrBelow(std::string_view top, std::string_view path);

// One container that our Engine has and that the path names.
struct NamedContainer {
  ContainerId id;
  std::optional<std::string> owner;  // proven (ownership/); unset: the admins'
  std::string cgroup_parent;         // HostConfig.CgroupParent
  // The cgroup of State.Pid, read while that process was alive. Unset: the container does not run.
  std::optional<std::string> init_path;
};

struct Residence {
  ContainerId container;
  std::string owner;  // login
};

// Unset: the process with this path is in none of the containers. `own_path` is that of ds01d itself.
//
// It lives in a container if its path is at or below the container's cgroup: that of State.Pid, up to the directory
// that carries the container's id. It acts as the owner only if that cgroup is also where the owner's containers are
// put (HostConfig.CgroupParent): there only root makes directories, so not even a number of State.Pid that somebody
// else's process has taken over leads astray. Refused with 403: container_stopped, container_unowned,
// container_misplaced.
std::expected<std::optional<Residence>, Denial> residence(std::string_view path, std::string_view own_path,
                                                          const EngineFacts& engine,
                                                          const std::vector<NamedContainer>& containers);

}  // namespace ds01::identity
