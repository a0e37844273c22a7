// How an Exchange comes by a connection to the Engine of another kind than the client's.
#include <functional>

#include <boost/asio/awaitable.hpp>
#include <fmt/format.h>

#include "gateway/exchange.h"

namespace ds01::gateway {

namespace asio = boost::asio;

asio::awaitable<Result<std::string>> Exchange::upgradeEngine(Outgoing out) {
  const std::function<void()> nothing;
  while (true) {
    const Result<Sent> sent = co_await send(out, nothing);
    if (!sent) co_return fail(sent.error());
    const Result<ResponseHead> head = co_await engine_.readHead(false);
    if (!head) {
      engine_.close();
      if (sent->reused) continue;  // the Engine had closed it; an upgrade alone does nothing
      co_return fail(head.error());
    }
    turn_.end();
    if (head->status == 101 || (head->status == 200 && head->until_close)) co_return engine_.takeBuffered();
    engine_.close();
    co_return fail(ErrorCode::Malformed, fmt::format("it answers {} to {} {}", head->status, out.method, out.target));
  }
}

}  // namespace ds01::gateway
