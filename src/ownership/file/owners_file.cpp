#include "ownership/file/owners_file.h"

#include <cerrno>
#include <cstdio>

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"

namespace ds01::ownership {
namespace {

constexpr mode_t kDirectoryMode = 0755;
constexpr mode_t kFileMode = 0644;
constexpr mode_t kLockMode = 0600;  // who could open it could hold it
constexpr std::chrono::milliseconds kBetweenTries{50};

// The umask is whatever ds01d was started with.
Status makeDirectory(const std::string& path) {
  if (::mkdir(path.c_str(), kDirectoryMode) == 0) {
    if (::chmod(path.c_str(), kDirectoryMode) != 0) return fail(Error::fromErrno(errno, "chmod " + path));
    return {};
  }
  if (errno != EEXIST) return fail(Error::fromErrno(errno, "mkdir " + path));
  return {};
}

// flock(2) has no time limit of its own.
Result<Fd> lock(const std::string& path, std::chrono::milliseconds limit) {
  Fd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, kLockMode));
  if (!fd.valid()) return fail(Error::fromErrno(errno, "open " + path));
  for (std::chrono::milliseconds waited{0};; waited += kBetweenTries) {
    if (::flock(fd.get(), LOCK_EX | LOCK_NB) == 0) return fd;
    if (errno != EWOULDBLOCK && errno != EINTR) return fail(Error::fromErrno(errno, "lock " + path));
    if (waited >= limit) return fail(ErrorCode::Timeout, fmt::format("{} is held by another program", path));
    ::poll(nullptr, 0, static_cast<int>(kBetweenTries.count()));
  }
}

Status writeWhole(const std::string& path, std::string_view text) {
  ::unlink(path.c_str());  // one may be left from a crash
  const Fd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, kFileMode));
  if (!file.valid()) return fail(Error::fromErrno(errno, "create " + path));
  if (::fchmod(file.get(), kFileMode) != 0) return fail(Error::fromErrno(errno, "chmod " + path));
  while (!text.empty()) {
    const ssize_t written = ::write(file.get(), text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return fail(Error::fromErrno(errno, "write " + path));
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  // Not synced: it is written anew at each start, and must not make what is synced on the same disk wait.
  return {};
}

}  // namespace

Status OwnersFile::write(std::string_view text) const {
  if (Status made = makeDirectory(directory_); !made) return made;
  const Result<Fd> held = lock(directory_ + "/container-owners.lock", lock_limit_);
  if (!held) return fail(held.error());
  const std::string temporary = path() + ".tmp";
  Status written = writeWhole(temporary, text);
  if (written && ::rename(temporary.c_str(), path().c_str()) != 0) {
    written = fail(Error::fromErrno(errno, fmt::format("rename {} to {}", temporary, path())));
  }
  if (!written) ::unlink(temporary.c_str());
  return written;
}

}  // namespace ds01::ownership
