#include "identity/posix/process.h"

#include <cerrno>
#include <cstddef>

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace ds01::identity::posix {

namespace {

constexpr std::size_t kFirstRead = 4096;
// /proc/PID/cgroup has a line for each of some fifteen hierarchies, and a path of up to PATH_MAX in each.
constexpr std::size_t kLargest = 256UL * 1024;

}  // namespace

bool processAlive(const Fd& pidfd) {
  pollfd item{pidfd.get(), POLLIN, 0};
  int ready = 0;
  do ready = ::poll(&item, 1, 0);
  while (ready < 0 && errno == EINTR);
  return pidfd.valid() && ready == 0;
}

std::expected<std::string, int> readProcFile(const std::string& path) {
  const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.valid()) return std::unexpected(errno);
  std::string text(kFirstRead, '\0');
  std::size_t have = 0;
  for (;;) {
    if (have == text.size()) {
      if (have >= kLargest) return std::unexpected(EFBIG);
      text.resize(text.size() * 2);
    }
    const ssize_t got = ::read(file.get(), text.data() + have, text.size() - have);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return std::unexpected(errno);
    if (got == 0) break;
    have += static_cast<std::size_t>(got);
  }
  text.resize(have);
  return text;
}

std::optional<std::string> cgroupOfProcess(std::int32_t pid, const std::string& proc) {
  if (pid <= 0) return std::nullopt;
  const Fd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (!pidfd.valid()) return std::nullopt;
  auto text = readProcFile(fmt::format("{}/{}/cgroup", proc, pid));
  if (!text || !processAlive(pidfd)) return std::nullopt;
  return std::move(*text);
}

}  // namespace ds01::identity::posix
