// Whether a build with BuildKit may begin, whoever asks BuildKit for it: the client itself (build_calls.h) or we
// (session_build.h).
#pragma once

#include <expected>
#include <string>
#include <string_view>

#include <boost/asio/awaitable.hpp>

#include "buildkit/control.h"
#include "gateway/exchange.h"
#include "gateway/image_tags.h"
#include "model/denial.h"

namespace ds01::gateway {

struct PermittedSolve {
  std::string message;  // SolveRequest, as it may go to the Engine
  HeldTags held;        // until nothing of the build goes on any more
};

// The names that the build will set are the caller's from now on.
boost::asio::awaitable<std::expected<PermittedSolve, Denial>> permitSolve(Exchange& exchange,
                                                                          buildkit::SolveRequest request);

// When nothing of it goes on any more. `answer`: the SolveResponse; empty if there was none.
boost::asio::awaitable<void> settleSolve(Exchange& exchange, HeldTags held, std::string answer);

}  // namespace ds01::gateway
