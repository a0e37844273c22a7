#include "daemon/adapters.h"

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

boost::asio::awaitable<std::expected<std::shared_ptr<gateway::Peer>, Denial>> KernelIdentities::identify(int socket) {
  auto peer = co_await identifier_.identify(socket);
  if (!peer) {
    if (peer.error().http_status == 503) failures_.note(Dependency::UserDatabase, peer.error().text);
    co_return std::unexpected(std::move(peer.error()));
  }
  co_return std::make_shared<KernelPeer>(std::move(*peer));
}

boost::asio::awaitable<Result<std::optional<User>>> KernelIdentities::findUser(std::string login) {
  auto user = co_await users_.findByLogin(std::move(login));
  if (!user) failures_.note(Dependency::UserDatabase, user.error().message());
  co_return user;
}

boost::asio::awaitable<Result<gateway::BindSource>> ResolvedPaths::resolveBind(const User& user, std::string source) {
  auto found = co_await resolver_.resolve(user, std::move(source));
  if (!found) {
    const ErrorCode code = found.error().code();
    if (code == ErrorCode::Unavailable || code == ErrorCode::Timeout) {
      failures_.note(Dependency::FileSystem, found.error().message());
    }
    co_return fail(std::move(found).error());
  }
  co_return gateway::BindSource{.path = std::move(found->path), .writable = found->writable};
}

}  // namespace ds01::daemon
