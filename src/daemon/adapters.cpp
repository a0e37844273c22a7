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
  if (!peer) co_return std::unexpected(std::move(peer.error()));
  co_return std::make_shared<KernelPeer>(std::move(*peer));
}

boost::asio::awaitable<Result<std::optional<User>>> KernelIdentities::findUser(std::string login) {
  return users_.findByLogin(std::move(login));
}

boost::asio::awaitable<Result<std::string>> ResolvedPaths::resolveBind(const User& user, std::string source) {
  return resolver_.resolve(user, std::move(source));
}

}  // namespace ds01::daemon
