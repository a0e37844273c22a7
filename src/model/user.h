// Who is calling, as the kernel and the user database say.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/ids.h"

namespace ds01 {

struct User {
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::string login;                // as the user database spells it, e.g. "m.curie@example.edu"
  std::string home;                 // absolute, or empty
  std::vector<std::string> groups;  // Unix groups by name, the primary one included

  // The same memberships as numbers, also those without a name: what the kernel goes by.
  std::vector<std::uint32_t> gids = {};
};

// The peer of one connection.
struct Caller {
  User user;                               // whose rights and quota count: for a peer in a container, its owner
  std::int32_t pid = 0;                    // at the time of connecting
  std::optional<std::uint32_t> login_uid;  // /proc/PID/loginuid: who logged in before sudo; unset if none
  std::string login_name;                  // the login of login_uid; empty if that could not be looked up
  bool admin = false;
  bool service = false;                  // a login named in service_users: a program that acts for others
  std::optional<ContainerId> container;  // the peer lives in this container, which is the user's
  bool stale = false;  // the user database did not answer, and `user` is what it said before: may look, not change
};

}  // namespace ds01
