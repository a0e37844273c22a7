// sd_notify(3) without libsystemd: one datagram to the service manager.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace ds01::net {

// `notify_socket` is the value of NOTIFY_SOCKET: a path, or a name in the abstract namespace that begins with '@'.
// Empty (not started by a service manager): nothing happens. `state` is lines such as "READY=1". Does not block.
Status notify(const std::string& notify_socket, std::string_view state);

}  // namespace ds01::net
