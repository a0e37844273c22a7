#include "gateway/solve_permit.h"

#include <optional>
#include <utility>
#include <vector>

#include "docker/image_reference.h"
#include "gateway/build_calls.h"

namespace ds01::gateway {

namespace asio = boost::asio;

asio::awaitable<std::expected<PermittedSolve, Denial>> permitSolve(Exchange& exchange, buildkit::SolveRequest request) {
  PermittedSolve permitted;
  std::vector<docker::ImageReference> tags;
  std::optional<Denial> denial = examineSolveRequest(request, exchange.caller().user.uid, tags);
  if (!denial) {
    const Status looked = co_await lookAtImages(exchange, permitted.held);
    if (!looked) denial = exchange.engineAway(looked.error());
  }
  if (!denial) denial = co_await holdTags(exchange, permitted.held, std::move(tags));
  if (denial) co_return std::unexpected(std::move(*denial));
  permitted.message = buildkit::writeSolve(request);
  co_return permitted;
}

asio::awaitable<void> settleSolve(Exchange& exchange, HeldTags held, std::string answer) {
  std::vector<std::string> images = buildkit::imagesOf(answer);
  co_await settleTags(exchange, std::move(held), std::move(images));
}

}  // namespace ds01::gateway
