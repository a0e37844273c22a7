#include "daemon/options.h"

#include <array>
#include <sstream>
#include <system_error>
#include <utility>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "daemon/exit_codes.h"

namespace ds01::daemon {
namespace {

// The first place that holds limits: ours, then those of the earlier system.
std::filesystem::path defaultConfigDir() {
  static constexpr std::array kPlaces{"/etc/ds01", "/opt/ds01-infra/config/runtime", "/opt/ds01-infra/config"};
  for (const char* place : kPlaces) {
    std::error_code ignored;
    if (std::filesystem::exists(std::filesystem::path(place) / "resource-limits.yaml", ignored)) return place;
  }
  return kPlaces.front();
}

constexpr std::string_view kListen = "/run/ds01/docker.sock";
constexpr std::string_view kEngine = "/var/run/docker.sock";

// The sentence that says what is wrong; empty if nothing is.
std::string takeSocket(const std::optional<std::string>& url, std::string_view option, std::string& out) {
  if (!url) return {};
  std::expected<std::string, std::string> path = config::unixSocketPath(*url);
  if (!path) return fmt::format("{}: {}", option, path.error());
  out = *std::move(path);
  return {};
}

std::string takeGpus(const std::optional<std::string>& text, Options& options) {
  if (!text) return {};
  options.gpus = config::parseGpuSource(*text);
  return options.gpus ? "" : fmt::format("--gpus: \"{}\" is none of nvml, sim:FILE, none", *text);
}

}  // namespace

std::variant<Options, Exit> parseOptions(int argc, const char* const* argv) {
  Options options;
  std::optional<std::string> listen;
  std::optional<std::string> engine;
  std::optional<std::string> gpus;
  options.state_dir = "/var/lib/ds01";
  options.log_dir = "/var/log/ds01";
  options.run_dir = "/run/ds01";

  CLI::App app("ds01d: one docker.sock for everybody on a shared GPU server", "ds01d");
  app.add_option("--config-dir", options.config_dir,
                 "limits, groups and ds01d.yaml (default /etc/ds01, else the earlier system's)");
  app.add_option("--state-dir", options.state_dir, "what must survive a restart")->capture_default_str();
  app.add_option("--log-dir", options.log_dir, "events.jsonl")->capture_default_str();
  app.add_option("--run-dir", options.run_dir, "the control socket")->capture_default_str();
  app.add_option("--listen", listen,
                 fmt::format("the socket for everybody (default ds01d.yaml, else unix://{})", kListen));
  app.add_option("--engine", engine,
                 fmt::format("the Docker Engine's own socket (default ds01d.yaml, else unix://{})", kEngine));
  app.add_option("--gpus", gpus, "nvml, sim:FILE or none (default ds01d.yaml, else nvml if its library loads)");
  app.add_flag("--check-config", options.check_config, "load everything, print the report, exit 0 or 78");
  app.set_version_flag("--version", std::string("ds01d ") + DS01_VERSION);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    std::ostringstream out;
    const int status = app.exit(error, out, out);
    return Exit{status == 0 ? kExitOk : kExitUsage, out.str()};
  }
  std::string problem = takeSocket(listen, "--listen", options.listen_path);
  if (problem.empty()) problem = takeSocket(engine, "--engine", options.engine_path);
  if (problem.empty()) problem = takeGpus(gpus, options);
  if (!problem.empty()) return Exit{kExitUsage, "ds01d: " + problem + "\n"};
  if (options.config_dir.empty()) options.config_dir = defaultConfigDir();
  return options;
}

Options completeOptions(Options options, const config::DaemonSettings& settings) {
  if (options.listen_path.empty()) options.listen_path = settings.sockets.listen_path.value_or(std::string(kListen));
  if (options.engine_path.empty()) options.engine_path = settings.sockets.engine_path.value_or(std::string(kEngine));
  if (!options.gpus) options.gpus = settings.gpu.source.value_or(config::GpuSource{});
  return options;
}

std::vector<std::string_view> changedForNextStart(const Options& command_line, const config::DaemonSettings& in_force,
                                                  const config::DaemonSettings& read) {
  const Options before = completeOptions(command_line, in_force);
  const Options after = completeOptions(command_line, read);
  std::vector<std::string_view> keys;
  const auto compare = [&keys](std::string_view key, const auto& a, const auto& b) {
    if (a != b) keys.push_back(key);
  };
  compare("sockets.listen", before.listen_path, after.listen_path);
  compare("sockets.engine", before.engine_path, after.engine_path);
  compare("sockets.group", in_force.sockets.group, read.sockets.group);
  compare("sockets.mode", in_force.sockets.mode, read.sockets.mode);
  compare("gpu.source", before.gpus, after.gpus);
  compare("gpu.emitter", in_force.gpu.emitter, read.gpu.emitter);
  compare("gpu.cdi_dir", in_force.gpu.cdi_dir, read.gpu.cdi_dir);
  compare("gpu.read_every", in_force.gpu.read_every, read.gpu.read_every);
  compare("queue.continue_every", in_force.queue.continue_every, read.queue.continue_every);
  compare("gpu.read_limit", in_force.gpu.read_limit, read.gpu.read_limit);
  return keys;
}

}  // namespace ds01::daemon
