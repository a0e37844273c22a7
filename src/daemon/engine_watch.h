// Keeps in touch with the Engine: its facts, its event stream, and a reconcile at start and after each loss of the
// stream. I/O thread only.
#pragma once

#include <functional>
#include <string>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include "daemon/ledger_service.h"
#include "daemon/owner_service.h"
#include "daemon/site.h"
#include "docker/engine_client.h"

namespace ds01::daemon {

class EngineWatch {
 public:
  // All must outlive this.
  EngineWatch(boost::asio::any_io_executor executor, docker::EngineClient& engine, Site& site, OwnerService& owners,
              LedgerService& ledger);

  // Runs until stop(). `settled` is called once: after the first reconcile, or as soon as it is clear that the Engine
  // is away (users then get 503 and need no restart of ours when it comes back).
  boost::asio::awaitable<void> run(std::function<void()> settled);

 private:
  boost::asio::awaitable<Status> followOnce();
  boost::asio::awaitable<void> reconcile();
  void onEvent(const EngineEvent& event);
  void settleOnce();

  boost::asio::any_io_executor executor_;
  docker::EngineClient& engine_;
  Site& site_;
  OwnerService& owners_;
  LedgerService& ledger_;
  std::function<void()> settled_;
};

}  // namespace ds01::daemon
