#include "cli/child.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <string_view>

#include <fcntl.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace ds01::cli {
namespace {

std::string_view nameOf(std::string_view variable) {
  return variable.substr(0, variable.find('='));
}

std::vector<std::string> changedEnvironment(const std::vector<std::string>& with,
                                            const std::vector<std::string>& without) {
  std::vector<std::string> out;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view name = nameOf(*entry);
    const auto same = [&](const std::string& other) { return nameOf(other) == name; };
    if (std::ranges::none_of(with, same) && std::ranges::none_of(without, same)) out.emplace_back(*entry);
  }
  out.insert(out.end(), with.begin(), with.end());
  return out;
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> out;
  for (std::string& text : texts) out.push_back(text.data());
  out.push_back(nullptr);
  return out;
}

}  // namespace

Result<Child> startChild(const std::vector<std::string>& command, const std::vector<std::string>& environment,
                         const std::vector<std::string>& without) {
  int ends[2] = {-1, -1};
  if (::pipe2(ends, O_CLOEXEC) != 0) return fail(Error::fromErrno(errno, "pipe"));
  Child child;
  child.output = Fd(ends[0]);
  const Fd input(ends[1]);

  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, input.get(), STDOUT_FILENO);
  ::posix_spawn_file_actions_adddup2(&actions, input.get(), STDERR_FILENO);
  std::vector<std::string> arguments = command;
  std::vector<std::string> variables = changedEnvironment(environment, without);
  const std::vector<char*> argv = pointers(arguments);
  const std::vector<char*> envp = pointers(variables);
  const int error = ::posix_spawnp(&child.pid, command.front().c_str(), &actions, nullptr, argv.data(), envp.data());
  ::posix_spawn_file_actions_destroy(&actions);
  if (error != 0) return fail(Error::fromErrno(error, command.front()));

  child.pidfd = Fd(static_cast<int>(::syscall(SYS_pidfd_open, child.pid, 0)));
  if (child.pidfd.valid()) return child;
  const int reason = errno;
  ::kill(child.pid, SIGKILL);
  reap(child.pid);
  return fail(Error::fromErrno(reason, "pidfd_open"));
}

int reap(pid_t pid) {
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

}  // namespace ds01::cli
