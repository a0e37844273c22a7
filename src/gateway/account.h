#pragma once

#include <compare>
#include <cstdint>

namespace ds01::gateway {

// Whom a connection counts against. On the host that is a uid. Whoever is in a container or another namespace is
// counted by that namespace until it is known whose it is: ids are not those of the host's users there, root least of
// all, and one container has all of them.
struct Account {
  std::uint64_t id = 0;  // uid, or the inode of the pid namespace (0: unknown)
  bool on_host = false;
  auto operator<=>(const Account&) const = default;
};
inline constexpr Account kRootOnHost{0, true};

}  // namespace ds01::gateway
