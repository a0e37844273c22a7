// What must be in order before the daemon serves: configuration, inventory, directories, the leases on disk. Blocking;
// runs once, before the I/O thread has anything to do.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "config/config.h"
#include "daemon/options.h"
#include "model/gpu.h"
#include "model/lease.h"

namespace ds01::daemon {

struct LoadedConfig {
  std::shared_ptr<const config::Config> config;  // null if there was an error
  std::string report;                            // every error, warning and note, a line each
  std::string problems;                          // of these, the errors and warnings
  std::size_t errors = 0;
};
// From options.config_dir; mount roots are compared with the other directories. Blocks on the disk.
LoadedConfig loadConfig(const Options& options);

Result<Inventory> loadInventory(const config::GpuSource& source);

// Makes state (0700), log and run directories where they are missing, and locks the state directory: two daemons on one
// state would lease a slot twice. The lock lasts as long as the descriptor.
Result<Fd> prepareDirectories(const Options& options);

// The leases that the last run left. A file that cannot be understood is set aside (set_aside.h) and reported in
// `warning`; the leases then come back from the labels of the Engine's containers.
struct SavedLeases {
  std::vector<Lease> leases;
  std::string warning;
};
Result<SavedLeases> readSavedLeases(const std::filesystem::path& file);

}  // namespace ds01::daemon
