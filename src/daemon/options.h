// The command line of ds01d.
#pragma once

#include <filesystem>
#include <string>
#include <variant>

namespace ds01::daemon {

enum class GpuSource { None, Sim };

struct Options {
  std::filesystem::path config_dir;
  std::filesystem::path state_dir;
  std::filesystem::path log_dir;
  std::filesystem::path run_dir;
  std::string listen_path;  // of unix:///PATH
  std::string engine_path;
  GpuSource gpu_source = GpuSource::None;
  std::filesystem::path gpu_file;  // with GpuSource::Sim
  bool check_config = false;
};

// Leave at once with this status and text (on stdout if the status is 0, else on stderr).
struct Exit {
  int status = 0;
  std::string text;
};

// Looks at the file system only to choose the default --config-dir.
std::variant<Options, Exit> parseOptions(int argc, const char* const* argv);

}  // namespace ds01::daemon
