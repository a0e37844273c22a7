// GET /v1/explain/{} (a decision or a container), POST /v1/dry-run and GET /v1/info. I/O thread only.
#pragma once

#include <cstdint>
#include <memory>
#include <set>
#include <string>

#include <boost/asio/awaitable.hpp>

#include "control/router.h"
#include "daemon/event_log.h"
#include "daemon/ledger_service.h"
#include "gateway/gateway.h"

namespace ds01::daemon {

class ExplainRoutes {
 public:
  // All must outlive this and the router's answers.
  ExplainRoutes(EventLog& log, gateway::Ports ports, const LedgerService& ledger, std::string listen_path)
      : log_(log), ports_(ports), ledger_(ledger), listen_path_(std::move(listen_path)) {}

  void addTo(control::Router& router);

 private:
  boost::asio::awaitable<net::HttpAnswer> explain(control::Request request);
  boost::asio::awaitable<net::HttpAnswer> explainDecision(std::string id, Caller caller);
  boost::asio::awaitable<net::HttpAnswer> explainContainer(std::string ref, Caller caller);
  boost::asio::awaitable<net::HttpAnswer> dryRun(control::Request request);

  EventLog& log_;
  gateway::Ports ports_;
  const LedgerService& ledger_;
  std::string listen_path_;
  // Uids with a dry run under way: one each. Shared, because a frame may be destroyed with the loop, after this.
  std::shared_ptr<std::set<std::uint32_t>> trying_ = std::make_shared<std::set<std::uint32_t>>();
};

}  // namespace ds01::daemon
