// The gateway's ports over the parts that know nothing of a gateway.
#pragma once

#include "daemon/failures.h"
#include "daemon/site.h"
#include "docker/engine_client.h"
#include "gateway/ports.h"
#include "identity/posix/identifier.h"
#include "mounts/posix/path_resolver.h"
#include "mounts/posix/socket_mounts.h"

namespace ds01::daemon {

class KernelIdentities final : public gateway::Identities {
 public:
  KernelIdentities(identity::posix::Identifier& identifier, identity::posix::UserDb& users, Failures& failures)
      : identifier_(identifier), users_(users), failures_(failures) {}
  gateway::Account accountOf(int socket) const override;
  boost::asio::awaitable<std::expected<std::shared_ptr<gateway::Peer>, Denial>> identify(int socket) override;
  boost::asio::awaitable<Result<std::optional<User>>> findUser(std::string login) override;

 private:
  identity::posix::Identifier& identifier_;  // outlives this: all belong to the composition root
  identity::posix::UserDb& users_;
  Failures& failures_;
};

// Whose container a peer lives in, asked of the Engine each time.
class EngineContainers final : public identity::posix::Containers {
 public:
  // All outlive this.
  EngineContainers(docker::EngineClient& engine, const Site& site, SliceNames& names)
      : engine_(engine), site_(site), names_(names) {}
  std::optional<EngineFacts> engine() const override { return site_.engineFacts(); }
  boost::asio::awaitable<Result<std::optional<identity::posix::EngineContainer>>> find(ContainerId id) override;

 private:
  docker::EngineClient& engine_;
  const Site& site_;
  SliceNames& names_;
};

class ResolvedPaths final : public gateway::Paths {
 public:
  // All outlive this.
  ResolvedPaths(mounts::posix::PathResolver& resolver, mounts::posix::SocketMounts& sockets, Failures& failures)
      : resolver_(resolver), sockets_(sockets), failures_(failures) {}
  boost::asio::awaitable<Result<gateway::BindSource>> resolveBind(const User& user, std::string source) override;

 private:
  boost::asio::awaitable<Result<gateway::BindSource>> resolve(const User& user, std::string source);

  mounts::posix::PathResolver& resolver_;
  mounts::posix::SocketMounts& sockets_;
  Failures& failures_;
};

}  // namespace ds01::daemon
