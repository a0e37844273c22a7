// The control API's socket: RUN_DIR/ds01.sock, open to everybody; who asks decides what is answered. I/O thread only.
#pragma once

#include <memory>

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
  boost::asio::awaitable<void> session(boost::asio::local::stream_protocol::socket socket,
                                       std::shared_ptr<const bool> counted);

  gateway::Identities& identities_;
  const control::View& view_;
  // One owner besides this for each session, also for one whose frame is destroyed with the loop, after this.
  std::shared_ptr<const bool> sessions_ = std::make_shared<const bool>(true);
};

}  // namespace ds01::daemon
