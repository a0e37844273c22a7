#include "identity/posix/identifier.h"

#include <vector>

#include "identity/posix/process.h"

namespace ds01::identity::posix {

namespace asio = boost::asio;

namespace {

Denial nssUnavailable() {
  return {503, "nss_unavailable", "the machine's user database does not answer; try again later"};
}

Denial engineAway() {
  return {503, "engine_away",
          "the Docker Engine does not answer, so it is not known whose container the caller runs in; try again later"};
}

// Called when all look-ups are done: what was read of the peer holds only if it is still there.
PeerFacts& checked(PosixPeer& peer) {
  if (!processAlive(peer.pidfd)) peer.facts.proof = Proof::Gone;
  return peer.facts;
}

}  // namespace

bool IdentifiedPeer::alive() const {
  return processAlive(pidfd_);
}

Identifier::Identifier(UserDb& users, Containers& containers, PeerSource source)
    : users_(users), containers_(containers), source_(std::move(source)) {}

asio::awaitable<std::expected<std::shared_ptr<IdentifiedPeer>, Denial>> Identifier::identify(int socket) {
  PosixPeer peer = readPeer(socket, source_);
  // Before any look-up: strangers must not be able to make us ask a directory service.
  if (auto refusal = refuseProof(peer.facts)) co_return std::unexpected(std::move(*refusal));
  // Also for peers in the host's namespaces, which a container may share.
  auto residence = co_await locate(peer.facts.cgroup);
  if (!residence) co_return std::unexpected(std::move(residence.error()));
  Decided caller = co_await decideBy(peer, std::move(*residence));
  if (!caller) co_return std::unexpected(std::move(caller.error()));
  co_return std::make_shared<IdentifiedPeer>(std::move(*caller), std::move(peer.pidfd));
}

asio::awaitable<std::expected<std::optional<Residence>, Denial>> Identifier::locate(std::string cgroup) {
  if (!namesContainers(cgroup)) co_return std::nullopt;
  const std::optional<EngineFacts> engine = containers_.engine();
  if (!engine) co_return std::unexpected(engineAway());
  const std::optional<std::string> path = cgroupPath(cgroup, *engine);
  if (!path) co_return std::nullopt;
  std::vector<NamedContainer> named;
  for (const ContainerId& id : containersNamedIn(*path)) {
    const Result<std::optional<EngineContainer>> found = co_await containers_.find(id);
    if (!found) co_return std::unexpected(engineAway());
    if (!*found) continue;
    const EngineContainer& container = **found;
    const std::optional<std::string> init = cgroupOfProcess(container.pid, source_.proc);
    named.push_back({id, container.owner, container.cgroup_parent,
                     init ? cgroupPath(*init, *engine) : std::optional<std::string>()});
  }
  const auto own = readProcFile(source_.proc + "/self/cgroup");
  const std::optional<std::string> own_path = own ? cgroupPath(*own, *engine) : std::nullopt;
  co_return residence(*path, own_path.value_or(""), *engine, named);
}

asio::awaitable<Identifier::Decided> Identifier::decideBy(PosixPeer& peer, std::optional<Residence> residence) {
  if (residence) {
    const Result<std::optional<User>> owner = co_await users_.findByLogin(residence->owner);
    if (!owner) co_return std::unexpected(nssUnavailable());
    co_return decideResident(checked(peer), *residence, *owner, roles_);
  }
  if (!inHostNamespaces(peer.facts)) {
    const std::optional<EngineFacts> engine = containers_.engine();
    const auto path = engine ? cgroupPath(peer.facts.cgroup, *engine) : std::nullopt;
    const auto login = mapForeign(peer.facts, path, foreign_);
    if (!login) co_return std::unexpected(login.error());
    Result<std::optional<User>> user = std::optional<User>();
    if (login->uid) {
      user = co_await users_.find(*login->uid);
    } else {
      user = co_await users_.findByLogin(login->login);
    }
    if (!user) co_return std::unexpected(nssUnavailable());
    co_return decideForeign(checked(peer), *login, *user);
  }
  Result<std::optional<User>> user = co_await users_.find(peer.facts.uid);
  // On the host only: whose a container is must be known now.
  const bool stale = !user && allow_stale_;
  if (stale) {
    if (std::optional<User> known = users_.lastKnown(peer.facts.uid)) user = std::move(known);
  }
  if (!user) co_return std::unexpected(nssUnavailable());
  Decided caller = decide(checked(peer), *user, roles_);
  if (caller) {
    caller->stale = stale;
    caller->login_name = co_await nameOf(caller->login_uid, caller->user);
    // That was one more wait.
    if (!processAlive(peer.pidfd)) co_return std::unexpected(*refuseProof(checked(peer)));
  }
  co_return caller;
}

// For the record only, so that whoever cannot be looked up keeps nobody from working.
asio::awaitable<std::string> Identifier::nameOf(std::optional<std::uint32_t> login_uid, const User& user) {
  if (!login_uid) co_return "";
  if (*login_uid == user.uid) co_return user.login;
  const Result<std::optional<User>> found = co_await users_.find(*login_uid);
  co_return found && *found ? (*found)->login : "";
}

}  // namespace ds01::identity::posix
