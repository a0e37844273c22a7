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

// sun_path holds 108 bytes with the closing NUL (unix(7)).
constexpr std::size_t kLongestSocketPath = 107;

std::string unixPath(const std::string& url, std::string_view option, std::string& problem) {
  static constexpr std::string_view kScheme = "unix://";
  if (!url.starts_with(kScheme) || url.size() <= kScheme.size() + 1 || url[kScheme.size()] != '/') {
    problem = fmt::format("{}: \"{}\" is not a Unix socket; write unix:///PATH", option, url);
    return {};
  }
  std::string path = url.substr(kScheme.size());
  if (path.size() > kLongestSocketPath) {
    problem =
        fmt::format("{}: the path has {} bytes; a Unix socket's may have {}", option, path.size(), kLongestSocketPath);
  }
  return path;
}

std::string parseGpuSource(const std::string& text, Options& options) {
  if (text.empty() || text == "none") return {};
  if (text.starts_with("sim:") && text.size() > 4) {
    options.gpu_source = GpuSource::Sim;
    options.gpu_file = text.substr(4);
    return {};
  }
  if (text == "nvml") return "--gpus nvml: this version has no NVML inventory yet; use sim:FILE or none";
  return fmt::format("--gpus: \"{}\" is none of sim:FILE, none", text);
}

}  // namespace

std::variant<Options, Exit> parseOptions(int argc, const char* const* argv) {
  Options options;
  std::string listen = "unix:///run/ds01/docker.sock";
  std::string engine = "unix:///var/run/docker.sock";
  std::string gpus;
  options.state_dir = "/var/lib/ds01";
  options.log_dir = "/var/log/ds01";
  options.run_dir = "/run/ds01";

  CLI::App app("ds01d: one docker.sock for everybody on a shared GPU server", "ds01d");
  app.add_option("--config-dir", options.config_dir,
                 "limits, groups and ds01d.yaml (default /etc/ds01, else the earlier system's)");
  app.add_option("--state-dir", options.state_dir, "what must survive a restart")->capture_default_str();
  app.add_option("--log-dir", options.log_dir, "events.jsonl")->capture_default_str();
  app.add_option("--run-dir", options.run_dir, "the control socket")->capture_default_str();
  app.add_option("--listen", listen, "the socket for everybody")->capture_default_str();
  app.add_option("--engine", engine, "the Docker Engine's own socket")->capture_default_str();
  app.add_option("--gpus", gpus, "sim:FILE or none (default none)");
  app.add_flag("--check-config", options.check_config, "load everything, print the report, exit 0 or 78");
  app.set_version_flag("--version", std::string("ds01d ") + DS01_VERSION);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    std::ostringstream out;
    const int status = app.exit(error, out, out);
    return Exit{status == 0 ? kExitOk : kExitUsage, out.str()};
  }
  std::string problem;
  options.listen_path = unixPath(listen, "--listen", problem);
  if (problem.empty()) options.engine_path = unixPath(engine, "--engine", problem);
  if (problem.empty()) problem = parseGpuSource(gpus, options);
  if (!problem.empty()) return Exit{kExitUsage, "ds01d: " + problem + "\n"};
  if (options.config_dir.empty()) options.config_dir = defaultConfigDir();
  return options;
}

}  // namespace ds01::daemon
