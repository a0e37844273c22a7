// The command line of ds01d.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "config/daemon_settings.h"

namespace ds01::daemon {

struct Options {
  std::filesystem::path config_dir;
  std::filesystem::path state_dir;
  std::filesystem::path log_dir;
  std::filesystem::path run_dir;
  // Of unix:///PATH. Empty as long as neither the command line nor completeOptions() has said it.
  std::string listen_path;
  std::string engine_path;
  std::optional<config::GpuSource> gpus;
  bool check_config = false;
};

// Leave at once with this status and text (on stdout if the status is 0, else on stderr).
struct Exit {
  int status = 0;
  std::string text;
};

// Looks at the file system only to choose the default --config-dir.
std::variant<Options, Exit> parseOptions(int argc, const char* const* argv);

// What the command line left open: from ds01d.yaml, else the default. All is set afterwards.
Options completeOptions(Options options, const config::DaemonSettings& settings);

// The keys that a reload read and only a start applies; a key that the command line overrules is none of them.
std::vector<std::string_view> changedForNextStart(const Options& command_line, const config::DaemonSettings& in_force,
                                                  const config::DaemonSettings& read);

}  // namespace ds01::daemon
