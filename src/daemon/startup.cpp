#include "daemon/startup.h"

#include <algorithm>
#include <cerrno>
#include <iterator>
#include <system_error>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "allocator/codec.h"
#include "allocator/file/state_file.h"
#include "config/yaml/load.h"
#include "daemon/mount_roots.h"
#include "daemon/set_aside.h"
#include "inventory/sim/simulated.h"

namespace ds01::daemon {
namespace {

Status makeDirectory(const std::filesystem::path& dir, std::string_view option, mode_t mode) {
  std::error_code error;
  if (std::filesystem::is_directory(dir, error)) return {};
  std::filesystem::create_directories(dir.parent_path(), error);
  if (error) return fail(Error::fromErrno(error.value(), fmt::format("{} {}", option, dir.native())));
  if (::mkdir(dir.c_str(), mode) != 0 && errno != EEXIST) {
    return fail(Error::fromErrno(errno, fmt::format("{} {}", option, dir.native())));
  }
  if (!std::filesystem::is_directory(dir, error)) {
    return fail(ErrorCode::Conflict, fmt::format("{} {}: is not a directory", option, dir.native()));
  }
  return {};
}

}  // namespace

LoadedConfig loadConfig(const Options& options) {
  config::yaml::Loaded loaded = config::yaml::load(options.config_dir);
  if (loaded.config) {
    const std::vector<std::filesystem::path> own{options.config_dir, options.state_dir, options.log_dir,
                                                 options.run_dir};
    std::ranges::move(
        checkMountRoots(loaded.config->daemon.mounts.directories, own, (options.config_dir / "ds01d.yaml").native()),
        std::back_inserter(loaded.diagnostics));
    if (config::hasErrors(loaded.diagnostics)) loaded.config.reset();
  }
  LoadedConfig result;
  for (const config::Diagnostic& diagnostic : loaded.diagnostics) {
    const std::string line = config::toString(diagnostic) + "\n";
    result.report += line;
    if (diagnostic.severity != config::Severity::Note) result.problems += line;
    if (diagnostic.severity == config::Severity::Error) ++result.errors;
  }
  if (loaded.config) result.config = std::make_shared<const config::Config>(std::move(*loaded.config));
  return result;
}

Result<Inventory> loadInventory(const config::GpuSource& source) {
  switch (source.kind) {
    case config::GpuSource::Kind::Sim:
      return inventory::sim::loadSimulated(source.file);
    case config::GpuSource::Kind::Nvml:
    case config::GpuSource::Kind::Auto:
    case config::GpuSource::Kind::None:
      break;
  }
  return Inventory{};
}

Result<Fd> prepareDirectories(const Options& options) {
  if (Status made = makeDirectory(options.state_dir, "--state-dir", 0700); !made) return fail(made.error());
  if (Status made = makeDirectory(options.log_dir, "--log-dir", 0755); !made) return fail(made.error());
  if (Status made = makeDirectory(options.run_dir, "--run-dir", 0755); !made) return fail(made.error());
  const std::filesystem::path path = options.state_dir / "lock";
  Fd lock(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!lock.valid()) return fail(Error::fromErrno(errno, fmt::format("--state-dir: open {}", path.native())));
  if (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return fail(Error::fromErrno(errno, fmt::format("lock {}", path.native())));
    return fail(ErrorCode::Conflict,
                fmt::format("--state-dir {}: another ds01d is using it", options.state_dir.native()));
  }
  return lock;
}

Result<SavedLeases> readSavedLeases(const std::filesystem::path& file) {
  SavedLeases saved;
  Result<std::optional<std::string>> text = allocator::StateFile(file.native()).read();
  if (!text) return fail(text.error());
  if (!*text) return saved;
  Result<std::vector<Lease>> leases = allocator::decodeState(**text);
  if (leases) {
    saved.leases = std::move(*leases);
    return saved;
  }
  const Result<std::string> aside = setAside(file);
  if (!aside) return fail(aside.error());
  saved.warning = fmt::format("{}: {}; {} and the leases are taken from the labels of the Engine's containers",
                              file.native(), leases.error().message(), *aside);
  return saved;
}

}  // namespace ds01::daemon
