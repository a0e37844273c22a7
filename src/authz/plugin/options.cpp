#include "authz/plugin/options.h"

#include <sstream>
#include <string_view>

#include <CLI/CLI.hpp>

namespace ds01::authz::plugin {

std::variant<Options, Exit> parseOptions(int argc, const char* const* argv) {
  constexpr std::string_view kScheme = "unix://";
  Options options;
  std::string listen;
  CLI::App app("ds01-authz: the authorization plugin by which dockerd takes requests from ds01d only", "ds01-authz");
  app.add_option("--listen", listen,
                 "unix:///PATH where dockerd asks (default: the socket that systemd hands over, else unix://" +
                     options.listen_path + ")");
  app.add_option("--run-dir", options.run_dir, "that of ds01d; the key is there")->capture_default_str();
  app.add_option("--break-glass", options.break_glass, "the file that lets requests without a ticket pass for a time")
      ->capture_default_str();
  app.set_version_flag("--version", std::string("ds01-authz ") + DS01_VERSION);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    std::ostringstream out;
    const int status = app.exit(error, out, out);
    return Exit{status == 0 ? kExitOk : kExitUsage, out.str()};
  }
  if (!listen.empty()) {
    if (!listen.starts_with(kScheme) || listen.size() <= kScheme.size() || listen[kScheme.size()] != '/') {
      return Exit{kExitUsage, "ds01-authz: --listen: must be unix:///PATH\n"};
    }
    options.listen_path = listen.substr(kScheme.size());
  }
  return options;
}

}  // namespace ds01::authz::plugin
