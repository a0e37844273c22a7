#include "inventory/nvml/child.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdint>
#include <optional>
#include <string>
#include <system_error>
#include <utility>

#include <linux/capability.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "inventory/nvml/library.h"
#include "inventory/nvml/protocol.h"
#include "inventory/nvml/reader.h"
#include "process/spawn.h"

namespace ds01::inventory::nvml {
namespace {

constexpr std::int64_t kLongestInterval = 3'600'000;

// False: ds01d is gone.
bool send(const Fd& socket, const Report& report) {
  const std::string bytes = frame(encode(report));
  for (std::size_t sent = 0; sent < bytes.size();) {
    const ssize_t count = ::send(socket.get(), bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
    if (count < 0 && errno != EINTR) return false;
    if (count > 0) sent += static_cast<std::size_t>(count);
  }
  return true;
}

// Until it is time to read again, or ds01d asks for it. False: ds01d is gone.
bool waitForTurn(const Fd& socket, std::chrono::milliseconds interval) {
  pollfd entry{.fd = socket.get(), .events = POLLIN, .revents = 0};
  const int ready = ::poll(&entry, 1, static_cast<int>(interval.count()));
  if (ready <= 0) return ready == 0 || errno == EINTR;
  // There is one thing that it can say; said several times, it is done once.
  char requests[4096];
  return ::recv(socket.get(), requests, sizeof requests, 0) > 0;
}

}  // namespace

int runChild(std::string_view interval, const Clock& clock) {
  Fd socket(process::kChildSocket);
  ChildSettings settings;
  std::int64_t milliseconds = 0;
  const auto [end, error] = std::from_chars(interval.data(), interval.data() + interval.size(), milliseconds);
  if (error != std::errc{} || end != interval.data() + interval.size() || milliseconds <= 0) return 2;
  settings.interval = std::chrono::milliseconds{std::min(milliseconds, kLongestInterval)};
  if (const Status confined = confine(); !confined) {
    send(socket, {.what = Failed{.why = confined.error().message()}});
    return 1;
  }
  return serveReadings(std::move(socket), settings, clock);
}

Status confine() {
  const rlimit none{.rlim_cur = 0, .rlim_max = 0};
  if (::setrlimit(RLIMIT_CORE, &none) != 0) return fail(Error::fromErrno(errno, "setrlimit"));
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return fail(Error::fromErrno(errno, "PR_SET_NO_NEW_PRIVS"));
  // The bounding set first, since dropping from it is itself a privilege; EINVAL ends the list of this kernel.
  for (int capability = 0; ::prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0; ++capability) {
    if (::prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) != 0 && errno != EPERM) {
      return fail(Error::fromErrno(errno, "PR_CAPBSET_DROP"));
    }
  }
  __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  const __user_cap_data_struct nothing[2] = {};
  if (::syscall(SYS_capset, &header, nothing) != 0) return fail(Error::fromErrno(errno, "capset"));
  return {};
}

int serveReadings(Fd socket, const ChildSettings& settings, const Clock& clock) {
  ::prctl(PR_SET_NAME, "ds01d-nvml");
  const Result<Calls> calls = loadLibrary();
  if (!calls) {
    const bool absent = calls.error().code() == ErrorCode::NotFound;
    send(socket, {.what = Failed{.no_library = absent, .why = calls.error().message()}});
    return 1;
  }
  Reader reader(*calls, settings.paths);
  std::optional<Readings> said;
  do {
    const TimePoint begin = clock.now();
    Result<Readings> readings = reader.read();
    Report report{.what = Unchanged{}, .took = clock.now() - begin};
    if (!readings) {
      report.what = Failed{.why = readings.error().message()};
    } else if (said != *readings) {
      said = *readings;
      report.what = Changed{*std::move(readings)};
    }
    if (!send(socket, report)) return 0;
    if (std::holds_alternative<Failed>(report.what)) return 1;
  } while (waitForTurn(socket, settings.interval));
  return 0;
}

}  // namespace ds01::inventory::nvml
