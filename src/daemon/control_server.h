// The control API's socket: RUN_DIR/ds01.sock, open to everybody; who asks decides what is answered. I/O thread only.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/local/stream_protocol.hpp>

#include "control/router.h"
#include "gateway/ports.h"

namespace ds01::daemon {

class ControlServer {
 public:
  // Both must outlive this.
  ControlServer(gateway::Identities& identities, const control::View& view) : identities_(identities), view_(view) {}

  // Accepts until the acceptor is closed.
  boost::asio::awaitable<void> serve(boost::asio::local::stream_protocol::acceptor& acceptor);

 private:
  boost::asio::awaitable<void> session(boost::asio::local::stream_protocol::socket socket);

  gateway::Identities& identities_;
  const control::View& view_;
  std::size_t sessions_ = 0;
};

}  // namespace ds01::daemon
