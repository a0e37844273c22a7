// The one thing outside of everybody's home that may be mounted: our own listening socket, so that what runs in a
// container can go on working as the container's owner. The Engine's socket never is, by no name: whoever asks for it
// where clients are used to find it gets ours in its place.
#pragma once

#include <optional>
#include <string>

#include "base/result.h"
#include "model/user.h"

namespace ds01::mounts::posix {

struct SocketMount {
  std::string path;       // the real path of our socket
  bool replaced = false;  // the Engine's was asked for
};

// Unset: `source` is neither socket; `listen` and `engine` are their paths as configured. Links are followed with the
// user's rights. PermissionDenied: it is the Engine's and ours cannot stand in, or a directory that holds the Engine's.
// Blocks.
Result<std::optional<SocketMount>> findSocket(const std::string& listen, const std::string& engine, const User& user,
                                              const std::string& source);

// The real path of a socket that nobody but root (or we ourselves) can put another thing in the place of: it and all
// directories above it are root's, and others can't write there, or only under the sticky bit. Unset otherwise. A
// container would keep a path that leads to whatever stands there when it starts again.
std::optional<std::string> realPathOfSafeSocket(const std::string& path);

}  // namespace ds01::mounts::posix
