// How an Exchange comes by a request's body as a whole.
#include <chrono>
#include <memory>
#include <span>

#include <boost/asio/awaitable.hpp>
#include <fmt/format.h>

#include "gateway/deadline.h"
#include "gateway/exchange.h"

namespace ds01::gateway {

namespace asio = boost::asio;

namespace {

Denial slowBody(const GatewayOptions& options) {
  using std::chrono::seconds;
  return {408, "slow_body",
          fmt::format("the request body did not arrive in time: it may pause for {} s, and all of it may take {} s",
                      std::chrono::ceil<seconds>(options.body_pause).count(),
                      std::chrono::ceil<seconds>(options.body_timeout).count())};
}

}  // namespace

asio::awaitable<Status> Exchange::sendContinue() {
  if (!head_.expect_continue || continue_sent_) co_return Status{};
  continue_sent_ = true;
  co_return co_await writeAll(client_.socket(), "HTTP/1.1 100 Continue\r\n\r\n");
}

asio::awaitable<std::expected<std::string, Denial>> Exchange::readWholeBody() {
  std::string body;
  const Denial too_large{413, "body_too_large", "the request body is larger than 4 MiB"};
  const std::size_t told = head_.content_length.value_or(0);
  if (told > kMaxJsonBody) co_return std::unexpected(too_large);
  // Before it is read, so that what is refused costs nothing; what does not tell its length pays as it comes.
  if (auto denial = memory_.growTo(costOf(told, kRequestCost))) co_return std::unexpected(std::move(*denial));
  if (body_as_it_came_) co_return *body_as_it_came_;
  if (client_.bodyDone()) co_return body;
  // What is held meanwhile is held for a known time only.
  const GatewayOptions& options = core_.options;
  Deadline limit(client_.socket());
  limit.rearm(options.body_pause, options.body_timeout);
  const Status sent = co_await sendContinue();
  if (!sent && !limit.expired()) co_return std::unexpected(Denial{400, "client_gone", "the client has gone"});
  const auto piece = std::make_unique_for_overwrite<char[]>(kPieceBytes);
  const std::span room(piece.get(), kPieceBytes);
  while (true) {
    if (limit.expired()) co_return std::unexpected(slowBody(options));
    limit.rearm(options.body_pause, options.body_timeout);
    const Result<std::size_t> count = co_await client_.readBody(room);
    if (!count && limit.expired()) co_return std::unexpected(slowBody(options));
    if (!count) {
      co_return std::unexpected(
          Denial{400, "malformed_http", "the request body is broken: " + count.error().message()});
    }
    if (*count == 0) {
      if (!as_it_came_) co_return body;
      if (auto denial = memory_.growTo(costOf(body.size(), kRequestCost) + body.size())) {
        co_return std::unexpected(std::move(*denial));
      }
      body_as_it_came_ = body;
      co_return body;
    }
    if (body.size() + *count > kMaxJsonBody) co_return std::unexpected(too_large);
    const std::size_t cost = costOf(body.size() + *count, kRequestCost);
    if (auto denial = memory_.growTo(cost)) co_return std::unexpected(std::move(*denial));
    body.append(piece.get(), *count);
  }
}

}  // namespace ds01::gateway
