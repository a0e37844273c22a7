#include <cstdio>
#include <exception>
#include <variant>

#include "daemon/app.h"
#include "daemon/exit_codes.h"
#include "daemon/options.h"
#include "inventory/nvml/child.h"
#include "mounts/pins/child.h"
#include "net/real_clock.h"

int main(int argc, char** argv) {
  using namespace ds01::daemon;
  try {
    if (argc == 3 && argv[1] == ds01::inventory::nvml::kChildOption) {
      const ds01::net::RealClock clock;
      return ds01::inventory::nvml::runChild(argv[2], clock);
    }
    if (argc == 2 && argv[1] == ds01::mounts::pins::kChildOption) return ds01::mounts::pins::runChild();
    const std::variant<Options, Exit> parsed = parseOptions(argc, argv);
    if (const Exit* leave = std::get_if<Exit>(&parsed)) {
      std::fputs(leave->text.c_str(), leave->status == kExitOk ? stdout : stderr);
      return leave->status;
    }
    return run(std::get<Options>(parsed));
  } catch (const std::exception& error) {
    std::fprintf(stderr, "ds01d: %s\n", error.what());
    return kExitFailed;
  }
}
