#include "gateway/session.h"

#include <algorithm>
#include <chrono>
#include <exception>
#include <optional>

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include "events/details.h"
#include "gateway/handlers.h"
#include "gateway/raw_head.h"

namespace ds01::gateway {

namespace asio = boost::asio;

namespace {

constexpr std::chrono::milliseconds kPaceLook{50};

// Counts a session as long as it lives, and shows its socket to stop().
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
  }

 private:
  Core& core_;
  Socket& socket_;
};

class Session {
 public:
  Session(std::shared_ptr<Core> core, Socket socket, ConnectionCaps::Place place)
      : shared_core_(std::move(core)),
        core_(*shared_core_),
        client_(std::move(socket)),
        engine_(core_.executor, core_.options.engine_socket, core_.idle_engines),
        registration_(core_, client_.socket()),
        engine_registration_(core_, engine_.socket()),
        place_(std::move(place)) {}

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
  asio::awaitable<std::optional<Denial>> findPeer();
  Denial tooMany() const { return {503, "too_many_connections", place_.whyNot()}; }
  asio::awaitable<bool> keepPace(std::uint32_t uid);
  asio::awaitable<Flow> serveOne(std::optional<Denial> refused);
  asio::awaitable<Flow> refuse(Denial denial);

  const std::shared_ptr<Core> shared_core_;
  Core& core_;
  ClientLink client_;
  EngineLink engine_;
  Registration registration_;
  EngineRegistration engine_registration_;
  ConnectionCaps::Place place_;
  std::shared_ptr<Peer> peer_;  // set once identified
};

asio::awaitable<std::optional<Denial>> Session::identify() {
  if (!place_.held()) co_return tooMany();
  std::optional<Denial> refused = co_await findPeer();
  if (refused) {
    place_.refuse();
    co_return refused;
  }
  // Whose container it is counts from here on: uid 0 in one is not root, and must not use up root's connections.
  const Account acts_as{peer_->caller().user.uid, true};
  if (acts_as != place_.account()) place_.moveTo(acts_as);
  if (!place_.held()) co_return tooMany();
  co_return std::nullopt;
}

asio::awaitable<std::optional<Denial>> Session::findPeer() {
  // It may take the Engine to know whose container the peer is in.
  const Account& account = place_.account();
  const std::uint64_t key = account.id << 1U | (account.on_host ? 1U : 0U);
  const net::Turns::Turn turn = co_await core_.identifying.take(key);
  // Nobody is there any more who wants to know.
  if (core_.stopping || (turn.waited() && hungUp(client_.socket()))) {
    co_return Denial{503, "peer_gone", "the connection was closed before it was known whose it is"};
  }
  auto identified = co_await core_.ports.identities.identify(client_.socket().native_handle());
  if (!identified) co_return std::move(identified.error());
  peer_ = std::move(*identified);
  co_return std::nullopt;
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

// Whether it had to wait; half a second at most, with as many connections as one may have. Ends also when nobody who
// asks less is being answered any more, or the client has gone, so that it keeps no place.
asio::awaitable<bool> Session::keepPace(std::uint32_t uid) {
  using Clock = asio::steady_timer::clock_type;
  const auto hold = [&] {
    const Clock::time_point now = Clock::now();
    return core_.requests.anyOther(uid, [&](std::uint64_t other) { return core_.pace.asksMore(uid, other, now); });
  };
  const Clock::time_point now = Clock::now();
  core_.pace.count(uid, now);
  const Clock::time_point until = now + core_.pace.admit(uid, hold(), now);
  if (until <= now) co_return false;
  asio::steady_timer timer(core_.executor);
  while (Clock::now() < until && hold() && !hungUp(client_.socket()) && !core_.stopping) {
    timer.expires_at(std::min(until, Clock::now() + kPaceLook));
    boost::system::error_code ignored;
    co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  }
  co_return true;
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
  bool waited = false;
  if (const std::uint32_t uid = peer_->caller().user.uid; uid != 0) {
    waited = co_await keepPace(uid);
    turn = co_await core_.requests.take(uid);
  }
  if (core_.stopping) co_return Flow::Close;
  // Nobody is there any more who wants it.
  if ((waited || turn.waited()) && hungUp(client_.socket())) co_return Flow::Close;
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
  Flow flow = Flow::Close;
  std::exception_ptr thrown;
  try {
    flow = co_await handle(exchange);
  } catch (...) {
    thrown = std::current_exception();
  }
  if (thrown) {
    co_await exchange.abandon();
    std::rethrow_exception(thrown);
  }
  co_return flow;
}

asio::awaitable<void> Session::run() {
  const std::optional<Denial> refused = co_await identify();
  if (place_.closed()) co_return;
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
asio::awaitable<void> serveConnection(std::shared_ptr<Core> core, Socket socket, ConnectionCaps::Place place) {
  return serve(std::make_unique<Session>(std::move(core), std::move(socket), std::move(place)));
}

}  // namespace ds01::gateway
