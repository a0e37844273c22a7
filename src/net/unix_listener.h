// A listening Unix stream socket in the file system, made so that
//   - what is in its place is looked at first: a live socket is an error, a dead one is replaced, and anything that is
//     not a socket is an error and stays;
//   - two starters cannot both win: a lock file, PATH.lock, is held (flock(2)) as long as the listener lives;
//   - nobody can connect before mode and group are set: the socket is made with mode 0600, then given its group, then
//     its mode, and only then listens (a connect(2) before listen(2) is refused).
#pragma once

#include <optional>
#include <string>

#include <sys/types.h>

#include "base/fd.h"
#include "base/result.h"

namespace ds01::net {

struct UnixListenerOptions {
  std::string path;  // absolute; 107 bytes at most (unix(7))
  mode_t mode = 0600;
  std::optional<gid_t> gid = {};  // unset: the process's own
  int backlog = 1024;             // cut by the kernel to net.core.somaxconn
};

class UnixListener {
 public:
  // Conflict: "PATH: another process listens there", or the place is taken by something else.
  static Result<UnixListener> open(UnixListenerOptions options);

  UnixListener(const UnixListener&) = delete;
  UnixListener& operator=(const UnixListener&) = delete;
  UnixListener(UnixListener&& other) noexcept = default;
  UnixListener& operator=(UnixListener&&) = delete;
  // Removes the socket's file if it is still the one made here, and the lock file.
  ~UnixListener();

  const std::string& path() const { return path_; }
  int fd() const { return socket_.get(); }  // listening, non-blocking, close-on-exec
  // Hands the listening descriptor over (to an acceptor). The file stays this object's to remove.
  Fd takeSocket() { return std::move(socket_); }

 private:
  UnixListener(std::string path, Fd lock, Fd socket, dev_t device, ino_t inode);

  std::string path_;
  Fd lock_;
  Fd socket_;
  dev_t device_;
  ino_t inode_;
};

}  // namespace ds01::net
