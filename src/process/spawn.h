// Starting a child process that talks to us over a socket, and what holds it.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <sys/types.h>

#include "base/fd.h"
#include "base/result.h"

namespace ds01::process {

// The descriptor at which a child finds its end of the socket pair.
inline constexpr int kChildSocket = 3;

// A process that is killed and collected when this goes, unless it has been collected before; one that cannot be killed
// because it is stuck in the kernel is left to init's care.
class ChildProcess {
 public:
  ChildProcess(pid_t pid, Fd pidfd, Fd socket);
  ChildProcess(ChildProcess&& other) noexcept;
  ChildProcess& operator=(ChildProcess&&) = delete;
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;
  ~ChildProcess();

  pid_t pid() const { return pid_; }
  Fd takePidfd() { return std::move(pidfd_); }  // readable when the process has ended
  Fd takeSocket() { return std::move(socket_); }

  void kill();
  // "exit status 1", "signal 9"; unset while it lives. Ends the need to collect it.
  std::optional<std::string> collect();

 private:
  pid_t pid_ = 0;  // 0: collected
  Fd pidfd_;
  Fd socket_;  // our end of the pair
};

// Runs `program` (a path) with these arguments, the first being its name; the child has the other end of a socket pair
// as descriptor kChildSocket, /dev/null as standard input and output, our standard error, a session of its own and
// nothing else of ours, and is killed when the calling thread ends.
Result<ChildProcess> spawn(const std::string& program, std::vector<std::string> arguments);

}  // namespace ds01::process
