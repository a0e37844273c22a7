#include "daemon/owner_service.h"

#include "docker/container_list.h"
#include "ownership/owner.h"

namespace ds01::daemon {
namespace {

constexpr std::size_t kMaxExecs = 4096;

}  // namespace

OwnerService::OwnerService(docker::EngineClient& engine, SliceNames& names, ContainerWatcher watcher, NamedOwners named)
    : engine_(engine), names_(names), watcher_(std::move(watcher)), named_(std::move(named)) {}

// What is proven is never also tracked.
gateway::OwnedContainer OwnerService::owned(const ownership::Record& record) const {
  return {.id = record.id,
          .name = record.name,
          .owner = record.owner,
          .named_owner = record.owner ? std::nullopt : named_.of(record.id),
          .made_by = record.made_by,
          .confined = record.confined};
}

boost::asio::awaitable<Result<gateway::OwnedContainer>> OwnerService::find(std::string ref) {
  // A full id means one container for ever. Names and prefixes are the Engine's to resolve: it knows which of two
  // meanings wins, and a rename that has just happened.
  if (docker::isFullId(ref)) {
    // One that was removed a moment ago still has an owner, who may wait for its last event; for anything else the
    // Engine says that it is gone.
    if (const ownership::Record* record = index_.lastKnown(ContainerId(ref))) {
      co_return owned(*record);
    }
  }
  Result<ContainerView> view = co_await engine_.inspectContainer(ref);
  if (!view) co_return fail(view.error());
  co_return owned(remember(*view));
}

boost::asio::awaitable<Result<gateway::OwnedContainer>> OwnerService::findExec(std::string exec_id) {
  if (const auto known = execs_.find(exec_id); known != execs_.end()) co_return co_await find(known->second.str());
  Result<ExecView> exec = co_await engine_.inspectExec(exec_id);
  if (!exec) co_return fail(exec.error());
  Result<gateway::OwnedContainer> container = co_await find(exec->container.str());
  if (container) rememberExec(std::move(exec_id), *container);
  co_return container;
}

void OwnerService::rememberExec(std::string exec_id, const gateway::OwnedContainer& container) {
  if (!execs_.emplace(exec_id, container.id).second) return;
  exec_order_.push_back(std::move(exec_id));
  if (exec_order_.size() > kMaxExecs) {
    execs_.erase(exec_order_.front());
    exec_order_.pop_front();
  }
}

boost::asio::awaitable<void> OwnerService::removed(ContainerId id) {
  forget(std::move(id));
  co_return;
}

boost::asio::awaitable<Result<ContainerView>> OwnerService::learn(ContainerId id) {
  Result<ContainerView> view = co_await engine_.inspectContainer(id.str());
  if (view) {
    remember(*view);
  } else if (view.error().code() == ErrorCode::NotFound && index_.find(id)) {
    forget(id);
  }
  co_return view;
}

void OwnerService::add(ownership::Record record) {
  index_.add(std::move(record));
}

void OwnerService::rename(const ContainerId& id, std::string name) {
  watcher_.renamed(id, name);
  index_.rename(id, std::move(name));
}

// By value: `id` may be part of the record that goes.
void OwnerService::forget(ContainerId id) {
  index_.remove(id);
  watcher_.removed(id);
}

ownership::Record OwnerService::remember(const ContainerView& view) {
  ownership::Record record = ownership::recordOf(view, provenOwner(view));
  index_.add(record);
  watcher_.learned(view);
  return record;
}

}  // namespace ds01::daemon
