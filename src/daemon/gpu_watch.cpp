#include "daemon/gpu_watch.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include <boost/asio/buffer.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include "inventory/nvml/child.h"

namespace ds01::daemon {

namespace asio = boost::asio;
namespace nvml = inventory::nvml;

// Its socket and its end, on our loop. Shared, because a reading may be asked for while it ends.
struct GpuWatch::Child {
  Child(const asio::any_io_executor& executor, process::ChildProcess started)
      : process(std::move(started)),
        socket(executor, asio::local::stream_protocol(), process.takeSocket().release()),
        end(executor, process.takePidfd().release()) {}

  process::ChildProcess process;
  asio::local::stream_protocol::socket socket;
  asio::posix::stream_descriptor end;  // readable when the process has ended
};

GpuWatchSettings nvmlChild(bool required, std::chrono::milliseconds interval, std::chrono::milliseconds limit) {
  GpuWatchSettings settings;
  settings.arguments = {"ds01d", std::string(nvml::kChildOption), std::to_string(interval.count())};
  settings.required = required;
  settings.rules.silence = interval + limit;
  return settings;
}

GpuWatch::GpuWatch(asio::any_io_executor executor, LedgerService& ledger, const Clock& clock, GpuWatchSettings settings)
    : executor_(std::move(executor)),
      ledger_(ledger),
      clock_(clock),
      settings_(std::move(settings)),
      supervision_(settings_.rules, clock.now()),
      deadline_(executor_) {}

asio::awaitable<void> GpuWatch::run() {
  update();
  begun_ = true;
  while (!stopping_) {
    Result<process::ChildProcess> started = process::spawn(settings_.program, settings_.arguments);
    if (started) {
      child_ = std::make_shared<Child>(executor_, *std::move(started));
      supervision_.started(clock_.now());
      armDeadline();
      co_await follow(child_);
      child_.reset();
    } else {
      supervision_.failed(clock_.now(),
                          "the process that reads the NVIDIA driver cannot be started: " + started.error().message());
    }
    const std::chrono::milliseconds pause = supervision_.ended(clock_.now());
    if (stopping_) co_return;
    if (no_library_ && !settings_.required) {
      spdlog::info("there is no NVIDIA driver here (libnvidia-ml.so.1 cannot be loaded), so there are no GPUs to give");
      ledger_.setInventory({});
      co_return;
    }
    update();
    asio::steady_timer timer(executor_, pause);
    boost::system::error_code ignored;
    co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  }
}

// One life of the child, to its end.
asio::awaitable<void> GpuWatch::follow(std::shared_ptr<Child> child) {
  const std::string why = co_await listen(child);
  // It may have closed its socket or sent nonsense and live on.
  child->process.kill();
  boost::system::error_code error;
  std::optional<std::string> how = child->process.collect();
  while (!how && !error) {
    co_await child->end.async_wait(asio::posix::stream_descriptor::wait_read,
                                   asio::redirect_error(asio::use_awaitable, error));
    how = child->process.collect();
  }
  if (stopping_ || (no_library_ && !settings_.required)) co_return;
  if (why == last_problem_) co_return;
  last_problem_ = why;
  spdlog::warn("the process that reads the NVIDIA driver has ended ({}, {}); it is started again", why,
               how.value_or("not collected"));
}

// Until the child says no more; why.
asio::awaitable<std::string> GpuWatch::listen(std::shared_ptr<Child> child) {
  nvml::FrameReader frames;
  std::array<char, 16384> bytes{};
  for (;;) {
    boost::system::error_code error;
    const std::size_t count =
        co_await child->socket.async_read_some(asio::buffer(bytes), asio::redirect_error(asio::use_awaitable, error));
    if (error) co_return "it closed its socket";
    frames.append({bytes.data(), count});
    for (;;) {
      Result<std::optional<std::string>> message = frames.next();
      if (!message) co_return "it sent " + message.error().message();
      if (!*message) break;
      const Result<nvml::Report> report = nvml::decode(**message);
      if (!report) co_return "it sent what is no report: " + report.error().message();
      take(*report);
      const auto* failed = std::get_if<nvml::Failed>(&report->what);
      if (failed) co_return failed->why;
    }
  }
}

void GpuWatch::take(const nvml::Report& report) {
  if (const auto* failed = std::get_if<nvml::Failed>(&report.what)) {
    no_library_ = failed->no_library;
    if (no_library_ && !settings_.required) return;
    supervision_.failed(clock_.now(), "the NVIDIA driver cannot be read: " + failed->why);
  } else {
    supervision_.confirmed(clock_.now());
    if (const auto* changed = std::get_if<nvml::Changed>(&report.what)) {
      spdlog::info("the NVIDIA driver {} was read in {:.1f} ms: {} GPUs", changed->readings.driver,
                   static_cast<double>(report.took.count()) / 1000.0, changed->readings.gpus.size());
      takeReadings(changed->readings);
    }
    last_problem_.clear();
  }
  update();
}

void GpuWatch::takeReadings(const inventory::Readings& readings) {
  inventory::Interpretation told = inventory::interpret(readings, remembered_);
  remembered_ = std::move(told.remembered);
  for (const std::string& remark : told.remarks) {
    if (std::ranges::find(remarks_, remark) == remarks_.end()) spdlog::warn("{}", remark);
  }
  remarks_ = std::move(told.remarks);
  inventory_ = std::move(told.inventory);
  if (stale_.empty()) ledger_.setInventory(inventory_);
}

// The ledger learns whether the inventory is true.
void GpuWatch::update() {
  const TimePoint now = clock_.now();
  if (supervision_.mustKill(now) && child_) {
    spdlog::error("the process that reads the NVIDIA driver does not answer and is killed");
    child_->process.kill();
  }
  const std::string& stale = supervision_.staleReason(now);
  if (stale != stale_) {
    stale_ = stale;
    if (stale_.empty()) {
      ledger_.setInventory(inventory_);
    } else {
      ledger_.inventoryStale(stale_);
      if (begun_ && settings_.on_unanswered) settings_.on_unanswered(stale_);
    }
  }
  armDeadline();
}

void GpuWatch::armDeadline() {
  const std::optional<TimePoint> next = supervision_.deadline();
  if (!next || stopping_) {
    deadline_.cancel();
    return;
  }
  deadline_.expires_after(std::max(*next - clock_.now(), TimePoint::duration{1000}));
  deadline_.async_wait([this](const boost::system::error_code& error) {
    if (!error) update();
  });
}

void GpuWatch::readNow() {
  if (!child_) return;
  auto request = std::make_shared<const std::string>(nvml::frame(nvml::kReadNow));
  // What fails here is noticed by listen().
  asio::async_write(child_->socket, asio::buffer(*request),
                    [request, child = child_](const boost::system::error_code&, std::size_t) {});
}

void GpuWatch::stop() {
  stopping_ = true;
  deadline_.cancel();
  if (child_) child_->process.kill();
}

}  // namespace ds01::daemon
