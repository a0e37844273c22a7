// Who is at the other end of an accepted connection.
#pragma once

#include <expected>
#include <memory>
#include <string>
#include <utility>

#include <boost/asio/awaitable.hpp>

#include "base/fd.h"
#include "identity/decide.h"
#include "identity/posix/containers.h"
#include "identity/posix/peer.h"
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

// One thread: that of the loop. The user database and the containers outlive it and the calls in flight.
class Identifier {
 public:
  Identifier(UserDb& users, Containers& containers, PeerSource source = {});

  // `socket` is a connected Unix stream socket and must stay open until the answer is there. Refused as by the rules of
  // decide.h and residence.h, or 503: nss_unavailable when the user database does not answer, engine_away when it takes
  // the Engine to know whose the peer is and it does not answer. Where allowStale() says so, a peer on the host that
  // the user database knew shortly before comes back with Caller::stale instead.
  boost::asio::awaitable<std::expected<std::shared_ptr<IdentifiedPeer>, Denial>> identify(int socket);

  // All hold for those identified from now on.
  void setRoleRules(RoleRules rules) { roles_ = std::move(rules); }
  void setForeignRules(ForeignRules rules) { foreign_ = std::move(rules); }
  void allowStale(bool allowed) { allow_stale_ = allowed; }

 private:
  using Decided = std::expected<Caller, Denial>;

  // In which container of ours a process with this /proc/PID/cgroup lives, if in any.
  boost::asio::awaitable<std::expected<std::optional<Residence>, Denial>> locate(std::string cgroup);
  boost::asio::awaitable<Decided> decideBy(PosixPeer& peer, std::optional<Residence> residence);
  boost::asio::awaitable<std::string> nameOf(std::optional<std::uint32_t> login_uid, const User& user);

  UserDb& users_;
  Containers& containers_;
  PeerSource source_;
  RoleRules roles_;
  ForeignRules foreign_;
  bool allow_stale_ = false;
};

}  // namespace ds01::identity::posix
