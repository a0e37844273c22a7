#include "daemon/gpu_devices.h"

#include <algorithm>
#include <chrono>

#include <spdlog/spdlog.h>

#include "cdi/file/vendor.h"
#include "cdi/spec.h"

namespace ds01::daemon {

namespace asio = boost::asio;

namespace {

constexpr std::chrono::milliseconds kLimit{10'000};

struct Written {};

// Where NVIDIA's tools put their description if the Engine says nothing.
std::vector<std::string> orUsual(std::vector<std::string> dirs) {
  return dirs.empty() ? std::vector<std::string>{"/etc/cdi", "/var/run/cdi"} : dirs;
}

std::vector<std::string> nodesOf(const std::vector<GpuSlot>& slots) {
  std::vector<std::string> wanted;
  for (const GpuSlot& slot : slots) {
    for (const std::string& node : slot.device_nodes) {
      if (std::ranges::find(wanted, node) == wanted.end()) wanted.push_back(node);
    }
  }
  if (wanted.empty()) return wanted;  // simulated
  for (std::string& node : cdi::controlNodes()) wanted.push_back(std::move(node));
  return cdi::existingNodes(wanted);
}

Status writeEntry(const cdi::Directory& directory, const std::vector<std::string>& spec_dirs, const Lease& lease,
                  const std::vector<GpuSlot>& slots) {
  cdi::EntryFacts facts{.nodes = nodesOf(slots)};
  if (!facts.nodes.empty()) {
    Result<std::optional<boost::json::object>> vendor = cdi::vendorDescription(spec_dirs);
    if (vendor) {
      facts.vendor = std::move(*vendor);
    } else {
      spdlog::error("NVIDIA's CDI description is not used, containers get no driver libraries: {}",
                    vendor.error().message());
    }
  }
  const cdi::Entry entry = cdi::entryFor(lease, slots, facts);
  if (!entry.warning.empty()) {
    spdlog::warn("NVIDIA's CDI description does not fit lease {} ({}); make a new one with nvidia-ctk cdi generate",
                 lease.id.str(), entry.warning);
  }
  return directory.write(lease.id, entry.text);
}

}  // namespace

HostGpuDevices::HostGpuDevices(admission::Emitter emitter, std::string cdi_dir, net::BlockingPool& pool,
                               std::function<std::vector<std::string>()> spec_dirs)
    : emitter_(emitter), directory_(std::move(cdi_dir)), pool_(pool), spec_dirs_(std::move(spec_dirs)) {}

Lease::Delivery HostGpuDevices::delivery() const {
  return emitter_ == admission::Emitter::Cdi ? Lease::Delivery::AtStart : Lease::Delivery::Fixed;
}

asio::awaitable<Result<std::vector<std::string>>> HostGpuDevices::nodesFor(std::vector<GpuSlot> slots) {
  using Nodes = std::vector<std::string>;
  if (emitter_ != admission::Emitter::Nvidia) co_return Nodes{};
  std::function<Result<Nodes>()> work = [slots = std::move(slots)]() -> Result<Nodes> { return nodesOf(slots); };
  co_return co_await pool_.run<Nodes>(std::move(work), kLimit);
}

asio::awaitable<Status> HostGpuDevices::publish(Lease lease, std::vector<GpuSlot> slots) {
  std::function<Result<Written>()> work = [directory = directory_, dirs = orUsual(spec_dirs_()),
                                           lease = std::move(lease), slots = std::move(slots)]() -> Result<Written> {
    if (Status written = writeEntry(directory, dirs, lease, slots); !written) return fail(written.error());
    return Written{};
  };
  const Result<Written> done = co_await pool_.run<Written>(std::move(work), kLimit);
  co_return done ? Status{} : fail(done.error());
}

asio::awaitable<Status> HostGpuDevices::withdraw(LeaseId lease) {
  std::function<Result<Written>()> work = [directory = directory_, lease = std::move(lease)]() -> Result<Written> {
    if (Status removed = directory.remove(lease); !removed) return fail(removed.error());
    return Written{};
  };
  const Result<Written> done = co_await pool_.run<Written>(std::move(work), kLimit);
  co_return done ? Status{} : fail(done.error());
}

asio::awaitable<Result<PublishedEntries>> HostGpuDevices::published() {
  std::function<Result<PublishedEntries>()> work = [directory = directory_] { return directory.read(); };
  co_return co_await pool_.run<PublishedEntries>(std::move(work), kLimit);
}

}  // namespace ds01::daemon
