// Idmapped mounts (mount_setattr(2), MOUNT_ATTR_IDMAP; Linux 5.12): a second view of a directory in which some ids of
// the file system appear as others, and all that are not mapped belong to nobody. Whoever sees it through the mount has
// no power over what is not mapped, not even as root: CAP_DAC_OVERRIDE, CAP_FOWNER, CAP_CHOWN count only for mapped
// ids, new files of unmapped ids are EOVERFLOW, and setuid bits and file capabilities of unmapped ids give nothing.
// Needs CAP_SYS_ADMIN, and blocks.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/fd.h"
#include "base/result.h"

namespace ds01::mounts::pins {

struct IdPair {
  std::uint32_t on_disk = 0;
  std::uint32_t in_view = 0;
};

// The maps of a user namespace: disk id, view id, count, by line (user_namespaces(7)). A pair whose id is taken on its
// side by an earlier one is left out, since maps must not overlap; so are those beyond what the kernel takes.
std::string idMap(const std::vector<IdPair>& pairs);

// A user namespace with these maps and no process in it; exists as long as the descriptor. `proc` is /proc of the pid
// namespace that this process is in.
Result<Fd> userNamespace(const Fd& proc, const std::string& uid_map, const std::string& gid_map);

// A copy of the mount of what `fd` (O_PATH) refers to, with that as its root, that is nowhere yet; with the mounts
// below, if `recursive`.
Result<Fd> cloneMount(const Fd& fd, bool recursive);

struct MountRestrictions {
  bool read_only = false;
  bool no_suid = false;  // nodev is always set; a container that mounts it read-only has neither, as of runc 1.1
};

// Restricts a copy that is nowhere yet, takes it and what is below out of all propagation, and maps its ids as
// `user_namespace` says, unless that is not valid. InvalidArgument: the file system, or one below, knows no idmapped
// mounts, or the kernel does not.
Status restrictMount(const Fd& mount, const MountRestrictions& restrictions, const Fd& user_namespace);

// Puts the copy at `path`, over what is there.
Status attachMount(const Fd& mount, const std::string& path);

}  // namespace ds01::mounts::pins
