// A socket that the service manager made before it started us: sd_listen_fds(3) without libsystemd.
#pragma once

#include <optional>
#include <string_view>

#include "base/fd.h"
#include "base/result.h"

namespace ds01::authz::plugin {

// `listen_pid` and `listen_fds` are the values of LISTEN_PID and LISTEN_FDS. Unset: they are not for this process.
// InvalidArgument: for this process, but not one Unix stream socket that listens. Call once: the descriptor is taken,
// and made close-on-exec and non-blocking.
Result<std::optional<Fd>> takeActivatedSocket(std::string_view listen_pid, std::string_view listen_fds);

}  // namespace ds01::authz::plugin
