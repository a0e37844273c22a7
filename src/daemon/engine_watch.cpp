#include "daemon/engine_watch.h"

#include <algorithm>
#include <utility>

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <spdlog/spdlog.h>

#include "daemon/background.h"

namespace ds01::daemon {

namespace asio = boost::asio;
using std::chrono::milliseconds;

namespace {

std::string attribute(const EngineEvent& event, const char* key) {
  const auto it = event.attributes.find(key);
  return it == event.attributes.end() ? std::string{} : it->second;
}

}  // namespace

EngineWatch::EngineWatch(asio::any_io_executor executor, docker::EngineClient& engine, Site& site, OwnerService& owners,
                         LedgerService& ledger, std::function<bool()> confines, WatchPauses pauses)
    : executor_(std::move(executor)),
      engine_(engine),
      site_(site),
      owners_(owners),
      ledger_(ledger),
      confines_(std::move(confines)),
      pauses_(pauses) {}

asio::awaitable<void> EngineWatch::run(std::function<void()> settled) {
  settled_ = std::move(settled);
  std::string last_error;
  milliseconds pause = pauses_.first;
  for (;;) {
    const Status ended = co_await followOnce();
    const bool was_connected = std::exchange(open_, false);
    ++connection_;
    site_.setEngineFacts(std::nullopt);
    ledger_.connectionLost();
    if (was_connected) pause = pauses_.first;
    // The same sentence once, not once a second.
    if (ended.error().message() != last_error || was_connected) {
      last_error = ended.error().message();
      spdlog::warn("no contact to the Docker Engine: {}; trying again", last_error);
    }
    settleOnce();
    asio::steady_timer timer(executor_, pause);
    co_await timer.async_wait(asio::use_awaitable);
    pause = std::min(pause * 2, pauses_.longest);
  }
}

asio::awaitable<Status> EngineWatch::followOnce() {
  Result<EngineFacts> facts = co_await engine_.facts();
  if (!facts) co_return fail(facts.error());
  if (facts->apparmor && !confines_()) {
    facts->apparmor = false;
    spdlog::warn(
        "the Docker Engine says that it has AppArmor, but its profile docker-default is not in force (is the package "
        "apparmor installed?); containers do not get SYS_PTRACE");
  }
  ledger_.setDefaultRuntime(facts->default_runtime);
  site_.setEngineFacts(std::move(*facts));
  if (const std::optional<Denial> trouble = site_.gpuTrouble()) {
    spdlog::warn("containers with a GPU are refused: {}", trouble->text);
  }
  // What is listed after the stream has opened cannot be missed between list and stream.
  std::function<void()> on_open = [this] {
    open_ = true;
    runBeside(executor_, reconcile(++connection_), "comparison with the Docker Engine");
  };
  std::function<void(const EngineEvent&)> on_event = [this](const EngineEvent& event) { onEvent(event); };
  // Named, because GCC 12 destroys temporaries in the arguments of a co_await twice.
  const Status ended = co_await engine_.followEvents(std::move(on_open), std::move(on_event));
  co_return ended ? fail(ErrorCode::Unavailable, "the event stream ended") : ended;
}

void EngineWatch::compareNow() {
  if (!open_) return;
  again_ = comparing_ == connection_;
  if (!again_) runBeside(executor_, reconcile(connection_), "comparison with the Docker Engine");
}

asio::awaitable<void> EngineWatch::reconcile(unsigned connection) {
  comparing_ = connection;
  while (connection == connection_) {
    again_ = false;
    const Status done = co_await ledger_.reconcile();
    if (connection != connection_) co_return;  // the next connection compares anew
    settleOnce();
    if (done && again_) continue;
    if (done) {
      comparing_ = 0;
      spdlog::info("compared with the Docker Engine: {} containers of ours, {} leases", owners_.index().size(),
                   ledger_.ledger().leases().size());
      co_return;
    }
    spdlog::error("containers could not be compared with the leases: {}", done.error().message());
    asio::steady_timer timer(executor_, pauses_.longest);
    co_await timer.async_wait(asio::use_awaitable);
  }
}

void EngineWatch::onEvent(const EngineEvent& event) {
  if (event.type != "container") return;
  const ContainerId id(event.actor);
  if (event.action == "destroy") {
    owners_.forget(id);
  } else if (event.action == "rename") {
    std::string name = attribute(event, "name");
    if (name.starts_with('/')) name.erase(0, 1);
    ledger_.containerRenamed(id, name);
    owners_.rename(id, std::move(name));
  } else if (event.action == "start") {
    ledger_.containerStarted(id);
  } else if (event.action == "die" || event.action == "stop") {
    // A stop without a die ends the attempts of a restart policy.
    ledger_.containerStopped(id);
  } else if (event.action == "update") {
    ledger_.containerUpdated(id);
  } else if (event.action == "create" && !owners_.index().find(id)) {
    if (!attribute(event, "ds01.user").empty()) {
      runBeside(executor_, ledger_.containerCreated(id), "inspect of a new container");
    } else {
      owners_.appeared(id);
    }
  }
}

void EngineWatch::settleOnce() {
  if (settled_) std::exchange(settled_, nullptr)();
}

}  // namespace ds01::daemon
