// What the route table's rules do.
#pragma once

#include <boost/asio/awaitable.hpp>

#include "gateway/exchange.h"

namespace ds01::gateway {

// Carries out one request whose head has been checked. Exceptions of the ports are the caller's to catch.
boost::asio::awaitable<Flow> handle(Exchange& exchange);

// Rules with a file of their own: POST /containers/create and /containers/prune.
boost::asio::awaitable<Flow> handleCreate(Exchange& exchange);
boost::asio::awaitable<Flow> handleContainerPrune(Exchange& exchange);

}  // namespace ds01::gateway
