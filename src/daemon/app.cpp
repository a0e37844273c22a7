#include "daemon/app.h"

#include <cstdio>
#include <string>

#include <fmt/format.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include "daemon/daemon.h"
#include "daemon/descriptors.h"
#include "daemon/exit_codes.h"
#include "daemon/startup.h"

namespace ds01::daemon {
namespace {

int complain(int status, std::string_view sentence) {
  fmt::print(stderr, "ds01d: {}\n", sentence);
  return status;
}

// Errors of the command line's own files are configuration; what the machine refuses is not.
int statusOf(const Error& error) {
  return error.code() == ErrorCode::InvalidArgument || error.code() == ErrorCode::Malformed ||
                 error.code() == ErrorCode::NotFound
             ? kExitConfig
             : kExitFailed;
}

int checkConfig(const Options& options, const LoadedConfig& loaded, const Result<Inventory>& inventory) {
  fmt::print("{}", loaded.report);
  if (!inventory) fmt::print("{}\n", inventory.error().message());
  const std::size_t errors = loaded.errors + (inventory ? 0 : 1);
  if (errors > 0) {
    fmt::print("{}: {} error{}\n", options.config_dir.native(), errors, errors == 1 ? "" : "s");
    return kExitConfig;
  }
  fmt::print("{}: ok, {} groups, {} members, {} GPU slots\n", options.config_dir.native(), loaded.config->groups.size(),
             loaded.config->members.size(), inventory->slots.size());
  return kExitOk;
}

}  // namespace

int run(const Options& options) {
  spdlog::set_default_logger(spdlog::stderr_logger_mt("ds01d"));
  spdlog::set_pattern("%Y-%m-%dT%H:%M:%S.%e%z %l %v");

  LoadedConfig loaded = loadConfig(options);
  const config::DaemonSettings settings = loaded.config ? loaded.config->daemon : config::DaemonSettings{};
  Result<Inventory> inventory = loadInventory(*completeOptions(options, settings).gpus);
  if (options.check_config) return checkConfig(options, loaded, inventory);
  if (!loaded.problems.empty()) fmt::print(stderr, "{}", loaded.problems);
  if (!loaded.config) {
    return complain(kExitConfig,
                    fmt::format("the configuration in {} has {} error{} and was not used", options.config_dir.native(),
                                loaded.errors, loaded.errors == 1 ? "" : "s"));
  }
  if (!inventory) return complain(statusOf(inventory.error()), inventory.error().message());

  const Result<Fd> lock = prepareDirectories(options);
  if (!lock) return complain(kExitFailed, lock.error().message());
  Result<SavedLeases> saved = readSavedLeases(options.state_dir / "gpu-state.json");
  if (!saved) return complain(kExitFailed, saved.error().message());
  if (!saved->warning.empty()) spdlog::error("{}", saved->warning);

  Result<SavedNames> names = readSavedNames(options.state_dir / "slice-names.json");
  if (!names) return complain(kExitFailed, names.error().message());
  if (!names->warning.empty()) spdlog::error("{}", names->warning);

  Result<SavedImageOwners> images = readSavedImageOwners(options.state_dir / "image-owners.json");
  if (!images) return complain(kExitFailed, images.error().message());
  if (!images->warning.empty()) spdlog::error("{}", images->warning);

  Result<PinFiles::Saved> pins = PinFiles(options.state_dir / "pins").read();
  if (!pins) return complain(kExitFailed, pins.error().message());
  for (const std::string& warning : pins->warnings) spdlog::error("{}", warning);

  Daemon daemon(options, std::move(loaded.config), std::move(*inventory), connectionsFor(raiseDescriptorLimit()));
  const Status restored = daemon.restore(std::move(saved->leases), std::move(names->names), std::move(images->owners),
                                         std::move(pins->records));
  if (!restored) {
    return complain(kExitFailed, restored.error().context("gpu-state.json").message());
  }
  const Status served = daemon.run();
  if (!served) return complain(kExitFailed, served.error().message());
  return kExitOk;
}

}  // namespace ds01::daemon
