// The command line of ds01-authz.
#pragma once

#include <filesystem>
#include <string>
#include <variant>

namespace ds01::authz::plugin {

inline constexpr int kExitOk = 0;
inline constexpr int kExitFailed = 1;
inline constexpr int kExitUsage = 2;

struct Options {
  std::string listen_path = "/run/docker/plugins/ds01-authz.sock";  // where no service manager hands a socket over
  std::filesystem::path run_dir = "/run/ds01";
  std::string break_glass = "/etc/ds01/authz-break-glass";
};

// Leave at once with this status and text (on stdout if the status is 0, else on stderr).
struct Exit {
  int status = 0;
  std::string text;
};

std::variant<Options, Exit> parseOptions(int argc, const char* const* argv);

}  // namespace ds01::authz::plugin
