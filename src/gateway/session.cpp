#include "gateway/session.h"

#include <exception>
#include <optional>

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include "events/details.h"
#include "gateway/handlers.h"
#include "gateway/raw_head.h"

namespace ds01::gateway {

namespace asio = boost::asio;

namespace {

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

  // How many this account has now. A second call moves the connection to another one.
  std::size_t countFor(const Account& account) {
    leave();
    account_ = account;
    return ++core_.connections_by_account[account];
  }

 private:
  void leave() {
    if (!account_) return;
    const auto found = core_.connections_by_account.find(*account_);
    if (--found->second == 0) core_.connections_by_account.erase(found);
    account_.reset();
  }

  Core& core_;
  Socket& socket_;
  std::optional<Account> account_;
};

class Session {
 public:
  Session(std::shared_ptr<Core> core, Socket socket, const Account& account)
      : shared_core_(std::move(core)),
        core_(*shared_core_),
        client_(std::move(socket)),
        engine_(core_.executor, core_.options.engine_socket, core_.idle_engines),
        registration_(core_, client_.socket()),
        engine_registration_(core_, engine_.socket()),
        account_(account) {
    registration_.countFor(account_);
  }

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
  std::optional<Denial> refuseByCap(std::size_t own) const;
  asio::awaitable<Flow> serveOne(std::optional<Denial> refused);
  asio::awaitable<Flow> refuse(Denial denial);

  const std::shared_ptr<Core> shared_core_;
  Core& core_;
  ClientLink client_;
  EngineLink engine_;
  Registration registration_;
  EngineRegistration engine_registration_;
  const Account account_;       // before identification
  std::shared_ptr<Peer> peer_;  // set once identified
};

asio::awaitable<std::optional<Denial>> Session::identify() {
  if (auto refusal = refuseByCap(core_.connectionsOf(account_))) co_return refusal;
  if (account_ != kRootOnHost && core_.userConnections() > core_.options.max_connections) {
    co_return Denial{503, "too_many_connections", "too many connections are open on this socket; try again later"};
  }
  // It may take the Engine to know whose container the peer is in.
  const std::uint64_t key = std::uint64_t{account_.uid} << 1U | (account_.on_host ? 1U : 0U);
  net::Turns::Turn turn = co_await core_.identifying.take(key);
  auto identified = co_await core_.ports.identities.identify(client_.socket().native_handle());
  turn.end();
  if (!identified) co_return std::move(identified.error());
  // Whose container it is counts from here on: uid 0 in one is not root, and must not use up root's connections.
  const Account acts_as{(*identified)->caller().user.uid, true};
  if (acts_as != account_) {
    if (auto refusal = refuseByCap(registration_.countFor(acts_as))) co_return refusal;
  }
  peer_ = std::move(*identified);
  co_return std::nullopt;
}

std::optional<Denial> Session::refuseByCap(std::size_t own) const {
  const std::size_t most = core_.options.max_connections_per_uid;
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
  net::Turns::Turn turn;
  if (const std::uint32_t uid = peer_->caller().user.uid; uid != 0) turn = co_await core_.requests.take(uid);
  if (core_.stopping) co_return Flow::Close;
  // Nobody is there any more who wants it.
  if (turn.waited() && hungUp(client_.socket())) co_return Flow::Close;
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
  exchange.takeTurn(std::move(turn));
  co_return co_await handle(exchange);
}

asio::awaitable<void> Session::run() {
  const std::optional<Denial> refused = co_await identify();
  Flow flow = Flow::KeepAlive;
  while (flow == Flow::KeepAlive && !core_.stopping) flow = co_await serveOne(refused);
  if (core_.stopping) {
    engine_.close();
  } else {
    engine_.giveBack();
  }
  if (flow == Flow::Drain) co_await client_.drain(core_.options.drain_timeout);
}

asio::awaitable<void> serve(std::unique_ptr<Session> session) {
  try {
    co_await session->run();
  } catch (const std::exception& error) {
    spdlog::error("gateway: a session ended by an exception: {}", error.what());
  }
}

}  // namespace

// Counted from here on, and not only once it runs.
asio::awaitable<void> serveConnection(std::shared_ptr<Core> core, Socket socket, const Account& account) {
  return serve(std::make_unique<Session>(std::move(core), std::move(socket), account));
}

}  // namespace ds01::gateway
