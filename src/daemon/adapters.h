// The gateway's ports over the parts that know nothing of a gateway.
#pragma once

#include "daemon/failures.h"
#include "daemon/site.h"
#include "docker/engine_client.h"
#include "gateway/ports.h"
#include "identity/posix/identifier.h"
#include "mounts/lexical.h"
#include "mounts/pins/helper.h"

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

// Paths of sockets, as configured.
struct SocketPaths {
  std::string listen;
  std::string engine;
};

// Folders of users as the process sees them that pins them.
class FolderPaths final : public gateway::Paths {
 public:
  // `helper` and `failures` outlive this.
  FolderPaths(mounts::pins::Helper& helper, SocketPaths sockets, Failures& failures)
      : helper_(helper), sockets_(std::move(sockets)), failures_(failures) {}
  // For requests from now on. Without it the home is the only root.
  void setRoots(mounts::Roots roots) { roots_ = std::move(roots); }
  boost::asio::awaitable<Result<std::map<std::string, admission::BindFact>>> look(
      User user, std::vector<std::string> sources) override;
  // Who owns the folder, or what exists of the way to it below the user's home; unset: it is not below that home, or
  // the user may not look there. Unavailable, Timeout: not known now.
  boost::asio::awaitable<Result<std::optional<std::uint32_t>>> ownerOf(User user, std::string folder);

 private:
  mounts::pins::Helper& helper_;
  const SocketPaths sockets_;
  Failures& failures_;
  mounts::Roots roots_;
};

}  // namespace ds01::daemon
