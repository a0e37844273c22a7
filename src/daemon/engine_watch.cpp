#include "daemon/engine_watch.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <spdlog/spdlog.h>

namespace ds01::daemon {

namespace asio = boost::asio;
using std::chrono::milliseconds;

namespace {

constexpr milliseconds kFirstPause{50};
constexpr milliseconds kLongestPause{1000};

std::string attribute(const EngineEvent& event, const char* key) {
  const auto it = event.attributes.find(key);
  return it == event.attributes.end() ? std::string{} : it->second;
}

}  // namespace

EngineWatch::EngineWatch(asio::any_io_executor executor, docker::EngineClient& engine, Site& site, OwnerService& owners,
                         LedgerService& ledger)
    : executor_(std::move(executor)), engine_(engine), site_(site), owners_(owners), ledger_(ledger) {}

asio::awaitable<void> EngineWatch::run(std::function<void()> settled) {
  settled_ = std::move(settled);
  std::string last_error;
  milliseconds pause = kFirstPause;
  for (;;) {
    const Status ended = co_await followOnce();
    const bool was_connected = site_.engineFacts().has_value();
    site_.setEngineFacts(std::nullopt);
    if (was_connected) pause = kFirstPause;
    // The same sentence once, not once a second.
    if (ended.error().message() != last_error || was_connected) {
      last_error = ended.error().message();
      spdlog::warn("no contact to the Docker Engine: {}; trying again", last_error);
    }
    settleOnce();
    asio::steady_timer timer(executor_, pause);
    co_await timer.async_wait(asio::use_awaitable);
    pause = std::min(pause * 2, kLongestPause);
  }
}

asio::awaitable<Status> EngineWatch::followOnce() {
  Result<EngineFacts> facts = co_await engine_.facts();
  if (!facts) co_return fail(facts.error());
  site_.setEngineFacts(std::move(*facts));
  // What is listed after the stream has opened cannot be missed between list and stream.
  std::function<void()> on_open = [this] { asio::co_spawn(executor_, reconcile(), asio::detached); };
  std::function<void(const EngineEvent&)> on_event = [this](const EngineEvent& event) { onEvent(event); };
  // Named, because GCC 12 destroys temporaries in the arguments of a co_await twice.
  const Status ended = co_await engine_.followEvents(std::move(on_open), std::move(on_event));
  co_return ended ? fail(ErrorCode::Unavailable, "the event stream ended") : ended;
}

asio::awaitable<void> EngineWatch::reconcile() {
  const Status done = co_await ledger_.reconcile();
  if (!done) {
    // The stream is about to break too, or a single question failed: ask again as long as there is contact.
    spdlog::error("containers could not be compared with the leases: {}", done.error().message());
    asio::steady_timer timer(executor_, kLongestPause);
    co_await timer.async_wait(asio::use_awaitable);
    if (site_.engineFacts()) co_await reconcile();
    co_return;
  }
  spdlog::info("compared with the Docker Engine: {} containers of ours, {} leases", owners_.index().size(),
               ledger_.ledger().leases().size());
  ledger_.setReady();
  settleOnce();
}

void EngineWatch::onEvent(const EngineEvent& event) {
  if (event.type != "container") return;
  const ContainerId id(event.actor);
  if (event.action == "destroy") {
    owners_.forget(id);
  } else if (event.action == "rename") {
    std::string name = attribute(event, "name");
    if (name.starts_with('/')) name.erase(0, 1);
    owners_.rename(id, std::move(name));
  } else if (event.action == "create" && !attribute(event, "ds01.user").empty() && !owners_.index().find(id)) {
    asio::co_spawn(executor_, [this, id]() -> asio::awaitable<void> { co_await owners_.learn(id); }, asio::detached);
  }
}

void EngineWatch::settleOnce() {
  if (settled_) std::exchange(settled_, nullptr)();
}

}  // namespace ds01::daemon
