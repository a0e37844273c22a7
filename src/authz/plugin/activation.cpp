#include "authz/plugin/activation.h"

#include <cerrno>
#include <string>

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

namespace ds01::authz::plugin {

namespace {

constexpr int kFirstDescriptor = 3;  // SD_LISTEN_FDS_START

bool has(int socket, int option, int expected) {
  int value = 0;
  socklen_t size = sizeof value;
  return ::getsockopt(socket, SOL_SOCKET, option, &value, &size) == 0 && value == expected;
}

}  // namespace

Result<std::optional<Fd>> takeActivatedSocket(std::string_view listen_pid, std::string_view listen_fds) {
  if (listen_pid != std::to_string(::getpid())) return std::nullopt;
  if (listen_fds != "1") {
    return fail(ErrorCode::InvalidArgument, "the service manager must hand over one socket (LISTEN_FDS=1)");
  }
  Fd socket(kFirstDescriptor);
  if (!has(socket.get(), SO_DOMAIN, AF_UNIX) || !has(socket.get(), SO_TYPE, SOCK_STREAM) ||
      !has(socket.get(), SO_ACCEPTCONN, 1)) {
    return fail(ErrorCode::InvalidArgument,
                "what the service manager handed over is no Unix stream socket that listens");
  }
  const int flags = ::fcntl(socket.get(), F_GETFL);
  if (flags < 0 || ::fcntl(socket.get(), F_SETFL, flags | O_NONBLOCK) != 0 ||
      ::fcntl(socket.get(), F_SETFD, FD_CLOEXEC) != 0) {
    return fail(Error::fromErrno(errno, "the socket that the service manager handed over"));
  }
  return std::optional<Fd>(std::move(socket));
}

}  // namespace ds01::authz::plugin
