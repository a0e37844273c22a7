#include "net/unix_listener.h"

#include <cerrno>
#include <cstdint>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

namespace ds01::net {

namespace {

Error taken(const std::string& path) {
  return {ErrorCode::Conflict, fmt::format("{}: another process listens there", path)};
}

std::string lockPath(const std::string& path) {
  return path + ".lock";
}

// The lock file is removed by its holder, so the one just locked may already be nobody's: then try again.
Result<Fd> lock(const std::string& path) {
  const std::string name = lockPath(path);
  for (;;) {
    Fd file(::open(name.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!file.valid()) return fail(Error::fromErrno(errno, name));
    if (::flock(file.get(), LOCK_EX | LOCK_NB) != 0) {
      if (errno == EINTR) continue;
      if (errno == EWOULDBLOCK) return fail(taken(path));
      return fail(Error::fromErrno(errno, name));
    }
    struct stat held{};
    struct stat there{};
    if (::fstat(file.get(), &held) == 0 && ::lstat(name.c_str(), &there) == 0 && held.st_dev == there.st_dev &&
        held.st_ino == there.st_ino) {
      return file;
    }
  }
}

Result<sockaddr_un> addressOf(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.front() != '/' || path.size() >= sizeof address.sun_path ||
      path.find('\0') != std::string::npos) {
    return fail(ErrorCode::InvalidArgument, fmt::format("{}: a socket needs an absolute path of at most {} bytes", path,
                                                        sizeof address.sun_path - 1));
  }
  path.copy(address.sun_path, path.size());
  return address;
}

// Leaves the place empty, or says why it can't.
Status clearPlace(const std::string& path, const sockaddr_un& address) {
  struct stat there{};
  if (::lstat(path.c_str(), &there) != 0) {
    if (errno == ENOENT) return {};
    return fail(Error::fromErrno(errno, path));
  }
  if (!S_ISSOCK(there.st_mode)) {
    return fail(ErrorCode::Conflict, fmt::format("{}: there is something else than a socket, which stays", path));
  }
  const Fd probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!probe.valid()) return fail(Error::fromErrno(errno, path));
  if (::connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) {
    return fail(taken(path));
  }
  // EAGAIN: a full backlog. EPROTOTYPE: alive, of another kind.
  if (errno == EAGAIN || errno == EPROTOTYPE) return fail(taken(path));
  if (errno != ECONNREFUSED && errno != ENOENT) return fail(Error::fromErrno(errno, path));
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) return fail(Error::fromErrno(errno, path));
  return {};
}

// Binds with mode 0600 and widens afterwards through a descriptor of the very file, which no rename can redirect.
Result<struct stat> bindWithRights(int socket, const UnixListenerOptions& options, const sockaddr_un& address) {
  const std::string& path = options.path;
  // The file gets the mode of the socket's own inode, less the umask.
  if (::fchmod(socket, 0600) != 0) return fail(Error::fromErrno(errno, path));
  if (::bind(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    if (errno == EADDRINUSE) return fail(taken(path));
    return fail(Error::fromErrno(errno, path));
  }
  const Fd file(::open(path.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
  struct stat made{};
  if (!file.valid() || ::fstat(file.get(), &made) != 0) return fail(Error::fromErrno(errno, path));
  if (!S_ISSOCK(made.st_mode)) return fail(ErrorCode::Conflict, fmt::format("{}: was replaced meanwhile", path));
  if (options.gid && ::fchownat(file.get(), "", static_cast<uid_t>(-1), *options.gid, AT_EMPTY_PATH) != 0) {
    return fail(Error::fromErrno(errno, fmt::format("{}: set the group", path)));
  }
  if (::chmod(fmt::format("/proc/self/fd/{}", file.get()).c_str(), options.mode) != 0) {
    return fail(Error::fromErrno(errno, fmt::format("{}: set the mode", path)));
  }
  return made;
}

}  // namespace

UnixListener::UnixListener(std::string path, Fd lock, Fd socket, dev_t device, ino_t inode)
    : path_(std::move(path)), lock_(std::move(lock)), socket_(std::move(socket)), device_(device), inode_(inode) {}

Result<UnixListener> UnixListener::open(UnixListenerOptions options) {
  const auto address = addressOf(options.path);
  if (!address) return fail(address.error());
  auto held = lock(options.path);
  if (!held) return fail(held.error());
  if (const Status clear = clearPlace(options.path, *address); !clear) {
    ::unlink(lockPath(options.path).c_str());
    return fail(clear.error());
  }
  Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket.valid()) return fail(Error::fromErrno(errno, options.path));
  const auto made = bindWithRights(socket.get(), options, *address);
  if (!made) {
    ::unlink(lockPath(options.path).c_str());
    return fail(made.error());
  }
  UnixListener listener(std::move(options.path), std::move(*held), std::move(socket), made->st_dev, made->st_ino);
  if (::listen(listener.fd(), options.backlog) != 0) return fail(Error::fromErrno(errno, listener.path_));
  return listener;
}

UnixListener::~UnixListener() {
  if (!lock_.valid()) return;  // moved from
  struct stat there{};
  if (::lstat(path_.c_str(), &there) == 0 && there.st_dev == device_ && there.st_ino == inode_) {
    ::unlink(path_.c_str());
  }
  ::unlink(lockPath(path_).c_str());
}

}  // namespace ds01::net
