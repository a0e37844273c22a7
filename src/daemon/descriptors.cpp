#include "daemon/descriptors.h"

#include <algorithm>

#include <sys/resource.h>

namespace ds01::daemon {

namespace {

constexpr std::uint64_t kOwn = 256;  // listeners, state, logs, the Engine's events, threads' files
constexpr std::uint64_t kPerConnection = 3;
constexpr std::uint64_t kFewestConnections = 64;
constexpr std::uint64_t kMostConnections = 4096;

}  // namespace

std::uint64_t raiseDescriptorLimit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 0;  // not with these arguments
  const rlimit raised{limit.rlim_max, limit.rlim_max};
  return ::setrlimit(RLIMIT_NOFILE, &raised) == 0 ? raised.rlim_cur : limit.rlim_cur;
}

std::size_t connectionsFor(std::uint64_t descriptors) {
  const std::uint64_t left = descriptors > kOwn ? descriptors - kOwn : 0;
  return std::clamp(left / kPerConnection, kFewestConnections, kMostConnections);
}

}  // namespace ds01::daemon
