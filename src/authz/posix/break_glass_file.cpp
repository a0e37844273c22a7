#include "authz/posix/break_glass_file.h"

#include <array>
#include <cerrno>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fd.h"

namespace ds01::authz::posix {

namespace {

constexpr mode_t kOthersMayWrite = 022;
constexpr std::size_t kLongest = 256;

BreakGlass closed(std::string problem) {
  return {.until = {}, .problem = std::move(problem)};
}

}  // namespace

BreakGlass lookAtBreakGlass(const std::string& path, TimePoint now) {
  // O_NONBLOCK: a FIFO in its place must not hold up everybody's requests.
  const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY));
  if (!file.valid()) {
    if (errno == ENOENT) return {};
    return closed(errno == ELOOP ? "it is a link" : Error::fromErrno(errno, "it cannot be opened").message());
  }
  struct stat there{};
  if (::fstat(file.get(), &there) != 0) return closed(Error::fromErrno(errno, "it cannot be looked at").message());
  if (!S_ISREG(there.st_mode)) return closed("it is not a regular file");
  if (there.st_uid != ::geteuid()) return closed("it is not root's");
  if ((there.st_mode & kOthersMayWrite) != 0) return closed("others than its owner may write it");
  std::array<char, kLongest + 1> bytes{};
  const ssize_t got = ::read(file.get(), bytes.data(), bytes.size());
  if (got < 0) return closed(Error::fromErrno(errno, "it cannot be read").message());
  if (static_cast<std::size_t>(got) > kLongest) return closed("it is too long");
  const TimePoint written{std::chrono::seconds(there.st_mtim.tv_sec)};
  return readBreakGlass({bytes.data(), static_cast<std::size_t>(got)}, written, now);
}

}  // namespace ds01::authz::posix
