// Who is at the other end of an accepted connection.
#pragma once

#include <expected>
#include <memory>
#include <string>
#include <utility>

#include <boost/asio/awaitable.hpp>

#include "base/fd.h"
#include "identity/decide.h"
#include "identity/posix/user_db.h"
#include "model/denial.h"
#include "model/user.h"

namespace ds01::identity::posix {

class IdentifiedPeer {
 public:
  IdentifiedPeer(Caller caller, Fd pidfd) : caller_(std::move(caller)), pidfd_(std::move(pidfd)) {}

  const Caller& caller() const { return caller_; }  // as it was at the time of connecting
  // False once the process that connected has exited. One poll(2), never blocks.
  bool alive() const;

 private:
  Caller caller_;
  Fd pidfd_;
};

// One thread: that of the loop. The user database outlives it and the calls in flight.
class Identifier {
 public:
  Identifier(UserDb& users, RoleRules rules, std::string proc = "/proc");

  // `socket` is a connected Unix stream socket and must stay open until the answer is there. Refused as by decide(), or
  // 503 nss_unavailable when the user database does not answer.
  boost::asio::awaitable<std::expected<std::shared_ptr<IdentifiedPeer>, Denial>> identify(int socket);

  // Holds for those identified from now on.
  void setRoleRules(RoleRules rules) { rules_ = std::move(rules); }

 private:
  UserDb& users_;
  RoleRules rules_;
  std::string proc_;
};

}  // namespace ds01::identity::posix
