#include "allocator/file/state_file.h"

#include <array>
#include <cerrno>
#include <cstdio>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"

namespace ds01::allocator {
namespace {

std::string directoryOf(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

Status writeAll(int fd, std::string_view text, const std::string& path) {
  while (!text.empty()) {
    const ssize_t written = ::write(fd, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return fail(Error::fromErrno(errno, "write " + path));
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return {};
}

Status writeDurably(const std::string& path, std::string_view text) {
  const Fd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!file.valid()) return fail(Error::fromErrno(errno, "create " + path));
  if (::fchmod(file.get(), 0600) != 0) return fail(Error::fromErrno(errno, "chmod " + path));
  if (Status status = writeAll(file.get(), text, path); !status) return status;
  if (::fsync(file.get()) != 0) return fail(Error::fromErrno(errno, "fsync " + path));
  return {};
}

}  // namespace

Result<std::optional<std::string>> StateFile::read() const {
  const Fd file(::open(path_.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.valid()) {
    if (errno == ENOENT) return std::optional<std::string>{};
    return fail(Error::fromErrno(errno, "open " + path_));
  }
  std::string text;
  std::array<char, 65536> buffer{};
  while (true) {
    const ssize_t got = ::read(file.get(), buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail(Error::fromErrno(errno, "read " + path_));
    if (got == 0) return std::optional(std::move(text));
    text.append(buffer.data(), static_cast<std::size_t>(got));
  }
}

Status StateFile::write(std::string_view text) const {
  const std::string directory_path = directoryOf(path_);
  const Fd directory(::open(directory_path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory.valid()) return fail(Error::fromErrno(errno, "open " + directory_path));

  const std::string temporary = path_ + ".tmp";
  // One may be left from a crash. What else stands in the way shows at open().
  ::unlink(temporary.c_str());
  if (Status status = writeDurably(temporary, text); !status) {
    ::unlink(temporary.c_str());
    return status;
  }
  if (::rename(temporary.c_str(), path_.c_str()) != 0) {
    const Error error = Error::fromErrno(errno, "rename " + temporary + " to " + path_);
    ::unlink(temporary.c_str());
    return fail(error);
  }
  if (::fsync(directory.get()) != 0) return fail(Error::fromErrno(errno, "fsync " + directory_path));
  return {};
}

}  // namespace ds01::allocator
