// Raw bytes both ways after an upgrade.
#pragma once

#include <chrono>
#include <string>

#include <boost/asio/awaitable.hpp>

#include "gateway/http_link.h"

namespace ds01::gateway {

// Carries `from_client` and `from_engine` (what was read beyond the heads) and then all that comes, until both sides
// have ended. The end of one direction is passed on as such; when the Engine's ends, the client gets `linger` to close.
// A client that is gone altogether ends both. No limit in time else.
boost::asio::awaitable<void> relayRaw(Socket& client, std::string from_client, Socket& engine, std::string from_engine,
                                      std::chrono::milliseconds linger);

}  // namespace ds01::gateway
