// The one thing outside of everybody's home that may be mounted: our own listening socket, so that what runs in a
// container can go on working as the container's owner. The Engine's socket never is, by no name: whoever asks for it
// where clients are used to find it gets ours in its place.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/awaitable.hpp>

#include "base/result.h"
#include "model/user.h"
#include "net/blocking_pool.h"

namespace ds01::mounts::posix {

struct SocketMount {
  std::string path;       // the real path of our socket
  bool replaced = false;  // the Engine's was asked for
};

class SocketMounts {
 public:
  // The pool outlives this. `listen` and `engine` are the sockets' paths as configured.
  SocketMounts(net::BlockingPool& pool, std::string listen, std::string engine,
               std::chrono::milliseconds limit = std::chrono::seconds{3})
      : pool_(pool), listen_(std::move(listen)), engine_(std::move(engine)), limit_(limit) {}

  // Unset: `source` is neither socket. Links are followed with the user's rights. PermissionDenied: it is the Engine's
  // and ours cannot stand in, or a directory that holds the Engine's. Timeout, Unavailable: not known.
  boost::asio::awaitable<Result<std::optional<SocketMount>>> find(User user, std::string source);

 private:
  net::BlockingPool& pool_;
  std::string listen_;
  std::string engine_;
  std::chrono::milliseconds limit_;
};

// The real path of a socket that nobody but root (or we ourselves) can put another thing in the place of: it and all
// directories above it are root's, and others can't write there, or only under the sticky bit. Unset otherwise. A
// container would keep a path that leads to whatever stands there when it starts again.
std::optional<std::string> realPathOfSafeSocket(const std::string& path);

}  // namespace ds01::mounts::posix
