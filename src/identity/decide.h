// Who is calling: the decision over what the kernel and the user database said. No name, header or label takes part.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <vector>

#include "model/denial.h"
#include "model/user.h"

namespace ds01::identity {

// A namespace is its inode on nsfs (namespaces(7)).
struct NamespaceId {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  friend bool operator==(const NamespaceId&, const NamespaceId&) = default;
};

// How far the process at the other end could be looked at. Anything but Proven is a refusal, for uid 0 too: a socket
// can be handed to somebody else and its opener exit.
enum class Proof {
  Proven,      // all below was read while the process that connected was alive
  NoPid,       // the kernel shows no process: it lives in a pid namespace that we do not see
  Gone,        // it has exited, or its number was given to another process
  Unreadable,  // /proc or the kernel did not say what is needed
};

struct PeerFacts {
  Proof proof = Proof::Unreadable;
  std::uint32_t uid = 0;  // SO_PEERCRED: effective ids at the time of connect(2), in our user namespace
  std::uint32_t gid = 0;
  std::int32_t pid = 0;
  std::optional<std::uint32_t> login_uid;  // unset: nobody logged in (a service, cron)
  NamespaceId user_namespace;
  NamespaceId pid_namespace;
  NamespaceId host_user_namespace;  // of PID 1 as this process sees it
  NamespaceId host_pid_namespace;
};

// What a login may be besides itself. Empty names match nobody.
struct RoleRules {
  std::vector<std::string> admin_users;    // logins that may do everything, besides uid 0
  std::string admin_group;                 // a Unix group whose members may too
  std::vector<std::string> service_users;  // logins of programs that act for others
};

// The refusal that needs no look at the user database: reason peer_gone, peer_unreadable, peer_no_pid or
// foreign_namespace, all 403.
std::optional<Denial> refusePeer(const PeerFacts& facts);

// `user` is what the user database has under facts.uid. Refused as by refusePeer, or 403 no_login.
std::expected<Caller, Denial> decide(const PeerFacts& facts, const std::optional<User>& user, const RoleRules& rules);

}  // namespace ds01::identity
