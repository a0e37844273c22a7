#include <array>
#include <cerrno>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "config/yaml/document.h"

namespace ds01::config::yaml {

Result<std::optional<std::string>> readFile(const std::filesystem::path& path) {
  // Without O_NONBLOCK a FIFO in the place of the file would hold us for ever.
  const Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!fd.valid()) {
    const int reason = errno;
    struct stat link{};
    const bool nothing_there = reason == ENOENT && ::lstat(path.c_str(), &link) != 0;
    if (nothing_there) return std::nullopt;
    return fail(Error::fromErrno(reason, "cannot be read"));
  }
  struct stat status{};
  if (::fstat(fd.get(), &status) != 0) return fail(Error::fromErrno(errno, "cannot be read"));
  if (!S_ISREG(status.st_mode)) return fail(ErrorCode::InvalidArgument, "is not a regular file");
  std::string text;
  std::array<char, 16384> buffer{};
  while (true) {
    const ssize_t got = ::read(fd.get(), buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail(Error::fromErrno(errno, "cannot be read"));
    if (got == 0) return text;
    text.append(buffer.data(), static_cast<std::size_t>(got));
    if (text.size() > kLargestFile) {
      return fail(ErrorCode::InvalidArgument, fmt::format("is larger than {} bytes", kLargestFile));
    }
  }
}

}  // namespace ds01::config::yaml
