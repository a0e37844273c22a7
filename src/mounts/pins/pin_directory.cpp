#include "mounts/pins/pin_directory.h"

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <system_error>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

namespace ds01::mounts::pins {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kLongestToken = 64;
constexpr mode_t kRootsAlone = 0700;

Status makeDirectory(const std::string& path) {
  if (::mkdir(path.c_str(), kRootsAlone) != 0 && errno != EEXIST) return fail(Error::fromErrno(errno, path));
  return {};
}

std::vector<std::string> namesIn(const std::string& directory) {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator it(directory, error), end; !error && it != end; it.increment(error)) {
    names.push_back(it->path().filename().native());
  }
  return names;
}

}  // namespace

Result<PinLock> PinLock::take(const std::string& directory) {
  Fd fd(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!fd.valid()) return fail(Error::fromErrno(errno, directory));
  while (::flock(fd.get(), LOCK_EX) != 0) {
    if (errno != EINTR) return fail(Error::fromErrno(errno, "flock of " + directory));
  }
  return PinLock(std::move(fd));
}

Status preparePinDirectory(const std::string& directory, const std::string& token) {
  if (const Status made = makeDirectory(directory); !made) return made;
  const Result<PinLock> lock = PinLock::take(directory);
  if (!lock) return fail(lock.error());
  struct stat there{};
  if (::lstat(directory.c_str(), &there) != 0) return fail(Error::fromErrno(errno, directory));
  if (!S_ISDIR(there.st_mode) || there.st_uid != ::geteuid() || (there.st_mode & 077) != 0) {
    return fail(ErrorCode::Io, fmt::format("{} is not a directory of root's alone", directory));
  }
  if (isMounted(directory)) return makeDirectory(directory + "/" + token);
  if (::mount(directory.c_str(), directory.c_str(), nullptr, MS_BIND, nullptr) != 0 ||
      ::mount(nullptr, directory.c_str(), nullptr, MS_PRIVATE, nullptr) != 0) {
    return fail(Error::fromErrno(errno, "a private mount at " + directory));
  }
  return makeDirectory(directory + "/" + token);
}

bool isToken(const std::string& token) {
  return !token.empty() && token.size() <= kLongestToken &&
         token.find_first_not_of("0123456789abcdef") == std::string::npos;
}

Status preparePlace(const std::string& pin, bool for_directory) {
  struct stat there{};
  if (::lstat(pin.c_str(), &there) == 0) {
    if (S_ISDIR(there.st_mode) == for_directory) return {};
    if (for_directory ? ::unlink(pin.c_str()) != 0 : ::rmdir(pin.c_str()) != 0) {
      return fail(Error::fromErrno(errno, pin));
    }
  }
  if (for_directory) return makeDirectory(pin);
  const Fd file(::open(pin.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0));
  if (!file.valid()) return fail(Error::fromErrno(errno, pin));
  return {};
}

bool isMounted(const std::string& pin) {
  struct statx there{};
  return ::statx(AT_FDCWD, pin.c_str(), AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT, STATX_INO, &there) == 0 &&
         (there.stx_attributes & there.stx_attributes_mask & STATX_ATTR_MOUNT_ROOT) != 0;
}

bool showsSame(const std::string& pin, const Fd& fd) {
  struct stat mounted{};
  struct stat wanted{};
  return isMounted(pin) && ::lstat(pin.c_str(), &mounted) == 0 && ::fstat(fd.get(), &wanted) == 0 &&
         mounted.st_dev == wanted.st_dev && mounted.st_ino == wanted.st_ino;
}

void unmountAll(const std::string& pin) {
  while (::umount2(pin.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW) == 0) {
  }
}

void removeToken(const std::string& directory, const std::string& token) {
  if (!isToken(token)) return;
  const std::string below = directory + "/" + token;
  for (const std::string& name : namesIn(below)) {
    const std::string pin = below + "/" + name;
    unmountAll(pin);
    if (isMounted(pin)) continue;
    if (::rmdir(pin.c_str()) != 0 && errno == ENOTDIR) ::unlink(pin.c_str());
  }
  ::rmdir(below.c_str());
}

bool allMounted(const std::string& directory, const std::string& token) {
  const std::string below = directory + "/" + token;
  const std::vector<std::string> names = namesIn(below);
  const auto mounted = [&below](const std::string& name) { return isMounted(below + "/" + name); };
  return !names.empty() && std::ranges::all_of(names, mounted);
}

std::vector<std::string> tokensIn(const std::string& directory) {
  std::vector<std::string> tokens;
  for (std::string& name : namesIn(directory)) {
    if (isToken(name)) tokens.push_back(std::move(name));
  }
  return tokens;
}

}  // namespace ds01::mounts::pins
