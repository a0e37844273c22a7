// POST /containers/{}/start and /restart: a container with a GPU starts only while its lease holds slots.
#include <chrono>

#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "gateway/container_rules.h"
#include "gateway/handlers.h"
#include "gateway/pin_views.h"

namespace ds01::gateway {

namespace asio = boost::asio;

namespace {

using std::chrono::milliseconds;

constexpr milliseconds kFirstPause{20};
constexpr milliseconds kLongestPause{640};

// dockerd reads a new CDI entry when its watch of the directory tells it to, which may be a moment after our write. In
// words of moby's daemon/cdi.go; if they change, the client gets the Engine's error and may try again.
bool entryNotSeen(const WholeResponse& response) {
  return response.head.status == 500 && response.body.find("CDI device injection failed") != std::string::npos;
}

std::optional<Denial> checkCheckpoint(const Exchange& exchange) {
  if (exchange.mayIgnore(RuleClass::Host)) return std::nullopt;
  for (const char* const key : {"checkpoint", "checkpoint-dir"}) {
    const std::string* value = exchange.target().get(key);
    if (value == nullptr || value->empty()) continue;
    return Denial{403, "checkpoint", "checkpoints are not open to users here; start the container without one"};
  }
  return std::nullopt;
}

asio::awaitable<Result<WholeResponse>> askToStart(Exchange& exchange, std::optional<std::string> body, bool fresh) {
  for (milliseconds pause = kFirstPause;; pause *= 2) {
    Outgoing out = exchange.outgoing();
    out.body = body;
    Result<WholeResponse> response = co_await exchange.ask(std::move(out));
    if (!response || !fresh || !entryNotSeen(*response) || pause > kLongestPause) co_return response;
    asio::steady_timer timer(co_await asio::this_coro::executor, pause);
    co_await timer.async_wait(asio::use_awaitable);
  }
}

// Until what has reached our sockets by now has been relayed: the first turn of the loop polls them, the second is
// behind the handlers of what was found.
asio::awaitable<void> letArrivedGoFirst() {
  for (int turn = 0; turn < 2; ++turn) co_await asio::post(asio::use_awaitable);
}

}  // namespace

asio::awaitable<Flow> handleStart(Exchange& exchange) {
  const Resolved found = co_await resolveContainer(exchange, exchange.name());
  if (!found.container) co_return found.flow;
  putName(exchange, found.container->id.str());
  if (std::optional<Denial> denial = checkCheckpoint(exchange)) co_return co_await exchange.deny(std::move(*denial));
  if (std::optional<Denial> denial = checkConfined(exchange, *found.container)) {
    co_return co_await exchange.deny(std::move(*denial));
  }
  // Only API versions that users may not speak have one.
  std::optional<std::string> body;
  if (exchange.caller().admin && exchange.head().hasBody()) {
    std::expected<std::string, Denial> bytes = co_await exchange.readWholeBody();
    if (!bytes) co_return co_await exchange.deny(std::move(bytes.error()));
    body = std::move(*bytes);
  }
  const DecisionId decision = exchange.decision();
  Attendance attendance = exchange.attend();
  std::expected<StartPermit, Denial> admitted =
      co_await exchange.ports().grants.admitStart(found.container->id, decision, &attendance.patience());
  const bool there = co_await attendance.end();
  if (!there && (admitted || attendance.patience().givenUp())) co_return Flow::Close;
  if (!admitted) co_return co_await exchange.deny(std::move(admitted.error()), decision);
  // Every way out settles the permit before the client hears of it.
  std::optional<StartPermit> permit(std::move(*admitted));
  const bool admin = exchange.mayIgnore(RuleClass::Mounts);
  if (std::optional<Denial> denial = co_await exchange.ports().pins.pinAgain(found.container->id, admin)) {
    permit.reset();
    co_return co_await exchange.deny(std::move(*denial), decision);
  }

  Result<WholeResponse> response = co_await askToStart(exchange, std::move(body), permit->fresh());
  if (!response) {
    permit.reset();
    co_return co_await exchange.engineFailed(response.error());
  }
  const bool started = response->head.status / 100 == 2 || response->head.status == 304;
  if (started) permit->started();
  permit.reset();
  // `docker run --rm` waits for the removal on another connection, and complains ("error waiting for container") when
  // the failed start overtakes that answer, which the Engine gives a moment before.
  if (!started) co_await letArrivedGoFirst();
  showSources(response->body, exchange.ports().pins, foldersShownOf(exchange, *found.container));
  co_return co_await exchange.relayWhole(std::move(*response));
}

}  // namespace ds01::gateway
