// What the gateway needs from the rest of the daemon, as the gateway wants to ask it. `daemon` implements these with
// the real parts, tests with fakes. Everything here is called on the I/O thread and must not block it.
#pragma once

#include <cstdint>
#include <expected>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <boost/asio/awaitable.hpp>

#include "admission/admission.h"
#include "base/ids.h"
#include "base/result.h"
#include "gateway/account.h"
#include "gateway/grant.h"
#include "model/denial.h"
#include "model/engine.h"
#include "model/limits.h"
#include "model/rollout.h"
#include "model/user.h"

namespace ds01::gateway {

// The peer of one accepted connection.
class Peer {
 public:
  Peer() = default;
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;
  virtual ~Peer() = default;
  virtual const Caller& caller() const = 0;
  // False once the process that opened the connection has exited: further requests are refused (a socket can be handed
  // over), a stream that runs goes on. One poll(2) of the pidfd.
  virtual bool alive() const = 0;
};

class Identities {
 public:
  virtual ~Identities() = default;
  // Proves nothing; takes a few system calls.
  virtual Account accountOf(int socket) const = 0;
  // Who is at the other end of `socket`; refused when the kernel does not prove it. User database look-ups happen on
  // another thread. The descriptor must stay open until the answer is there.
  virtual boost::asio::awaitable<std::expected<std::shared_ptr<Peer>, Denial>> identify(int socket) = 0;
  // The user whom the machine's user database knows under exactly this login; unset if there is none. Another thread
  // asks it, and the answer is remembered for a short time. Timeout or Unavailable: the database did not say.
  virtual boost::asio::awaitable<Result<std::optional<User>>> findUser(std::string login) = 0;
};

struct OwnedContainer {
  ContainerId id;
  std::string name;                  // without the leading slash
  std::optional<std::string> owner;  // login; unset: the admins'
  // With `owner` unset: whom whoever made it past us has named. Gives what tracked_rules.h says and nothing else.
  std::optional<std::string> named_owner = {};
  // With `owner` set: the login of the service user that made it for them; empty: nobody did.
  std::string made_by = {};
  // With `owner` set: it has SYS_PTRACE because the Engine confines it by AppArmor, and must not run without.
  bool confined = false;
};

class Ownership {
 public:
  virtual ~Ownership() = default;
  // The container that a name, id or unambiguous prefix means to the Engine, whoever owns it. NotFound carries the
  // Engine's own sentence.
  virtual boost::asio::awaitable<Result<OwnedContainer>> find(std::string ref) = 0;
  virtual boost::asio::awaitable<Result<OwnedContainer>> findExec(std::string exec_id) = 0;
  // After an exec was made through us, so that findExec need not ask the Engine.
  virtual void rememberExec(std::string exec_id, const OwnedContainer& container) = 0;
  // After the Engine has answered 2xx to a removal: the lease ends now, not when the event arrives.
  virtual boost::asio::awaitable<void> removed(ContainerId id) = 0;
  // The containers whose named_owner this is.
  virtual std::vector<ContainerId> namedFor(const std::string&) const { return {}; }
};

class Site {
 public:
  virtual ~Site() = default;
  // The limits of a login under the configuration in force; refused with a sentence if it may not use the machine.
  virtual std::expected<Limits, Denial> limitsFor(const User& user) const = 0;
  // Unset while the Engine is away.
  virtual std::optional<EngineFacts> engineFacts() const = 0;
  virtual admission::Emitter gpuEmitter() const = 0;
  virtual Rollout rollout() const { return {}; }
  // Whether this login makes containers for others and works with them.
  virtual bool isLauncher(const std::string&) const { return false; }
  // Whether this user is an administrator or a service user. For them no launcher makes anything: what runs in their
  // containers is them.
  virtual bool hasRole(const User&) const { return false; }
  // Why no container can get a GPU here and now, with the remedy; unset: nothing is in the way.
  virtual std::optional<Denial> gpuTrouble() const = 0;
  virtual DecisionId newDecision() = 0;
  // Why nothing may be made, started or executed now, because it would not be recorded; unset: it may.
  virtual std::optional<Denial> refuseUnrecorded() const { return std::nullopt; }
  // Where the containers of this user go (HostConfig.CgroupParent): a slice name or a path, by the Engine's cgroup
  // driver. The user's slice name is on disk before this returns. Unavailable while it is not known; InvalidArgument or
  // Conflict, with a sentence, if the login can have no name.
  virtual boost::asio::awaitable<Result<std::string>> cgroupParent(User user, Limits limits) = 0;
  // The same for the steps of a build, which must not pass for the user's own containers.
  virtual boost::asio::awaitable<Result<std::string>> buildCgroupParent(User user, Limits limits) = 0;
};

class Paths {
 public:
  virtual ~Paths() = default;
  // What each of `sources` is for this user: the path after following all links, or as it would be if the missing tail
  // were made; or why it cannot be mounted, above all because it is not below the user's home or a root of the site.
  // Our own listening socket may be mounted too, and takes the place of the Engine's (mounts/posix/socket_mounts.h).
  // Another process looks. Unavailable, Timeout: not known now.
  virtual boost::asio::awaitable<Result<std::map<std::string, admission::BindFact>>> look(
      User user, std::vector<std::string> sources) = 0;
};

}  // namespace ds01::gateway
