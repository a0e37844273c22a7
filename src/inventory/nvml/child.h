// The process that has NVML in it: reads the driver in turn and on request, and tells ds01d over its socket.
#pragma once

#include <chrono>
#include <string_view>

#include "base/clock.h"
#include "base/fd.h"
#include "base/result.h"
#include "inventory/nvml/device_nodes.h"

namespace ds01::inventory::nvml {

// `ds01d --nvml-child MILLISECONDS`, with the socket on descriptor 3: not for people, and not in the help. Whoever runs
// it by hand gets a process with their own rights that has nobody to talk to.
inline constexpr std::string_view kChildOption = "--nvml-child";

struct ChildSettings {
  std::chrono::milliseconds interval{10'000};  // between readings
  HostPaths paths;
};

// The whole life of the process that kChildOption starts, `interval` being its text; the exit status.
int runChild(std::string_view interval, const Clock& clock);

// Gives up what reading needs no longer: capabilities for good, core dumps, new privileges by setuid files. The uid
// stays, so that device files of which only root may be the reader can be read.
Status confine();

// Until the other end closes the socket, or a reading fails; the exit status. Blocks.
int serveReadings(Fd socket, const ChildSettings& settings, const Clock& clock);

}  // namespace ds01::inventory::nvml
