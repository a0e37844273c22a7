#include "daemon/control_server.h"

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "daemon/background.h"
#include "net/http_server.h"

namespace ds01::daemon {

namespace asio = boost::asio;
using asio::local::stream_protocol;

namespace {

constexpr long kMaxSessions = 256;

}  // namespace

asio::awaitable<void> ControlServer::serve(stream_protocol::acceptor& acceptor) {
  while (acceptor.is_open()) {
    boost::system::error_code error;
    stream_protocol::socket socket = co_await acceptor.async_accept(asio::redirect_error(asio::use_awaitable, error));
    if (error == asio::error::operation_aborted || !acceptor.is_open()) co_return;
    if (error) {
      // Out of descriptors, most likely: try again when some may have been closed.
      asio::steady_timer timer(acceptor.get_executor(), std::chrono::milliseconds(100));
      co_await timer.async_wait(asio::use_awaitable);
      continue;
    }
    if (sessions_.use_count() > kMaxSessions) continue;  // closes the socket
    runBeside(acceptor.get_executor(), session(std::move(socket), sessions_), "a session of the control API");
  }
}

asio::awaitable<void> ControlServer::session(stream_protocol::socket socket, std::shared_ptr<const bool>) {
  const auto peer = co_await identities_.identify(socket.native_handle());
  net::HttpHandler answer = [this, &peer](const net::HttpRequest& request) -> asio::awaitable<net::HttpReply> {
    if (!peer) co_return control::errorReply(peer.error().http_status, "ds01: " + peer.error().text);
    if (!(*peer)->alive()) {
      co_return control::errorReply(403, "ds01: the process that opened this connection has exited");
    }
    co_return control::handle(request, (*peer)->caller(), view_);
  };
  const net::HttpServerOptions options;
  co_await net::serveHttp(std::move(socket), std::move(answer), options);
}

}  // namespace ds01::daemon
