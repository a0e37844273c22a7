// LedgerService and OwnerService with a scripted Engine, a disk that can fail, and people who create containers.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "allocator/codec.h"
#include "allocator/file/state_writer.h"
#include "allocator/ledger.h"
#include "daemon/ledger_service.h"
#include "daemon/owner_service.h"
#include "fake_engine.h"
#include "support/asio_runner.h"
#include "support/fake_clock.h"

namespace ds01::daemon::test {

using Answer = std::expected<gateway::Grant, Denial>;

class Recorder final : public events::EventSink {
 public:
  void emit(events::Event event) override { events.push_back(std::move(event)); }
  std::size_t count(const std::string& type) const {
    return static_cast<std::size_t>(std::ranges::count(events, type, &events::Event::type));
  }
  std::vector<events::Event> events;
};

// What is on disk, and whether it takes more.
class Disk {
 public:
  Status write(std::string_view image) {
    const std::lock_guard lock(mutex_);
    if (full) return fail(ErrorCode::Io, "gpu-state.json.tmp: No space left on device");
    image_ = image;
    written_.notify_all();
    return {};
  }
  std::vector<Lease> leases() const {
    const std::lock_guard lock(mutex_);
    return image_.empty() ? std::vector<Lease>{} : allocator::decodeState(image_).value();
  }
  std::string text() const {
    const std::lock_guard lock(mutex_);
    return image_;
  }
  // Waits for a write that nobody else waits for.
  bool comesToHold(std::size_t leases) {
    return comesTo([leases](const std::vector<Lease>& written) { return written.size() == leases; });
  }
  bool comesTo(const std::function<bool(const std::vector<Lease>&)>& hold) {
    std::unique_lock lock(mutex_);
    return written_.wait_for(lock, std::chrono::seconds{20},
                             [&] { return !image_.empty() && hold(allocator::decodeState(image_).value()); });
  }
  std::atomic<bool> full = false;

 private:
  mutable std::mutex mutex_;
  std::condition_variable written_;
  std::string image_;
};

// The entries for the Engine, in memory.
class FakeDevices final : public GpuDevices {
 public:
  Lease::Delivery delivery() const override { return way; }
  asio::awaitable<Result<std::vector<std::string>>> nodesFor(std::vector<GpuSlot>) override { co_return nodes; }
  asio::awaitable<Status> publish(Lease lease, std::vector<GpuSlot> slots) override {
    if (broken) co_return fail(ErrorCode::Io, "No space left on device");
    std::vector<std::string> uuids;
    for (const GpuSlot& slot : slots) uuids.push_back(slot.uuid);
    entries[lease.id] = std::move(uuids);
    ++writes;
    co_return Status{};
  }
  asio::awaitable<Status> withdraw(LeaseId lease) override {
    entries.erase(lease);
    co_return Status{};
  }
  asio::awaitable<Result<PublishedEntries>> published() override { co_return entries; }

  Lease::Delivery way = Lease::Delivery::Fixed;
  std::vector<std::string> nodes;
  bool broken = false;
  PublishedEntries entries;
  std::size_t writes = 0;
};

inline ContainerId containerId(char digit) {
  return ContainerId(std::string(64, digit));
}

// Two whole GPUs "0" and "1" with the UUIDs GPU-0 and GPU-1.
inline Inventory twoGpus() {
  Inventory inventory;
  for (std::int32_t i = 0; i < 2; ++i) {
    const std::string name = std::to_string(i);
    inventory.slots.push_back({name, "GPU-" + name, "Fake", "full", i, GpuEq::whole(1), 1024, {}, {}});
  }
  return inventory;
}

inline Looks noPauses() {
  return {std::chrono::milliseconds{0}, std::chrono::milliseconds{0}, std::chrono::milliseconds{0}};
}
inline Looks neverLooks() {
  return {std::chrono::hours{1}};
}

// A container as admission makes it.
inline ContainerView ownedView(ContainerId id, const std::string& login, const std::string& name = "job") {
  ContainerView view;
  view.id = std::move(id);
  view.name = name;
  view.image = "busybox";
  view.created = "2025-01-01T00:00:00Z";
  view.status = "created";
  view.labels = {{"ds01.user", login}, {"ds01.uid", "1001"}, {"ds01.container_type", "docker"}};
  view.cgroup_parent = "ds01-student-" + login + ".slice";
  return view;
}

inline ContainerView leasedView(ContainerId id, const std::string& login, const std::string& lease,
                                const std::string& uuids) {
  ContainerView view = ownedView(std::move(id), login);
  view.labels["ds01.lease"] = lease;
  view.labels["ds01.gpu.uuids"] = uuids;
  return view;
}

class Scene {
 public:
  explicit Scene(Looks looks = noPauses())
      : engine(runner.executor()),
        ledger(twoGpus()),
        writer([this](std::string_view image) { return disk.write(image); }),
        names_writer([this](std::string_view image) { return names_disk.write(image); }),
        names(runner.executor(),
              [this](std::string image, std::function<void(Status)> done) {
                names_writer.write(std::move(image), std::move(done));
              }),
        owners(engine, names, {.removed = [this](const ContainerId& id) { grants.containerGone(id); }}),
        grants(runner.executor(),
               {ledger, writer, owners, engine, events, clock, devices,
                [this](const std::string& login) { return limitsOf(login); }, std::chrono::milliseconds{0}},
               std::move(looks)) {
    limits.group = "student";
  }

