// Whose container is it: the index of containers that the Engine has, kept by the event stream and filled on demand by
// inspect, so that an answer never depends on the index being complete. I/O thread only.
#pragma once

#include <cstddef>
#include <deque>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "daemon/slice_names.h"
#include "docker/engine_client.h"
#include "gateway/ports.h"
#include "ownership/index.h"

namespace ds01::daemon {

// Told of what becomes known.
struct ContainerWatcher {
  std::function<void(const ContainerView&)> learned = [](const ContainerView&) {};
  std::function<void(const ContainerId&)> removed = [](const ContainerId&) {};  // once
  std::function<void()> all_learned = [] {};                                    // all containers that the Engine has
  // The Engine has told of a container that nobody has asked about.
  std::function<void(const ContainerId&)> appeared = [](const ContainerId&) {};
  std::function<void(const ContainerId&, const std::string& name)> renamed = [](const ContainerId&,
                                                                                const std::string&) {};
};

// What is known of containers whose owner is not proven (daemon/tracker_service.h).
struct NamedOwners {
  std::function<std::optional<std::string>(const ContainerId&)> of = [](const ContainerId&) { return std::nullopt; };
  std::function<std::vector<ContainerId>(const std::string& login)> containers = [](const std::string&) {
    return std::vector<ContainerId>();
  };
};

class OwnerService final : public gateway::Ownership {
 public:
  // `engine`, `names` and what `watcher` and `named` refer to must outlive this.
  OwnerService(docker::EngineClient& engine, SliceNames& names, ContainerWatcher watcher, NamedOwners named = {});

  boost::asio::awaitable<Result<gateway::OwnedContainer>> find(std::string ref) override;
  boost::asio::awaitable<Result<gateway::OwnedContainer>> findExec(std::string exec_id) override;
  void rememberExec(std::string exec_id, const gateway::OwnedContainer& container) override;
  boost::asio::awaitable<void> removed(ContainerId id) override;
  std::vector<ContainerId> namedFor(const std::string& login) const override { return named_.containers(login); }

  // Asks the Engine about a container and remembers the answer. NotFound if it is gone, which is remembered too.
  boost::asio::awaitable<Result<ContainerView>> learn(ContainerId id);
  // What a 201 tells us, without asking.
  void add(ownership::Record record);
  void rename(const ContainerId& id, std::string name);
  void forget(ContainerId id);
  void appeared(const ContainerId& id) { watcher_.appeared(id); }

  // The login that a container provably belongs to: label and cgroup parent agree.
  std::optional<std::string> provenOwner(const ContainerView& view) { return names_.provenOwner(view); }
  // All containers that the Engine has have been learned.
  void allSeen() {
    names_.allContainersSeen();
    watcher_.all_learned();
  }

  const ownership::Index& index() const { return index_; }

 private:
  ownership::Record remember(const ContainerView& view);
  gateway::OwnedContainer owned(const ownership::Record& record) const;

  docker::EngineClient& engine_;
  SliceNames& names_;
  ContainerWatcher watcher_;
  NamedOwners named_;
  ownership::Index index_;
  std::unordered_map<std::string, ContainerId> execs_;
  std::deque<std::string> exec_order_;  // oldest first, to bound execs_
};

}  // namespace ds01::daemon
