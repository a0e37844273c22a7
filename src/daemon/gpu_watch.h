// Keeps the process that reads the NVIDIA driver running and takes what it says to the ledger. The driver may hang or
// crash: then the inventory is stale and everything else goes on. I/O thread only; nothing here blocks.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>

#include "base/clock.h"
#include "daemon/ledger_service.h"
#include "inventory/nvml/protocol.h"
#include "inventory/supervision.h"
#include "process/spawn.h"

namespace ds01::daemon {

struct GpuWatchSettings {
  std::string program = "/proc/self/exe";  // what is run as the child; this program itself, also when it was replaced
  std::vector<std::string> arguments;      // the first is its name
  bool required = true;                    // false: without the library there are no GPUs, and that is no fault
  inventory::SupervisionRules rules;
  std::function<void(std::string_view why)> on_unanswered = {};  // when the inventory becomes stale, but for the start
};

// The child of ds01d itself, that reads each `interval` and may take `limit` for it.
GpuWatchSettings nvmlChild(bool required, std::chrono::milliseconds interval, std::chrono::milliseconds limit);

class GpuWatch {
 public:
  // `ledger` and `clock` must outlive this.
  GpuWatch(boost::asio::any_io_executor executor, LedgerService& ledger, const Clock& clock, GpuWatchSettings settings);

  // Marks the inventory as stale until the driver has answered. Returns only if there is no library and none is
  // required.
  boost::asio::awaitable<void> run();
  // Asks for a reading before its turn; nothing if no process runs.
  void readNow();
  // The process ends.
  void stop();

 private:
  struct Child;

  boost::asio::awaitable<void> follow(std::shared_ptr<Child> child);
  boost::asio::awaitable<std::string> listen(std::shared_ptr<Child> child);
  void take(const inventory::nvml::Report& report);
  void takeReadings(const inventory::Readings& readings);
  void update();
  void armDeadline();

  boost::asio::any_io_executor executor_;
  LedgerService& ledger_;
  const Clock& clock_;
  GpuWatchSettings settings_;
  inventory::Supervision supervision_;
  inventory::Readings remembered_;
  Inventory inventory_;  // as last said
  std::vector<std::string> remarks_;
  std::string stale_;         // as last told to the ledger
  std::string last_problem_;  // said once, not at each attempt
  boost::asio::steady_timer deadline_;
  std::shared_ptr<Child> child_;  // while one runs
  bool begun_ = false;
  bool no_library_ = false;
  bool stopping_ = false;
};

}  // namespace ds01::daemon
