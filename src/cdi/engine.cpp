#include "cdi/engine.h"

#include <algorithm>
#include <string_view>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace ds01::cdi {
namespace {

constexpr ApiVersion kFirst{1, 44};  // Docker 25

// On every system that has both, /var/run is a link to /run.
std::string_view plain(std::string_view path) {
  if (path.starts_with("/var/run/")) path.remove_prefix(std::string_view("/var").size());
  while (path.size() > 1 && path.ends_with('/')) path.remove_suffix(1);
  return path;
}

}  // namespace

std::string whyNotUsable(const EngineFacts& engine, const std::string& directory) {
  if (engine.api < kFirst) {
    return fmt::format(
        "GPUs are given by CDI here (gpu.emitter), and this Docker Engine (API {}.{}) is older than Docker 25, which "
        "brought CDI; update it, or set gpu.emitter to nvidia",
        engine.api.major, engine.api.minor);
  }
  if (engine.cdi_spec_dirs.empty()) {
    return "GPUs are given by CDI here (gpu.emitter), and CDI is off in this Docker Engine; put \"features\": "
           "{\"cdi\": "
           "true} into its daemon.json and restart it, or set gpu.emitter to nvidia";
  }
  const auto same = [&](const std::string& dir) { return plain(dir) == plain(directory); };
  if (std::ranges::any_of(engine.cdi_spec_dirs, same)) return {};
  return fmt::format(
      "the Docker Engine looks for CDI devices in {}, and not in {}, where they are written (gpu.cdi_dir); make the "
      "two "
      "agree (cdi-spec-dirs in the Engine's daemon.json)",
      fmt::join(engine.cdi_spec_dirs, " and "), directory);
}

}  // namespace ds01::cdi
