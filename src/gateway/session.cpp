#include "gateway/session.h"

#include <exception>
#include <optional>

#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <sys/socket.h>

#include "events/details.h"
#include "gateway/handlers.h"
#include "gateway/raw_head.h"

namespace ds01::gateway {

namespace asio = boost::asio;

namespace {

// This many connections beyond a user's cap get a sentence, the rest are closed.
constexpr std::size_t kRefusalsPerUid = 16;

// Counts a connection as long as it lives, for the caps and for stop().
class Registration {
 public:
  Registration(Core& core, Socket& socket) : core_(core), socket_(socket) {
    ++core_.connections;
    core_.sockets.insert(&socket_);
  }
  Registration(const Registration&) = delete;
  Registration& operator=(const Registration&) = delete;
  ~Registration() {
    --core_.connections;
    core_.sockets.erase(&socket_);
    leave();
  }

  // How many this uid has now. A second call moves the connection to another uid.
  std::size_t countFor(std::uint32_t uid) {
    leave();
    uid_ = uid;
    return ++core_.connections_by_uid[uid];
  }

 private:
  void leave() {
    if (uid_ && --core_.connections_by_uid[*uid_] == 0) core_.connections_by_uid.erase(*uid_);
    uid_.reset();
  }

  Core& core_;
  Socket& socket_;
  std::optional<std::uint32_t> uid_;
};

// Whose connection it is for the caps only: also of peers that identify() refuses.
std::uint32_t peerUid(int socket) {
  ucred peer{};
  socklen_t size = sizeof peer;
  return ::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 ? peer.uid : static_cast<uid_t>(-1);
}

class Session {
 public:
  Session(Core& core, Socket socket)
      : core_(core),
        client_(std::move(socket)),
        engine_(core.executor, core.options.engine_socket),
        registration_(core_, client_.socket()),
        engine_registration_(core_, engine_.socket()) {}

  asio::awaitable<void> run();

 private:
  // The Engine's side is closed by stop() too, but is no connection that counts.
  struct EngineRegistration {
    EngineRegistration(Core& core_in, Socket& socket_in) : core(core_in), socket(socket_in) {
      core.sockets.insert(&socket);
    }
    EngineRegistration(const EngineRegistration&) = delete;
    EngineRegistration& operator=(const EngineRegistration&) = delete;
    ~EngineRegistration() { core.sockets.erase(&socket); }
    Core& core;
    Socket& socket;
  };

  asio::awaitable<std::optional<Denial>> identify();
  std::optional<Denial> count(std::uint32_t uid);
  asio::awaitable<Flow> serveOne(std::optional<Denial> refused);
  asio::awaitable<Flow> refuse(Denial denial);

  Core& core_;
  ClientLink client_;
  EngineLink engine_;
  Registration registration_;
  EngineRegistration engine_registration_;
  std::shared_ptr<Peer> peer_;  // set once identified
  bool flooding_ = false;       // so far beyond the cap that it is not even told
};

asio::awaitable<std::optional<Denial>> Session::identify() {
  const std::uint32_t uid = peerUid(client_.socket().native_handle());
  if (auto refusal = count(uid)) co_return refusal;
  if (core_.connections > core_.options.max_connections) {
    co_return Denial{503, "too_many_connections", "too many connections are open on this socket; try again later"};
  }
  auto identified = co_await core_.ports.identities.identify(client_.socket().native_handle());
  if (!identified) co_return std::move(identified.error());
  // Whose container it is counts from here on: uid 0 in one is not root, and must not use up root's connections.
  if (const std::uint32_t acts_as = (*identified)->caller().user.uid; acts_as != uid) {
    if (auto refusal = count(acts_as)) co_return refusal;
  }
  peer_ = std::move(*identified);
  co_return std::nullopt;
}

std::optional<Denial> Session::count(std::uint32_t uid) {
  const std::size_t own = registration_.countFor(uid);
  const std::size_t most = core_.options.max_connections_per_uid;
  flooding_ = own > most + kRefusalsPerUid;
  if (own <= most) return std::nullopt;
  return Denial{503, "too_many_connections",
                fmt::format("you have {} connections open, which is as many as one user may", most)};
}

// Before there is a request that could be answered by an Exchange, or when its head is not to be trusted.
asio::awaitable<Flow> Session::refuse(Denial denial) {
  const DecisionId id = core_.ports.site.newDecision();
  events::Event event;
  event.type = "auth.denied";
  if (peer_) event.user = peer_->caller().user.login;
  if (denial.part.empty()) denial.part = peer_ ? "gateway: request" : "identity";
  event.details = events::denialDetails(denial, id);
  if (peer_) addOrigin(event.details, peer_->caller());
  core_.ports.events.emit(std::move(event));
  const std::string json = messageJson(fmt::format("ds01: {} (decision {})", denial.text, id.str()));
  co_await writeAll(client_.socket(), ownResponse(denial.http_status, json, true, false));
  co_return Flow::Drain;
}

asio::awaitable<Flow> Session::serveOne(std::optional<Denial> refused) {
  const ClientLink::Patience patience = refused ? ClientLink::Patience::Now : ClientLink::Patience::FirstByte;
  auto bytes = co_await client_.readHead(core_.options.head_timeout, patience);
  if (!bytes) {
    Denial denial = refused ? std::move(*refused) : std::move(bytes.error());
    co_return co_await refuse(std::move(denial));
  }
  if (bytes->empty() || core_.stopping) co_return Flow::Close;
  // Refusals of the connection wait for the first request, because clients write before they read.
  if (refused) co_return co_await refuse(std::move(*refused));
  if (!peer_->alive()) {
    Denial gone{403, "peer_gone", "the process that opened this connection has exited; connect again"};
    co_return co_await refuse(std::move(gone));
  }
  auto head = parseHead(*bytes);
  if (!head) co_return co_await refuse(std::move(head.error()));
  auto target = parseTarget(head->target);
  if (!target) co_return co_await refuse(std::move(target.error()));
  if (const Status framed = client_.beginBody(*bytes); !framed) {
    Denial denial{400, "malformed_http", framed.error().message()};
    co_return co_await refuse(std::move(denial));
  }
  bytes->clear();
  bytes->shrink_to_fit();
  const auto match = matchRoute(head->method, *target);
  Exchange exchange(core_, client_, engine_, peer_->caller(), std::move(*head), std::move(*target), match);
  co_return co_await handle(exchange);
}

asio::awaitable<void> Session::run() {
  const std::optional<Denial> refused = co_await identify();
  Flow flow = flooding_ ? Flow::Close : Flow::KeepAlive;
  while (flow == Flow::KeepAlive && !core_.stopping) flow = co_await serveOne(refused);
  engine_.close();
  if (flow == Flow::Drain) co_await client_.drain(core_.options.drain_timeout);
}

}  // namespace

asio::awaitable<void> serveConnection(std::shared_ptr<Core> core, Socket socket) {
  try {
    Session session(*core, std::move(socket));
    co_await session.run();
  } catch (const std::exception& error) {
    spdlog::error("gateway: a session ended by an exception: {}", error.what());
  }
}

}  // namespace ds01::gateway
