#include "process/spawn.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <optional>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace ds01::process {
namespace {

constexpr int kCannotExec = 127;
constexpr int kMostDescriptors = 1 << 16;

// Between fork and exec: other threads' locks are held by nobody here, so system calls only (signal-safety(7)).
[[noreturn]] void become(const char* program, char* const* arguments, int socket, pid_t parent) {
  ::setsid();
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(kCannotExec);
  ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  const int null = ::open("/dev/null", O_RDWR);
  if (null < 0 || ::dup2(null, STDIN_FILENO) < 0 || ::dup2(null, STDOUT_FILENO) < 0) ::_exit(kCannotExec);
  // dup2() onto itself would leave it close-on-exec.
  if (socket == kChildSocket ? ::fcntl(socket, F_SETFD, 0) < 0 : ::dup2(socket, kChildSocket) < 0) {
    ::_exit(kCannotExec);
  }
  if (::syscall(SYS_close_range, kChildSocket + 1, ~0U, 0) != 0) {  // before Linux 5.9
    for (int fd = kChildSocket + 1; fd < kMostDescriptors; ++fd) ::close(fd);
  }
  for (int number = 1; number < NSIG; ++number) ::signal(number, SIG_DFL);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::execv(program, arguments);
  ::_exit(kCannotExec);
}

}  // namespace

ChildProcess::ChildProcess(pid_t pid, Fd pidfd, Fd socket)
    : pid_(pid), pidfd_(std::move(pidfd)), socket_(std::move(socket)) {}

ChildProcess::ChildProcess(ChildProcess&& other) noexcept
    : pid_(std::exchange(other.pid_, 0)), pidfd_(std::move(other.pidfd_)), socket_(std::move(other.socket_)) {}

ChildProcess::~ChildProcess() {
  kill();
  collect();
}

void ChildProcess::kill() {
  if (pid_ > 0) ::kill(pid_, SIGKILL);
}

std::optional<std::string> ChildProcess::collect() {
  if (pid_ <= 0) return std::nullopt;
  int status = 0;
  if (::waitpid(pid_, &status, WNOHANG) != pid_) return std::nullopt;
  pid_ = 0;
  if (WIFSIGNALED(status)) return fmt::format("signal {}", WTERMSIG(status));
  return fmt::format("exit status {}", WEXITSTATUS(status));
}

Result<ChildProcess> spawn(const std::string& program, std::vector<std::string> arguments) {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) {
    return fail(Error::fromErrno(errno, "socketpair"));
  }
  Fd ours(ends[0]);
  const Fd theirs(ends[1]);
  std::vector<char*> pointers;
  for (std::string& argument : arguments) pointers.push_back(argument.data());
  pointers.push_back(nullptr);
  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid < 0) return fail(Error::fromErrno(errno, "fork"));
  if (pid == 0) become(program.c_str(), pointers.data(), theirs.get(), parent);
  // Not collected yet, so the number cannot have passed to another process.
  Fd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  const int error = pidfd.valid() ? 0 : errno;
  ChildProcess child(pid, std::move(pidfd), std::move(ours));
  if (error != 0) return fail(Error::fromErrno(error, "pidfd_open"));
  return child;
}

}  // namespace ds01::process
