// Where dockerd sees the file system.
#pragma once

#include <string>

#include "base/result.h"

namespace ds01::mounts::pins {

// Moves this process, which must have one thread, into the mount namespace of whoever listens at `engine`, since a
// mount made in the namespace of a hardened unit is seen by nobody else. Its root and working directory are that
// namespace's afterwards. Where there is no Engine yet, the namespace of the machine's first process is taken if that
// may be looked at, else ours. Does nothing for others than root. Unavailable: whoever listens cannot be seen from
// here, or has just ended.
Status enterEngineNamespace(const std::string& engine);

}  // namespace ds01::mounts::pins
