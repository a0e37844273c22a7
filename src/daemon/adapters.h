// The gateway's ports over the parts that know nothing of a gateway.
#pragma once

#include "daemon/failures.h"
#include "gateway/ports.h"
#include "identity/posix/identifier.h"
#include "mounts/posix/path_resolver.h"

namespace ds01::daemon {

class KernelIdentities final : public gateway::Identities {
 public:
  KernelIdentities(identity::posix::Identifier& identifier, identity::posix::UserDb& users, Failures& failures)
      : identifier_(identifier), users_(users), failures_(failures) {}
  boost::asio::awaitable<std::expected<std::shared_ptr<gateway::Peer>, Denial>> identify(int socket) override;
  boost::asio::awaitable<Result<std::optional<User>>> findUser(std::string login) override;

 private:
  identity::posix::Identifier& identifier_;  // outlives this: all belong to the composition root
  identity::posix::UserDb& users_;
  Failures& failures_;
};

class ResolvedPaths final : public gateway::Paths {
 public:
  ResolvedPaths(mounts::posix::PathResolver& resolver, Failures& failures) : resolver_(resolver), failures_(failures) {}
  boost::asio::awaitable<Result<gateway::BindSource>> resolveBind(const User& user, std::string source) override;

 private:
  mounts::posix::PathResolver& resolver_;  // outlives this, as failures_ does
  Failures& failures_;
};

}  // namespace ds01::daemon
