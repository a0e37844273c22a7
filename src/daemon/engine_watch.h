// Keeps in touch with the Engine: its facts, its event stream, and a reconcile at start, after each loss of the stream
// and when asked for. I/O thread only.
#pragma once

#include <chrono>
#include <functional>
#include <string>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include "daemon/ledger_service.h"
#include "daemon/owner_service.h"
#include "daemon/site.h"
#include "docker/engine_client.h"

namespace ds01::daemon {

// Between attempts to reach the Engine: the first, doubled with each attempt up to the longest, which is also the one
// between attempts to compare.
struct WatchPauses {
  std::chrono::milliseconds first{50};
  std::chrono::milliseconds longest{1000};
};

class EngineWatch {
 public:
  // All must outlive this. `confines`: whether the kernel has what an Engine needs that says it has AppArmor.
  EngineWatch(boost::asio::any_io_executor executor, docker::EngineClient& engine, Site& site, OwnerService& owners,
              LedgerService& ledger, std::function<bool()> confines, WatchPauses pauses = {});

  // Never returns. `settled` is called once: after the first reconcile, or as soon as it is clear that the Engine does
  // not answer (users then get 503 and need no restart of ours when it comes back).
  boost::asio::awaitable<void> run(std::function<void()> settled);
  // Compares the ledger with the Engine once more, if there is an event stream; without one that comes anyway.
  void compareNow();

 private:
  boost::asio::awaitable<Status> followOnce();
  boost::asio::awaitable<void> reconcile(unsigned connection);
  void onEvent(const EngineEvent& event);
  void settleOnce();

  boost::asio::any_io_executor executor_;
  docker::EngineClient& engine_;
  Site& site_;
  OwnerService& owners_;
  LedgerService& ledger_;
  const std::function<bool()> confines_;
  const WatchPauses pauses_;
  std::function<void()> settled_;
  unsigned connection_ = 0;  // grows with each event stream that opens and with its loss
  bool open_ = false;        // the event stream
  unsigned comparing_ = 0;   // the connection for which a comparison runs
  bool again_ = false;       // and one more was asked for
};

}  // namespace ds01::daemon
