// POST /build?version=2, where BuildKit is open: the client's own BuildKit (docker build, 20.10) has the Engine make
// the call Solve, whose Dockerfile may name any frontend. Here we make it, as permitSolve() lets it go, and tell the
// client what the Engine would. The client's files come by its session (POST /session), which it has opened before.
#pragma once

#include <boost/asio/awaitable.hpp>

#include "gateway/exchange.h"

namespace ds01::gateway {

// Before a request by version=2 is answered: until its session has begun (open_sessions.h). False: the client has gone
// meanwhile.
boost::asio::awaitable<bool> awaitSession(Exchange& exchange);

// The query has been checked by checkBuildQuery().
boost::asio::awaitable<Flow> handleSessionBuild(Exchange& exchange);

// POST /build/cancel: a build of the caller's that is made here.
boost::asio::awaitable<Flow> handleBuildCancel(Exchange& exchange);

}  // namespace ds01::gateway
