#include "identity/decide.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include <fmt/format.h>

namespace ds01::identity {

namespace {

bool names(const std::vector<std::string>& logins, const User& user) {
  return !user.login.empty() && std::ranges::find(logins, user.login) != logins.end();
}

bool hasAdminRole(const User& user, const RoleRules& rules) {
  if (names(rules.admin_users, user)) return true;
  return !rules.admin_group.empty() && std::ranges::find(user.groups, rules.admin_group) != user.groups.end();
}

Denial noLogin(std::string_view who) {
  return {403, "no_login", fmt::format("{} has no login on this machine", who)};
}

}  // namespace

bool hasRole(const User& user, const RoleRules& rules) {
  return user.uid == 0 || hasAdminRole(user, rules) || names(rules.service_users, user);
}

std::optional<Denial> refuseProof(const PeerFacts& facts) {
  switch (facts.proof) {
    case Proof::Proven:
      break;
    case Proof::NoPid:
      return Denial{403, "peer_no_pid", "the kernel does not show which process is calling"};
    case Proof::Gone:
      return Denial{403, "peer_gone", "the process that opened this connection has exited"};
    case Proof::Unreadable:
      return Denial{403, "peer_unreadable", "the process that is calling could not be looked at"};
  }
  if (facts.pid <= 0) return Denial{403, "peer_no_pid", "the kernel does not show which process is calling"};
  return std::nullopt;
}

bool inHostNamespaces(const PeerFacts& facts) {
  return facts.user_namespace == facts.host_user_namespace && facts.pid_namespace == facts.host_pid_namespace;
}

std::expected<ForeignLogin, Denial> mapForeign(const PeerFacts& facts, const std::optional<std::string>& path,
                                               const ForeignRules& rules) {
  for (const ForeignRules::Place& place : rules.places) {
    if (path && place.cgroup != "/" && isAtOrBelow(place.cgroup, *path)) return ForeignLogin{{}, place.login};
  }
  if (rules.user_namespaces && facts.user_namespace != facts.host_user_namespace &&
      facts.user_namespace_owner.value_or(0) != 0) {
    return ForeignLogin{facts.user_namespace_owner, {}};
  }
  return std::unexpected(
      Denial{403, "foreign_namespace",
             "the caller runs in a user or pid namespace of its own and in no container of this Docker Engine, so it "
             "is not known whose it is; call from a login of this machine or from a container made through ds01"});
}

std::expected<Caller, Denial> decide(const PeerFacts& facts, const std::optional<User>& user, const RoleRules& rules) {
  if (auto refusal = refuseProof(facts)) return std::unexpected(std::move(*refusal));
  if (!inHostNamespaces(facts)) return std::unexpected(mapForeign(facts, std::nullopt, {}).error());
  if (!user || user->uid != facts.uid || user->login.empty()) {
    return std::unexpected(noLogin(fmt::format("uid {}", facts.uid)));
  }
  Caller caller;
  caller.user = *user;
  caller.pid = facts.pid;
  caller.login_uid = facts.login_uid;
  caller.admin = user->uid == 0 || hasAdminRole(*user, rules);
  caller.service = names(rules.service_users, *user);
  return caller;
}

// The login uid is left out here and below: a process that nobody logged in for may write any number there, once.
std::expected<Caller, Denial> decideResident(const PeerFacts& facts, const Residence& residence,
                                             const std::optional<User>& user, const RoleRules& rules) {
  if (auto refusal = refuseProof(facts)) return std::unexpected(std::move(*refusal));
  if (!user || user->login != residence.owner || user->login.empty()) {
    return std::unexpected(
        noLogin(fmt::format("{}, the owner of the container that the caller runs in,", residence.owner)));
  }
  Caller caller;
  caller.user = *user;
  caller.pid = facts.pid;
  caller.admin = hasAdminRole(*user, rules);
  caller.service = names(rules.service_users, *user);
  caller.container = residence.container;
  if (user->uid == 0 && !caller.admin) {
    return std::unexpected(
        Denial{403, "container_of_root",
               "the caller runs in a container of root, and root's rights do not pass into a container; make the "
               "container as a user, or name root in access_control.admin_users"});
  }
  return caller;
}

std::expected<Caller, Denial> decideForeign(const PeerFacts& facts, const ForeignLogin& login,
                                            const std::optional<User>& user) {
  if (auto refusal = refuseProof(facts)) return std::unexpected(std::move(*refusal));
  const std::string who = login.uid ? fmt::format("uid {}", *login.uid) : login.login;
  const bool right = user && !user->login.empty() && (login.uid ? user->uid == *login.uid : user->login == login.login);
  if (!right) return std::unexpected(noLogin(who + ", for whom the caller's namespace would count,"));
  if (user->uid == 0) {
    return std::unexpected(Denial{403, "foreign_namespace", "no other engine's container acts as root"});
  }
  Caller caller;
  caller.user = *user;
  caller.pid = facts.pid;
  return caller;
}

}  // namespace ds01::identity
