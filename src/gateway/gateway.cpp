#include "gateway/gateway.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <spdlog/spdlog.h>

#include "gateway/core.h"
#include "gateway/session.h"

namespace ds01::gateway {

namespace asio = boost::asio;
using boost::system::error_code;

namespace {

constexpr std::chrono::milliseconds kAcceptPause{100};
// Beyond the cap connections get a sentence; beyond this many more they are closed at once.
constexpr std::size_t kRefusalsAtOnce = 64;

}  // namespace

Gateway::Gateway(asio::any_io_executor executor, Ports ports, GatewayOptions options)
    : core_(std::make_shared<Core>(std::move(executor), ports, std::move(options))) {}

Gateway::~Gateway() = default;

asio::awaitable<void> Gateway::serve(asio::local::stream_protocol::acceptor acceptor) {
  const std::shared_ptr<Core> core = core_;
  core->acceptors.insert(&acceptor);
  while (!core->stopping) {
    Socket socket(core->executor);
    error_code ec;
    co_await acceptor.async_accept(socket, asio::redirect_error(asio::use_awaitable, ec));
    if (core->stopping || ec == asio::error::operation_aborted || ec == asio::error::bad_descriptor) break;
    if (ec) {
      // Out of descriptors or memory, most likely: what is waiting keeps waiting.
      spdlog::warn("gateway: accept: {}", ec.message());
      asio::steady_timer pause(core->executor, kAcceptPause);
      co_await pause.async_wait(asio::redirect_error(asio::use_awaitable, ec));
      continue;
    }
    if (core->connections >= core->options.max_connections + kRefusalsAtOnce) continue;
    asio::co_spawn(core->executor, serveConnection(core, std::move(socket)), asio::detached);
  }
  core->acceptors.erase(&acceptor);
}

void Gateway::stop() {
  core_->stopping = true;
  error_code ignored;
  for (auto* acceptor : core_->acceptors) acceptor->close(ignored);
  for (Socket* socket : core_->sockets) socket->close(ignored);
}

std::size_t Gateway::connections() const {
  return core_->connections;
}

}  // namespace ds01::gateway