  std::expected<Limits, Denial> limitsOf(const std::string& login) const {
    if (login == archived) return std::unexpected(Denial{403, "archived", "your account is archived"});
    return limits;
  }

  // As after a start at which the Engine answered.
  Scene& ready() {
    if (!runner.run(grants.reconcile())) throw std::runtime_error("the first reconcile failed");
    return *this;
  }

  gateway::GrantRequest request(const std::string& login, std::optional<GpuRequest> gpu = std::nullopt) {
    gateway::GrantRequest request;
    request.caller.user.login = login;
    request.caller.user.uid = login == "alice" ? 1001 : 1002;
    request.limits = limits;
    request.decision = DecisionId("D" + std::to_string(++decisions_));
    request.container_name = "job";
    request.gpu = std::move(gpu);
    return request;
  }
  Answer create(const std::string& login, std::optional<GpuRequest> gpu = std::nullopt) {
    return runner.run(grants.reserve(request(login, std::move(gpu))));
  }
  void bind(gateway::Grant& grant, const ContainerId& id, const std::string& login) {
    grant.forwarded();
    runner.run(grant.bind(id, "job", {.owner = login}));
  }
  // A whole create through us: the container that the Engine made for the grant.
  ContainerId run(const std::string& login, char digit, std::optional<GpuRequest> gpu = std::nullopt) {
    Answer grant = create(login, std::move(gpu));
    if (!grant) throw std::runtime_error(grant.error().text);
    engine.add(viewFor(*grant, containerId(digit), login));
    bind(*grant, containerId(digit), login);
    return containerId(digit);
  }
  static ContainerView viewFor(const gateway::Grant& grant, ContainerId id, const std::string& login) {
    if (!grant.lease()) return ownedView(std::move(id), login);
    if (grant.lease()->delivery == Lease::Delivery::AtStart) {
      ContainerView view = ownedView(std::move(id), login);
      view.labels["ds01.lease"] = grant.lease()->id.str();
      view.labels["ds01.gpu.profile"] = grant.lease()->profile;
      view.labels["ds01.gpu.slot_count"] = std::to_string(grant.lease()->count);
      return view;
    }
    std::string uuids;
    for (const std::string& uuid : grant.lease()->uuids) uuids += (uuids.empty() ? "" : ",") + uuid;
    return leasedView(std::move(id), login, grant.lease()->id.str(), uuids);
  }

  // Runs `job` beside the test until it waits for the Engine's answer that is held back.
  template <typename T>
  std::shared_ptr<std::optional<T>> runUntilHeld(asio::awaitable<T> job) {
    auto result = std::make_shared<std::optional<T>>();
    asio::co_spawn(runner.context(), keep(std::move(job), result), asio::detached);
    runner.turn([&] { return engine.holds(); });
    return result;
  }
  template <typename T>
  T finish(const std::shared_ptr<std::optional<T>>& result) {
    engine.letGo();
    runner.turn([&] { return result->has_value(); });
    return std::move(**result);
  }
  // Until nothing is left to do, or something that happens in future.
  void drain() {
    runner.context().restart();
    runner.context().poll();
  }

  std::size_t free() const {
    return static_cast<std::size_t>(
        std::ranges::count(ledger.slots(), allocator::SlotState::Free, &allocator::SlotView::state));
  }

  ds01::test::AsioRunner runner;  // first: frames that are left over are destroyed last
  ds01::test::FakeClock clock;
  Recorder events;
  Disk disk;
  FakeEngine engine;
  allocator::Ledger ledger;
  FakeDevices devices;
  allocator::StateWriter writer;
  Disk names_disk;
  allocator::StateWriter names_writer;
  SliceNames names;
  OwnerService owners;
  LedgerService grants;
  Limits limits;
  std::string archived;  // a login that may not use the machine

 private:
  template <typename T>
  static asio::awaitable<void> keep(asio::awaitable<T> job, std::shared_ptr<std::optional<T>> result) {
    result->emplace(co_await std::move(job));
  }

  int decisions_ = 0;
};

inline GpuRequest oneGpu() {
  return {};
}

}  // namespace ds01::daemon::test
