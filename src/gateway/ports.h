// What the gateway needs from the rest of the daemon, as the gateway wants to ask it. `daemon` implements these with
// the real parts, tests with fakes. Everything here is called on the I/O thread and must not block it.
#pragma once

#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <boost/asio/awaitable.hpp>

#include "admission/admission.h"
#include "base/ids.h"
#include "base/result.h"
#include "model/denial.h"
#include "model/engine.h"
#include "model/gpu.h"
#include "model/lease.h"
#include "model/limits.h"
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
};

class Grants;

// The right to create one container, and the GPU slots it will hold. Move-only. Dropped before `forwarded()`:
// everything is given back. Dropped after it without `bind()`: nobody knows what the Engine did, so it stays held until
// the Engine has been asked. Must not outlive the Grants it came from (the daemon stops sessions first).
class Grant {
 public:
  Grant(Grants& grants, DecisionId ticket, std::optional<Lease> lease, std::vector<GpuSlot> slots,
        std::vector<std::string> device_nodes = {})
      : grants_(&grants),
        ticket_(std::move(ticket)),
        lease_(std::move(lease)),
        slots_(std::move(slots)),
        device_nodes_(std::move(device_nodes)) {}
  Grant(Grant&& other) noexcept
      : grants_(std::exchange(other.grants_, nullptr)),
        ticket_(std::move(other.ticket_)),
        lease_(std::move(other.lease_)),
        slots_(std::move(other.slots_)),
        device_nodes_(std::move(other.device_nodes_)),
        forwarded_(other.forwarded_) {}
  Grant& operator=(Grant&&) = delete;
  Grant(const Grant&) = delete;
  Grant& operator=(const Grant&) = delete;
  ~Grant();

  const DecisionId& ticket() const { return ticket_; }
  const std::optional<Lease>& lease() const { return lease_; }  // unset: no GPU was asked for
  const std::vector<GpuSlot>& slots() const { return slots_; }  // in the order of lease()->uuids
  // Device files that the container's configuration must name, all there on the host.
  const std::vector<std::string>& deviceNodes() const { return device_nodes_; }

  void forwarded() { forwarded_ = true; }
  // The Engine said no: give everything back, also after forwarded().
  void refused();
  // The Engine said 201. Done with this grant.
  boost::asio::awaitable<void> bind(ContainerId id, std::string name, std::string owner);

 private:
  Grants* grants_;
  DecisionId ticket_;
  std::optional<Lease> lease_;
  std::vector<GpuSlot> slots_;
  std::vector<std::string> device_nodes_;
  bool forwarded_ = false;
};

// The right to start one container once. Move-only. Dropped without started(): whether the container runs is found out,
// and what was given for this start alone is taken back. Must not outlive the Grants it came from.
class StartPermit {
 public:
  StartPermit() = default;  // for a container about which nothing must be known
  // `fresh`: its slots were found for this start, and the Engine may need a moment to see them.
  StartPermit(Grants& grants, LeaseId lease, bool fresh) : grants_(&grants), lease_(std::move(lease)), fresh_(fresh) {}
  StartPermit(StartPermit&& other) noexcept
      : grants_(std::exchange(other.grants_, nullptr)),
        lease_(std::move(other.lease_)),
        fresh_(other.fresh_),
        started_(other.started_) {}
  StartPermit& operator=(StartPermit&&) = delete;
  StartPermit(const StartPermit&) = delete;
  StartPermit& operator=(const StartPermit&) = delete;
  ~StartPermit();

  bool fresh() const { return fresh_; }
  // The Engine said that it runs, now or already.
  void started() { started_ = true; }

 private:
  Grants* grants_ = nullptr;
  LeaseId lease_;
  bool fresh_ = false;
  bool started_ = false;
};

struct GrantRequest {
  Caller caller;
  Limits limits;
  DecisionId decision;
  std::string container_name;  // as asked for; may be empty
  std::optional<GpuRequest> gpu;
};

class Grants {
 public:
  virtual ~Grants() = default;
  // Checks max_containers_per_user and, with `gpu`, reserves slots. When it returns a grant with a lease, the
  // reservation is on disk.
  virtual boost::asio::awaitable<std::expected<Grant, Denial>> reserve(GrantRequest request) = 0;
  // Whether this container, known to the ownership index, may start now. One whose slots were given back gets others of
  // the same kind, within its owner's quota of now, or is refused as a create would be.
  virtual boost::asio::awaitable<std::expected<StartPermit, Denial>> admitStart(ContainerId container,
                                                                                DecisionId decision) = 0;

 protected:
  friend class Grant;
  friend class StartPermit;
  virtual void startEnded(LeaseId lease, bool started) = 0;
  virtual boost::asio::awaitable<void> bind(DecisionId ticket, std::optional<LeaseId> lease, ContainerId id,
                                            std::string name, std::string owner) = 0;
  virtual void release(DecisionId ticket, std::optional<LeaseId> lease) = 0;    // nothing was made
  virtual void uncertain(DecisionId ticket, std::optional<LeaseId> lease) = 0;  // ask the Engine what came of it
};

class Site {
 public:
  virtual ~Site() = default;
  // The limits of a login under the configuration in force; refused with a sentence if it may not use the machine.
  virtual std::expected<Limits, Denial> limitsFor(const User& user) const = 0;
  // Unset while the Engine is away.
  virtual std::optional<EngineFacts> engineFacts() const = 0;
  virtual admission::Emitter gpuEmitter() const = 0;
  // Why no container can get a GPU here and now, with the remedy; unset: nothing is in the way.
  virtual std::optional<Denial> gpuTrouble() const = 0;
  virtual DecisionId newDecision() = 0;
  // Why nothing may be made, started or executed now, because it would not be recorded; unset: it may.
  virtual std::optional<Denial> refuseUnrecorded() const { return std::nullopt; }
  // Where the containers of this user go (HostConfig.CgroupParent): a slice name or a path,
  // by the Engine's cgroup driver. Unavailable while that is not known.
  virtual Result<std::string> cgroupParent(const User& user, const Limits& limits) const = 0;
  // The same for the steps of a build, which must not pass for the user's own containers.
  virtual Result<std::string> buildCgroupParent(const User& user, const Limits& limits) const = 0;
};

struct BindSource {
  std::string path;      // real
  bool writable = true;  // false: to be mounted read-only only
};

class Paths {
 public:
  virtual ~Paths() = default;
  // The path that `source` is after following all links, or would be if the missing tail were made. Another thread does
  // the look-up. Errors: PermissionDenied when it is not below the user's home or a root of the site, with a sentence
  // for the user.
  virtual boost::asio::awaitable<Result<BindSource>> resolveBind(const User& user, std::string source) = 0;
};

}  // namespace ds01::gateway
