// The site's policy server: asked about requests, and kept supplied with what policies decide on. I/O thread only.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>

#include "config/daemon_settings.h"
#include "daemon/failures.h"
#include "gateway/policies.h"
#include "net/blocking_pool.h"
#include "policy/opa/opa_client.h"

namespace ds01::daemon {

class PolicyService final : public gateway::Policies {
 public:
  // `pool`, for what blocks on the file system, and `failures` outlive this.
  PolicyService(boost::asio::any_io_executor executor, net::BlockingPool& pool, Failures& failures);

  // For requests from now on; those that are being asked about keep their server.
  void configure(const config::PolicySettings& settings);

  bool any() const override { return client_ != nullptr; }
  bool asks(policy::RequestClass what) const override;
  boost::asio::awaitable<std::optional<Denial>> judge(policy::RequestClass what, bool admin,
                                                      std::string input) override;

  // data.ds01.owners from now on: what ownership::encode(OwnersDocument) wrote.
  void setOwners(std::shared_ptr<const std::string> document);

  // Sends them unless the server has them. An error: it may not.
  boost::asio::awaitable<Status> sendOwners();
  // Until stop(): sends the owners when they change, and again to a server that has been started anew.
  boost::asio::awaitable<void> keepOwners();
  void stop();

 private:
  boost::asio::awaitable<Status> trust();
  boost::asio::awaitable<Status> lookAtSocket();
  std::optional<Denial> notAsked(policy::RequestClass what, bool admin, const Error& why);

  boost::asio::any_io_executor executor_;
  net::BlockingPool& pool_;
  Failures& failures_;
  config::PolicySettings settings_;
  std::shared_ptr<policy::opa::OpaClient> client_;  // null: there is no policy
  // Why the server at the socket is not to be believed; unset: it is, or nobody has looked yet (`looked_`).
  std::optional<Error> distrust_;
  bool looked_ = false;
  std::shared_ptr<const std::string> owners_;
  std::shared_ptr<const std::string> sent_;  // what the server got last
  boost::asio::steady_timer changed_;
  bool stopping_ = false;
};

}  // namespace ds01::daemon
