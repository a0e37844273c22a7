// The query of POST /build, which decides as much as a container's HostConfig does.
#pragma once

#include <optional>

#include "gateway/target.h"
#include "model/denial.h"

namespace ds01::gateway {

// What a user may not ask of a build: another network than the default, bridge or one by name; security options; a
// cgroup parent; a context that the Engine fetches by itself. Unset: nothing of that kind is there.
std::optional<Denial> checkBuildQuery(const Target& target);

}  // namespace ds01::gateway
