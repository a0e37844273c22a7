// JSON bodies, guarded and judged. What takes the longer the larger a body is happens on a thread of the pool if the
// body is large, its freeing included, so that nobody waits for it but who sent it; the answers are the same.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include <boost/asio/awaitable.hpp>
#include <boost/json/object.hpp>

#include "admission/endpoints.h"
#include "gateway/exchange.h"

namespace ds01::gateway {

// At most about half a millisecond of work, whatever is in it.
inline constexpr std::size_t kLargeBody = 16UL * 1024;

// Runs `work`, which belongs to the user `uid` and to a body of so many bytes. It may outlive the frame that waits, so
// it owns all it uses, and what it shares with that frame nobody else touches meanwhile. Its own denial, or a 503.
// `ports` outlives the call.
boost::asio::awaitable<std::optional<Denial>> compute(Ports& ports, std::uint32_t uid, std::size_t bytes,
                                                      std::function<std::optional<Denial>()> work);

// Frees what `held` alone still holds, off the I/O thread too.
boost::asio::awaitable<void> discard(Ports& ports, std::uint32_t uid, std::size_t bytes, std::shared_ptr<void> held);

struct BodyDraft {
  std::size_t bytes = 0;  // as the client sent it
  boost::json::object body;
};

// The request's body as Go would understand it, after `examine` if that is set; or why not. `examine` owns all it uses.
using Examine = std::function<admission::BodyVerdict(boost::json::object)>;
boost::asio::awaitable<std::expected<std::shared_ptr<BodyDraft>, Denial>> draftBody(Exchange& exchange,
                                                                                    Examine examine);

// What goes to the Engine. The draft is empty afterwards.
boost::asio::awaitable<std::expected<std::string, Denial>> writeBody(Exchange& exchange,
                                                                     std::shared_ptr<BodyDraft> draft);

// Instead, if nothing goes to the Engine.
boost::asio::awaitable<void> discardBody(Exchange& exchange, std::shared_ptr<BodyDraft> draft);

}  // namespace ds01::gateway
