// Who is calling: the decision over what the kernel and the user database said. No name, header or label takes part.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <vector>

#include "identity/residence.h"
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
  // The effective uid of who made the peer's user namespace, or the outermost of those it is nested in, on the host.
  // Unset: it lives in the host's, or that cannot be told.
  std::optional<std::uint32_t> user_namespace_owner;
  std::string cgroup;  // /proc/PID/cgroup, whole
};

// What a login may be besides itself. Empty names match nobody.
struct RoleRules {
  std::vector<std::string> admin_users;    // logins that may do everything, besides uid 0
  std::string admin_group;                 // a Unix group whose members may too
  std::vector<std::string> service_users;  // logins of programs that act for others
};

// What of another engine's containers may call, and as whom. Nothing unless the site says so.
struct ForeignRules {
  struct Place {
    std::string cgroup;  // absolute: peers at or below it
    std::string login;
  };
  // A peer in a user namespace acts as the login that made it (rootless podman, bubblewrap).
  bool user_namespaces = false;
  std::vector<Place> places;  // the first that fits counts
};

// Whether it is more than itself: an administrator, or a program that acts for others.
bool hasRole(const User& user, const RoleRules& rules);

// The refusal that holds for every peer, in a container or not: reason peer_gone, peer_unreadable or peer_no_pid, 403.
std::optional<Denial> refuseProof(const PeerFacts& facts);

// Whether the peer's user and pid namespaces are the host's.
bool inHostNamespaces(const PeerFacts& facts);

// For a peer in other namespaces and in no container of ours: whom `rules` let it act as. `path` is its cgroup, if
// known. Refused with 403 foreign_namespace.
struct ForeignLogin {
  std::optional<std::uint32_t> uid;  // one of the two is set
  std::string login;
};
std::expected<ForeignLogin, Denial> mapForeign(const PeerFacts& facts, const std::optional<std::string>& path,
                                               const ForeignRules& rules);

// The three ways to be somebody. `user` is what the user database has under facts.uid, under residence.owner or under
// the foreign login; refused with 403 no_login if it has none.
//
// A process of the host is its uid's login.
std::expected<Caller, Denial> decide(const PeerFacts& facts, const std::optional<User>& user, const RoleRules& rules);
// A process in a container is the container's owner, whatever its uid there. The owner's roles count, but uid 0 is
// none: what runs in a container of root must not become root of the host by it, so there it is refused
// (container_of_root) unless root is named among the admins.
std::expected<Caller, Denial> decideResident(const PeerFacts& facts, const Residence& residence,
                                             const std::optional<User>& user, const RoleRules& rules);
// A process of another engine's container has no roles and is never uid 0.
std::expected<Caller, Denial> decideForeign(const PeerFacts& facts, const ForeignLogin& login,
                                            const std::optional<User>& user);

}  // namespace ds01::identity
