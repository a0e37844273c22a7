#include "net/notify.h"

#include <cerrno>
#include <cstddef>

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/fd.h"

namespace ds01::net {

Status notify(const std::string& notify_socket, std::string_view state) {
  if (notify_socket.empty()) return {};
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if ((notify_socket.front() != '/' && notify_socket.front() != '@') ||
      notify_socket.size() >= sizeof address.sun_path) {
    return fail(ErrorCode::InvalidArgument,
                fmt::format("NOTIFY_SOCKET \"{}\": not the address of a Unix socket", notify_socket));
  }
  notify_socket.copy(address.sun_path, notify_socket.size());
  if (address.sun_path[0] == '@') address.sun_path[0] = '\0';
  // A name in the abstract namespace ends where the length says, a path at its NUL.
  const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + notify_socket.size() +
                                             (notify_socket.front() == '/' ? 1 : 0));
  const Fd socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!socket.valid()) return fail(Error::fromErrno(errno, "socket for NOTIFY_SOCKET"));
  const ssize_t sent = ::sendto(socket.get(), state.data(), state.size(), MSG_NOSIGNAL | MSG_DONTWAIT,
                                reinterpret_cast<const sockaddr*>(&address), length);
  if (sent < 0) return fail(Error::fromErrno(errno, fmt::format("NOTIFY_SOCKET {}", notify_socket)));
  return {};
}

}  // namespace ds01::net
