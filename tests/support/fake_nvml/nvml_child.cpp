// nvml_child INTERVAL_MS PROC DEV: what `ds01d --nvml-child` does, with directories in place of /proc and /dev.
#include <chrono>
#include <string>

#include "inventory/nvml/child.h"
#include "net/real_clock.h"
#include "process/spawn.h"

int main(int argc, char** argv) {
  using namespace ds01::inventory::nvml;
  if (argc != 4) return 2;
  ChildSettings settings;
  settings.interval = std::chrono::milliseconds{std::stol(argv[1])};
  settings.paths = {.proc = argv[2], .dev = argv[3]};
  const ds01::net::RealClock clock;
  return serveReadings(ds01::Fd(ds01::process::kChildSocket), settings, clock);
}
