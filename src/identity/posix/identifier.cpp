#include "identity/posix/identifier.h"

#include "identity/posix/peer.h"

namespace ds01::identity::posix {

namespace asio = boost::asio;

bool IdentifiedPeer::alive() const {
  return processAlive(pidfd_);
}

Identifier::Identifier(UserDb& users, RoleRules rules, std::string proc)
    : users_(users), rules_(std::move(rules)), proc_(std::move(proc)) {}

asio::awaitable<std::expected<std::shared_ptr<IdentifiedPeer>, Denial>> Identifier::identify(int socket) {
  PosixPeer peer = readPeer(socket, proc_);
  // Before the look-up: strangers must not be able to make us ask a directory service.
  if (auto refusal = refusePeer(peer.facts)) co_return std::unexpected(std::move(*refusal));

  const auto user = co_await users_.find(peer.facts.uid);
  if (!user) {
    co_return std::unexpected(
        Denial{503, "nss_unavailable", "the machine's user database does not answer; try again later"});
  }
  if (!processAlive(peer.pidfd)) peer.facts.proof = Proof::Gone;
  auto caller = decide(peer.facts, *user, rules_);
  if (!caller) co_return std::unexpected(std::move(caller.error()));
  co_return std::make_shared<IdentifiedPeer>(std::move(*caller), std::move(peer.pidfd));
}

}  // namespace ds01::identity::posix
