// How many files this process may have open, and what that is enough for.
#pragma once

#include <cstddef>
#include <cstdint>

namespace ds01::daemon {

// Raises the soft limit to the hard one (getrlimit(2)) and returns what holds afterwards: less than the hard one in a
// sandbox that refuses. Daemons that use select(2) must not do that; this one polls.
std::uint64_t raiseDescriptorLimit();

// How many connections of users this process can serve with that: each takes three files (the client's socket, ours to
// the Engine, the peer's pidfd), and the process itself some. 4096 at most.
std::size_t connectionsFor(std::uint64_t descriptors);

}  // namespace ds01::daemon
