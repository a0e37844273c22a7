#include "mounts/pins/pin_directory.h"

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <optional>
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

std::string placesOf(const std::string& directory) {
  return directory + ".d";
}

// As the kernel knows it already: a file server that hangs is not asked.
std::optional<struct statx> lookAt(int from, const char* path, int flags) {
  struct statx there{};
  const int all = AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_STATX_DONT_SYNC | flags;
  if (::statx(from, path, all, STATX_INO, &there) != 0) return std::nullopt;
  return there;
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
  const std::string places = placesOf(directory);
  for (const std::string& each : {directory, places}) {
    if (const Status made = makeDirectory(each); !made) return made;
    struct stat there{};
    if (::lstat(each.c_str(), &there) != 0) return fail(Error::fromErrno(errno, each));
    if (!S_ISDIR(there.st_mode) || there.st_uid != ::geteuid() || (there.st_mode & 077) != 0) {
      return fail(ErrorCode::Io, fmt::format("{} is not a directory of root's alone", each));
    }
  }
  const Result<PinLock> lock = PinLock::take(places);
  if (!lock) return fail(lock.error());
  if (!isMounted(directory)) {
    constexpr unsigned long kClosed = MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC;
    if (::mount(places.c_str(), directory.c_str(), nullptr, MS_BIND, nullptr) != 0 ||
        ::mount(nullptr, directory.c_str(), nullptr, MS_PRIVATE, nullptr) != 0 ||
        ::mount(nullptr, directory.c_str(), nullptr, kClosed, nullptr) != 0) {
      return fail(Error::fromErrno(errno, "a private mount at " + directory));
    }
  }
  return makeDirectory(places + "/" + token);
}

bool isToken(const std::string& token) {
  return !token.empty() && token.size() <= kLongestToken &&
         token.find_first_not_of("0123456789abcdef") == std::string::npos;
}

Status preparePlace(const std::string& directory, const std::string& name, bool for_directory) {
  const std::string place = placesOf(directory) + "/" + name;
  struct stat there{};
  if (::lstat(place.c_str(), &there) == 0) {
    if (S_ISDIR(there.st_mode) == for_directory) return {};
    if (for_directory ? ::unlink(place.c_str()) != 0 : ::rmdir(place.c_str()) != 0) {
      return fail(Error::fromErrno(errno, place));
    }
  }
  if (for_directory) return makeDirectory(place);
  const Fd file(::open(place.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0));
  if (!file.valid()) return fail(Error::fromErrno(errno, place));
  return {};
}

bool isMounted(const std::string& pin) {
  const auto there = lookAt(AT_FDCWD, pin.c_str(), 0);
  return there && (there->stx_attributes & there->stx_attributes_mask & STATX_ATTR_MOUNT_ROOT) != 0;
}

bool showsSame(const std::string& pin, const Fd& fd) {
  const auto mounted = lookAt(AT_FDCWD, pin.c_str(), 0);
  const auto wanted = lookAt(fd.get(), "", AT_EMPTY_PATH);
  return isMounted(pin) && mounted && wanted && mounted->stx_dev_major == wanted->stx_dev_major &&
         mounted->stx_dev_minor == wanted->stx_dev_minor && mounted->stx_ino == wanted->stx_ino;
}

void unmountAll(const std::string& pin) {
  while (::umount2(pin.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW) == 0) {
  }
}

void removeToken(const std::string& directory, const std::string& token) {
  if (!isToken(token)) return;
  const std::string places = placesOf(directory) + "/" + token;
  const std::string pins = directory + "/" + token;
  for (const std::string& name : namesIn(places)) {
    std::string place = places;
    place += "/" + name;
    std::string pin = pins;
    pin += "/" + name;
    unmountAll(pin);
    // One that is still mounted is busy.
    if (::rmdir(place.c_str()) != 0 && errno == ENOTDIR) ::unlink(place.c_str());
  }
  ::rmdir(places.c_str());
}

bool allMounted(const std::string& directory, const std::string& token) {
  const std::vector<std::string> names = namesIn(placesOf(directory) + "/" + token);
  const std::string pins = directory + "/" + token + "/";
  const auto mounted = [&pins](const std::string& name) { return isMounted(pins + name); };
  return !names.empty() && std::ranges::all_of(names, mounted);
}

std::vector<std::string> tokensIn(const std::string& directory) {
  std::vector<std::string> tokens;
  for (std::string& name : namesIn(placesOf(directory))) {
    if (isToken(name)) tokens.push_back(std::move(name));
  }
  return tokens;
}

}  // namespace ds01::mounts::pins
