// What the route table's rules do.
#pragma once

#include <boost/asio/awaitable.hpp>

#include "gateway/exchange.h"

namespace ds01::gateway {

// Carries out one request whose head has been checked. Exceptions of the ports are the caller's to catch.
boost::asio::awaitable<Flow> handle(Exchange& exchange);

// Rules with files of their own.
boost::asio::awaitable<Flow> handleCreate(Exchange& exchange);          // POST /containers/create
boost::asio::awaitable<Flow> handleInspect(Exchange& exchange);         // GET /containers/{}/json
boost::asio::awaitable<Flow> handleStart(Exchange& exchange);           // POST /containers/{}/start and …/restart
boost::asio::awaitable<Flow> handleContainerPrune(Exchange& exchange);  // POST /containers/prune
boost::asio::awaitable<Flow> handleUpdate(Exchange& exchange);          // POST /containers/{}/update

}  // namespace ds01::gateway
