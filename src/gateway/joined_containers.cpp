#include "gateway/joined_containers.h"

#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "docker/engine_client.h"
#include "gateway/pinning.h"

namespace ds01::gateway {

namespace asio = boost::asio;

namespace {

constexpr std::string_view kJoins = "container:";
constexpr int kLongestChain = 4;

// The folder as `login` named it; empty: they could not have asked for this mount.
std::string folderOf(const MountView& mount, const Pins& pins, const std::string& login) {
  const bool ordinary = mount.propagation.empty() || mount.propagation == "private" || mount.propagation == "rprivate";
  if (!ordinary) return {};
  if (const std::optional<PinSource> pin = pins.sourceOf(mount.source, login)) return pin->source;
  const std::string& directory = pins.directory();
  const bool below = mount.source == directory || mount.source.starts_with(directory + "/");
  return below ? std::string() : mount.source;
}

admission::MountFact factOf(const MountView& mount, const Pins& pins, const std::string& login) {
  admission::MountFact fact{.type = mount.type};
  if (mount.type == "volume") fact.source = mount.name;
  if (mount.type == "bind") fact.source = folderOf(mount, pins, login);
  fact.target = mount.target;
  fact.read_only = !mount.writable;
  fact.subpath = mount.subpath;
  fact.tmpfs_size = mount.tmpfs_size;
  fact.tmpfs_mode = mount.tmpfs_mode;
  return fact;
}

// Through those whose shared memory it has; what cannot be followed to its end may be the host's.
asio::awaitable<Result<bool>> hasHostIpc(docker::EngineClient& engine, std::string mode) {
  for (int step = 0; step < kLongestChain && mode.starts_with(kJoins); ++step) {
    const Result<ContainerView> joined = co_await engine.inspectContainer(mode.substr(kJoins.size()));
    // It could only be had while that one ran, and is not to be had without it.
    if (!joined && joined.error().code() == ErrorCode::NotFound) co_return true;
    if (!joined) co_return fail(joined.error());
    mode = joined->ipc_mode;
  }
  co_return mode == "host" || mode.starts_with(kJoins);
}

void add(std::vector<std::string>& list, const std::string& entry) {
  if (!entry.empty() && std::ranges::find(list, entry) == list.end()) list.push_back(entry);
}

}  // namespace

asio::awaitable<Status> lookInto(Ports& ports, const std::string& login, std::size_t most,
                                 admission::ContainerFact& fact) {
  const Result<ContainerView> view = co_await ports.engine.inspectContainer(fact.id.str());
  if (!view) co_return fail(view.error());
  if (view->id != fact.id) co_return fail(ErrorCode::NotFound, "another container has its id for a name");
  for (const MountView& mount : view->mounts) {
    if (fact.mounts.size() > most) break;
    fact.mounts.push_back(factOf(mount, ports.pins, login));
  }
  const Result<bool> host_ipc = co_await hasHostIpc(ports.engine, view->ipc_mode);
  if (!host_ipc) co_return fail(host_ipc.error());
  fact.host_ipc = *host_ipc;
  co_return Status{};
}

void addMounted(const admission::ContainerFact& fact, admission::References& references) {
  for (const admission::MountFact& mount : fact.mounts) {
    if (mount.type == "bind") add(references.bind_sources, mount.source);
    if (mount.type == "volume") add(references.volumes, mount.source);
  }
}

}  // namespace ds01::gateway
