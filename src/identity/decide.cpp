#include "identity/decide.h"

#include <algorithm>

#include <fmt/format.h>

namespace ds01::identity {

namespace {

bool names(const std::vector<std::string>& logins, const User& user) {
  return !user.login.empty() && std::ranges::find(logins, user.login) != logins.end();
}

bool isAdmin(const User& user, const RoleRules& rules) {
  if (user.uid == 0 || names(rules.admin_users, user)) return true;
  return !rules.admin_group.empty() && std::ranges::find(user.groups, rules.admin_group) != user.groups.end();
}

}  // namespace

std::optional<Denial> refusePeer(const PeerFacts& facts) {
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
  if (facts.user_namespace != facts.host_user_namespace || facts.pid_namespace != facts.host_pid_namespace) {
    return Denial{
        403, "foreign_namespace",
        "the caller runs in a container or in a user or pid namespace of its own, so it is not known whose it "
        "is; call from a login of this machine"};
  }
  return std::nullopt;
}

std::expected<Caller, Denial> decide(const PeerFacts& facts, const std::optional<User>& user, const RoleRules& rules) {
  if (auto refusal = refusePeer(facts)) return std::unexpected(std::move(*refusal));
  if (!user || user->uid != facts.uid || user->login.empty()) {
    return std::unexpected(Denial{403, "no_login", fmt::format("uid {} has no login on this machine", facts.uid)});
  }
  Caller caller;
  caller.user = *user;
  caller.pid = facts.pid;
  caller.login_uid = facts.login_uid;
  caller.admin = isAdmin(*user, rules);
  caller.service = names(rules.service_users, *user);
  return caller;
}

}  // namespace ds01::identity
