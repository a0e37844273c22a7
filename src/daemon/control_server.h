// The control API's socket: RUN_DIR/ds01.sock, open to everybody; who asks decides what is answered. I/O thread only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/local/stream_protocol.hpp>

#include "control/router.h"
#include "gateway/ports.h"

namespace ds01::daemon {

// Sessions now open; a stream (events --follow) is one for as long as it runs.
struct ControlSessions {
  static constexpr std::size_t kMost = 512;
  static constexpr std::size_t kMostPerUid = 16;
  std::size_t all = 0;
  std::map<std::uint32_t, std::size_t> by_uid;
};

class ControlServer {
 public:
  // Both must outlive this.
  ControlServer(gateway::Identities& identities, const control::Router& router)
      : identities_(identities), router_(router) {}

  // Accepts until the acceptor is closed.
  boost::asio::awaitable<void> serve(boost::asio::local::stream_protocol::acceptor& acceptor);

 private:
  class Place;
  boost::asio::awaitable<void> session(boost::asio::local::stream_protocol::socket socket,
                                       std::unique_ptr<Place> place);

  gateway::Identities& identities_;
  const control::Router& router_;
  // Shared, because the frame of a session may be destroyed with the loop, after this.
  std::shared_ptr<ControlSessions> sessions_ = std::make_shared<ControlSessions>();
};

}  // namespace ds01::daemon
