#include "mounts/pins/engine_namespace.h"

#include <cerrno>
#include <optional>

#include <fmt/format.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/fd.h"

namespace ds01::mounts::pins {
namespace {

// The pid of who called listen(2), as of unix(7), SO_PEERCRED; 0: in a pid namespace that ours does not see. Unset:
// nobody listens.
Result<std::optional<pid_t>> listenerAt(const std::string& path) {
  sockaddr_un address{};
  if (path.size() >= sizeof address.sun_path) return fail(ErrorCode::InvalidArgument, "too long for a socket: " + path);
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, path.size());
  const Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket.valid()) return fail(Error::fromErrno(errno, "socket"));
  if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    if (errno == ENOENT || errno == ECONNREFUSED) return std::nullopt;
    return fail(ErrorCode::Unavailable,
                fmt::format("the Docker Engine at {}: {}", path, Error::fromErrno(errno, "connect").message()));
  }
  ucred peer{};
  socklen_t size = sizeof peer;
  if (::getsockopt(socket.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) {
    return fail(Error::fromErrno(errno, "SO_PEERCRED"));
  }
  return peer.pid;
}

bool isOurNamespace(pid_t pid) {
  struct stat ours{};
  struct stat theirs{};
  return ::stat("/proc/self/ns/mnt", &ours) == 0 && ::stat(fmt::format("/proc/{}/ns/mnt", pid).c_str(), &theirs) == 0 &&
         ours.st_dev == theirs.st_dev && ours.st_ino == theirs.st_ino;
}

// NotFound: there is no such process any more.
Status enter(pid_t pid) {
  const auto failed = [pid](const char* what) {
    if (errno == ESRCH) return fail(ErrorCode::NotFound, fmt::format("its process {} has ended", pid));
    return fail(Error::fromErrno(errno, fmt::format("{} of process {}", what, pid)));
  };
  if (isOurNamespace(pid)) return {};
  const Fd process(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (!process.valid()) return failed("pidfd_open");
  if (::setns(process.get(), CLONE_NEWNS) != 0) return failed("the mount namespace");
  return {};
}

}  // namespace

Status enterEngineNamespace(const std::string& engine) {
  if (::geteuid() != 0) return {};
  const Result<std::optional<pid_t>> listener = listenerAt(engine);
  if (!listener) return fail(listener.error());
  if (!*listener) {
    // In a sandbox the first process may be closed to us; what is mounted here is then seen where we are.
    if (const Status first = enter(1); !first) return {};
    return {};
  }
  if (**listener <= 0) {
    return fail(ErrorCode::Unavailable,
                fmt::format("the Docker Engine at {} runs in a pid namespace that cannot be seen from here", engine));
  }
  if (const Status entered = enter(**listener); !entered) {
    // It was killed between our look and now, or others still hold its socket open.
    if (entered.error().code() == ErrorCode::NotFound) {
      return fail(ErrorCode::Unavailable,
                  fmt::format("the Docker Engine does not answer at {}: {}", engine, entered.error().message()));
    }
    return fail(ErrorCode::Unavailable, "the Docker Engine's view of the file system: " + entered.error().message());
  }
  return {};
}

}  // namespace ds01::mounts::pins
