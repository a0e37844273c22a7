#include "gateway/gateway.h"

#include <cerrno>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <spdlog/spdlog.h>
#include <sys/socket.h>

#include "base/fd.h"
#include "gateway/core.h"
#include "gateway/session.h"

namespace ds01::gateway {

namespace asio = boost::asio;
using boost::system::error_code;

namespace {

constexpr std::chrono::milliseconds kAcceptPause{100};
constexpr int kAcceptsAtOnce = 64;  // then whatever else is ready has its turn

// It has closed both directions and left nothing to be read.
bool hasGone(Socket& socket) {
  char byte = 0;
  return hungUp(socket) && ::recv(socket.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) <= 0;
}

// Takes what waits in the backlog. The error, if it is one that ends the accepting for now.
error_code acceptSome(const std::shared_ptr<Core>& core, asio::local::stream_protocol::acceptor& acceptor) {
  for (int i = 0; i < kAcceptsAtOnce && !core->stopping; ++i) {
    Fd accepted(::accept4(acceptor.native_handle(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!accepted.valid()) {
      if (errno == EINTR || errno == ECONNABORTED) continue;
      if (errno == EAGAIN || errno == EWOULDBLOCK) return {};
      return {errno, boost::system::system_category()};
    }
    ConnectionCaps::Place place = core->caps.enter(core->ports.identities.accountOf(accepted.get()));
    if (place.closed()) continue;
    Socket socket(core->executor);
    error_code ec;
    socket.assign(asio::local::stream_protocol(), accepted.get(), ec);
    if (ec) return ec;
    accepted.release();
    if (hasGone(socket)) continue;
    asio::co_spawn(core->executor, serveConnection(core, std::move(socket), std::move(place)), asio::detached);
  }
  return {};
}

}  // namespace

Gateway::Gateway(asio::any_io_executor executor, Ports ports, GatewayOptions options)
    : core_(std::make_shared<Core>(std::move(executor), ports, std::move(options))) {}

Gateway::~Gateway() = default;

asio::awaitable<void> Gateway::serve(asio::local::stream_protocol::acceptor acceptor) {
  const std::shared_ptr<Core> core = core_;
  core->acceptors.insert(&acceptor);
  while (!core->stopping) {
    error_code ec;
    co_await acceptor.async_wait(asio::local::stream_protocol::acceptor::wait_read,
                                 asio::redirect_error(asio::use_awaitable, ec));
    if (core->stopping || ec == asio::error::operation_aborted || ec == asio::error::bad_descriptor) break;
    if (!ec) ec = acceptSome(core, acceptor);
    if (ec) {
      // Out of descriptors or memory, most likely: what is waiting keeps waiting.
      spdlog::warn("gateway: accept: {}", ec.message());
      asio::steady_timer pause(core->executor, kAcceptPause);
      co_await pause.async_wait(asio::redirect_error(asio::use_awaitable, ec));
    }
  }
  core->acceptors.erase(&acceptor);
}

void Gateway::stop() {
  core_->stopping = true;
  error_code ignored;
  for (auto* acceptor : core_->acceptors) acceptor->close(ignored);
  for (Socket* socket : core_->sockets) socket->close(ignored);
  core_->idle_engines.clear();
  core_->open_sessions.stop();
}

std::size_t Gateway::connections() const {
  return core_->connections;
}

}  // namespace ds01::gateway
