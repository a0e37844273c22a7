// Who a container's process is: HostConfig's USER[:GROUP], looked up in the container's own files as runc does it
// (github.com/moby/sys/user, GetExecUser).
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "mounts/pin_record.h"

namespace ds01::mounts {

// Without the files: set for "", "0", "root", "0:0", "root:root" and UID:GID in digits.
std::optional<ViewIds> idsOfPlainUser(std::string_view spec);

// `passwd` and `group` are the texts of the container's /etc/passwd and /etc/group; empty if there are none. Unset: a
// name that is not in them, with which the container would not start.
std::optional<ViewIds> idsOfUser(std::string_view spec, std::string_view passwd, std::string_view group);

}  // namespace ds01::mounts
