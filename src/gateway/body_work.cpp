#include "gateway/body_work.h"

#include <utility>

#include <boost/json/serialize.hpp>

#include "admission/json_guard.h"

namespace ds01::gateway {

namespace asio = boost::asio;
namespace json = boost::json;

asio::awaitable<std::optional<Denial>> compute(Ports& ports, std::uint32_t uid, std::size_t bytes,
                                               std::function<std::optional<Denial>()> work) {
  if (bytes <= kLargeBody) co_return work();
  const auto verdict = std::make_shared<std::optional<Denial>>();
  // Named, because GCC 12 destroys a lambda that is a temporary of a co_await expression twice.
  std::function<void()> call = [verdict, work = std::move(work)] { *verdict = work(); };
  const Status done = co_await ports.computing.run(uid, std::move(call));
  if (done) co_return std::move(*verdict);
  co_return Denial{503, "computing", "this server cannot look at so large a request now; try again in a moment"};
}

asio::awaitable<void> discard(Ports& ports, std::uint32_t uid, std::size_t bytes, std::shared_ptr<void> held) {
  // The thread's copy is the last one: `held` has moved into it.
  std::function<std::optional<Denial>()> work = [last = std::move(held)]() mutable {
    last.reset();
    return std::optional<Denial>();
  };
  co_await compute(ports, uid, bytes, std::move(work));
}

asio::awaitable<std::expected<std::shared_ptr<BodyDraft>, Denial>> draftBody(Exchange& exchange, Examine examine) {
  std::expected<std::string, Denial> bytes = co_await exchange.readWholeBody();
  if (!bytes) co_return std::unexpected(std::move(bytes.error()));
  const std::optional<EngineFacts> facts = exchange.ports().site.engineFacts();
  if (!facts) {
    co_return std::unexpected(Denial{503, "engine_away", "the Docker Engine does not answer; try again in a moment"});
  }
  const Route& route = *exchange.match()->route;
  const auto draft = std::make_shared<BodyDraft>(bytes->size());
  std::function<std::optional<Denial>()> work = [draft, &route,
                                                 options = admission::GuardOptions{exchange.caller().admin, facts->api},
                                                 text = std::make_shared<const std::string>(std::move(*bytes)),
                                                 examine = std::move(examine)]() -> std::optional<Denial> {
    admission::BodyVerdict body = admission::guardBody(route.method, route.pattern, *text, options);
    if (body && examine) body = examine(std::move(*body));
    if (!body) return std::move(body.error());
    draft->body = std::move(*body);
    return std::nullopt;
  };
  std::optional<Denial> denial =
      co_await compute(exchange.ports(), exchange.caller().user.uid, draft->bytes, std::move(work));
  if (denial) co_return std::unexpected(std::move(*denial));
  co_return draft;
}

asio::awaitable<std::expected<std::string, Denial>> writeBody(Exchange& exchange, std::shared_ptr<BodyDraft> draft) {
  const auto text = std::make_shared<std::string>();
  std::function<std::optional<Denial>()> work = [draft, text]() -> std::optional<Denial> {
    const json::object body = std::exchange(draft->body, {});
    *text = json::serialize(body);
    return std::nullopt;
  };
  std::optional<Denial> denial =
      co_await compute(exchange.ports(), exchange.caller().user.uid, draft->bytes, std::move(work));
  if (denial) co_return std::unexpected(std::move(*denial));
  co_return std::move(*text);
}

asio::awaitable<void> discardBody(Exchange& exchange, std::shared_ptr<BodyDraft> draft) {
  const std::size_t bytes = draft->bytes;
  co_await discard(exchange.ports(), exchange.caller().user.uid, bytes, std::move(draft));
}

}  // namespace ds01::gateway
