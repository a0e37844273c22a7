#include "daemon/adapters.h"

#include <fmt/format.h>

namespace ds01::daemon {
namespace {

class KernelPeer final : public gateway::Peer {
 public:
  explicit KernelPeer(std::shared_ptr<identity::posix::IdentifiedPeer> peer) : peer_(std::move(peer)) {}
  const Caller& caller() const override { return peer_->caller(); }
  bool alive() const override { return peer_->alive(); }

 private:
  std::shared_ptr<identity::posix::IdentifiedPeer> peer_;
};

}  // namespace

gateway::Account KernelIdentities::accountOf(int socket) const {
  const identity::posix::SeemingPeer peer = identity::posix::seemingPeer(socket);
  return {.id = peer.on_host ? peer.uid : peer.pid_namespace, .on_host = peer.on_host};
}

boost::asio::awaitable<std::expected<std::shared_ptr<gateway::Peer>, Denial>> KernelIdentities::identify(int socket) {
  auto peer = co_await identifier_.identify(socket);
  if (!peer) {
    const bool engine = peer.error().reason == "engine_away";
    if (peer.error().http_status == 503) {
      failures_.note(engine ? Dependency::Engine : Dependency::UserDatabase, peer.error().text);
    }
    co_return std::unexpected(std::move(peer.error()));
  }
  if ((*peer)->caller().stale) failures_.note(Dependency::UserDatabase, "whom it knew before may look");
  co_return std::make_shared<KernelPeer>(std::move(*peer));
}

boost::asio::awaitable<Result<std::optional<User>>> KernelIdentities::findUser(std::string login) {
  auto user = co_await users_.findByLogin(std::move(login));
  if (!user) failures_.note(Dependency::UserDatabase, user.error().message());
  co_return user;
}

boost::asio::awaitable<Result<std::optional<identity::posix::EngineContainer>>> EngineContainers::find(ContainerId id) {
  const Result<ContainerView> view = co_await engine_.inspectContainer(id.str());
  if (!view && view.error().code() == ErrorCode::NotFound) co_return std::nullopt;
  if (!view) co_return fail(view.error());
  // The Engine resolves names too, and a container can be named like another one's id.
  if (view->id != id) co_return std::nullopt;
  co_return identity::posix::EngineContainer{names_.provenOwner(*view), view->cgroup_parent, view->pid};
}

boost::asio::awaitable<Result<gateway::BindSource>> ResolvedPaths::resolveBind(const User& user, std::string source) {
  auto found = co_await resolve(user, std::move(source));
  if (!found) {
    const ErrorCode code = found.error().code();
    if (code == ErrorCode::Unavailable || code == ErrorCode::Timeout) {
      failures_.note(Dependency::FileSystem, found.error().message());
    }
  }
  co_return found;
}

boost::asio::awaitable<Result<gateway::BindSource>> ResolvedPaths::resolve(const User& user, std::string source) {
  const auto socket = co_await sockets_.find(user, source);
  if (!socket) co_return fail(socket.error());
  if (*socket) {
    gateway::BindSource ours{.path = (*socket)->path, .writable = true, .warning = {}};
    if ((*socket)->replaced) {
      ours.warning = fmt::format(
          "{} is the Docker Engine's own socket; {} was mounted in its place, and what calls through it acts as you",
          source, ours.path);
    }
    co_return ours;
  }
  auto found = co_await resolver_.resolve(user, std::move(source));
  if (!found) co_return fail(std::move(found).error());
  co_return gateway::BindSource{.path = std::move(found->path), .writable = found->writable, .warning = {}};
}

}  // namespace ds01::daemon
