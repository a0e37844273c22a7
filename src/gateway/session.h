// One client connection from accept to close.
#pragma once

#include <memory>

#include <boost/asio/awaitable.hpp>

#include "gateway/core.h"

namespace ds01::gateway {

// `place` is what the connection occupies. Identifies the peer and serves its requests one after the other. `core` is
// shared because sessions may outlive the Gateway object for the moment it takes their coroutines to notice that their
// sockets were closed.
boost::asio::awaitable<void> serveConnection(std::shared_ptr<Core> core, Socket socket, ConnectionCaps::Place place);

}  // namespace ds01::gateway
