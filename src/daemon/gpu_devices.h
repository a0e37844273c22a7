// What makes a slot reachable for a container on this host, beside the body of its create request: the device files
// that are named there, and the CDI entries that are read at each start.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include <boost/asio/awaitable.hpp>

#include "admission/admission.h"
#include "base/ids.h"
#include "base/result.h"
#include "cdi/file/directory.h"
#include "model/gpu.h"
#include "model/lease.h"
#include "net/blocking_pool.h"

namespace ds01::daemon {

using PublishedEntries = std::map<LeaseId, std::vector<std::string>>;  // UUIDs; none if they cannot be read

// I/O thread only; calls take effect in the order in which they begin.
class GpuDevices {
 public:
  GpuDevices() = default;
  GpuDevices(const GpuDevices&) = delete;
  GpuDevices& operator=(const GpuDevices&) = delete;
  virtual ~GpuDevices() = default;

  // How new leases reach their containers.
  virtual Lease::Delivery delivery() const = 0;
  // The device files that a create request must name for these slots: those that are there, none with
  // Delivery::AtStart.
  virtual boost::asio::awaitable<Result<std::vector<std::string>>> nodesFor(std::vector<GpuSlot> slots) = 0;

  // From now on a start of the lease's container finds `slots`. On disk when it returns.
  virtual boost::asio::awaitable<Status> publish(Lease lease, std::vector<GpuSlot> slots) = 0;
  // From now on a start of its container fails. The Engine may need a moment to notice.
  virtual boost::asio::awaitable<Status> withdraw(LeaseId lease) = 0;
  virtual boost::asio::awaitable<Result<PublishedEntries>> published() = 0;
};

class HostGpuDevices final : public GpuDevices {
 public:
  // `pool` must have one thread (that keeps the order) and outlive this. `spec_dirs`: where the Engine looks for CDI
  // descriptions, as far as is known.
  HostGpuDevices(admission::Emitter emitter, std::string cdi_dir, net::BlockingPool& pool,
                 std::function<std::vector<std::string>()> spec_dirs);

  Lease::Delivery delivery() const override;
  boost::asio::awaitable<Result<std::vector<std::string>>> nodesFor(std::vector<GpuSlot> slots) override;
  boost::asio::awaitable<Status> publish(Lease lease, std::vector<GpuSlot> slots) override;
  boost::asio::awaitable<Status> withdraw(LeaseId lease) override;
  boost::asio::awaitable<Result<PublishedEntries>> published() override;

 private:
  const admission::Emitter emitter_;
  const cdi::Directory directory_;
  net::BlockingPool& pool_;
  std::function<std::vector<std::string>()> spec_dirs_;
};

}  // namespace ds01::daemon
