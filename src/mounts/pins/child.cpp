#include "mounts/pins/child.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <filesystem>
#include <string>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "mounts/pins/engine_namespace.h"
#include "mounts/pins/idmap.h"
#include "mounts/pins/open_source.h"
#include "mounts/pins/pin_directory.h"
#include "mounts/posix/borrowed_credentials.h"
#include "mounts/posix/socket_mounts.h"
#include "process/spawn.h"

namespace ds01::mounts::pins {
namespace {

Report failed(Error error) {
  return {.error = std::move(error), .found = {}};
}

std::string tokenOf(const std::string& directory, const std::string& pin) {
  if (!pin.starts_with(directory + "/")) return {};
  std::string token = pin.substr(directory.size() + 1);
  token.resize(std::min(token.find('/'), token.size()));
  return token;
}

// A user namespace in which only the user's ids stand for anything: his own are the container user's, his other groups
// themselves.
Result<Fd> namespaceFor(const Job& job, const Fd& proc) {
  std::vector<IdPair> groups{{job.user.gid, job.view.gid}};
  for (const std::uint32_t gid : job.user.gids) groups.push_back({gid, gid});
  return userNamespace(proc, idMap({{job.user.uid, job.view.uid}}), idMap(groups));
}

// A copy of the mount, mapped if that can be. What is mounted below comes along if that can be mapped too.
struct Copy {
  Fd mount;
  bool mapped = true;
  bool alone = false;  // without what is mounted below
};

Result<Copy> copyOf(const OpenSource& open, bool read_only, const Fd& user_namespace) {
  const MountRestrictions restrictions{.read_only = read_only || !open.source.writable};
  for (const bool recursive : {true, false}) {
    Result<Fd> mount = cloneMount(open.fd, recursive);
    if (!mount) return fail(mount.error());
    const Status restricted = restrictMount(*mount, restrictions, user_namespace);
    if (restricted) return Copy{.mount = *std::move(mount), .alone = !recursive};
    if (restricted.error().code() != ErrorCode::InvalidArgument) return fail(restricted.error());
  }
  Result<Fd> mount = cloneMount(open.fd, false);
  if (!mount) return fail(mount.error());
  const MountRestrictions unmapped{.read_only = restrictions.read_only, .no_suid = true};
  if (const Status restricted = restrictMount(*mount, unmapped, Fd()); !restricted) return fail(restricted.error());
  return Copy{.mount = *std::move(mount), .mapped = false};
}

template <typename Open>
Result<OpenSource> openAsUser(const Job& job, Open open) {
  const pid_t parent = ::getppid();
  Result<OpenSource> opened = fail(ErrorCode::Internal, "not opened");
  {
    const auto borrowed = posix::BorrowedCredentials::take(job.user);
    if (!borrowed) return fail(borrowed.error());
    opened = open();
  }
  // Taking a user's ids has switched that off. What hung in a file server must change nothing any more if ds01d has
  // gone meanwhile.
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) return fail(ErrorCode::Unavailable, "ds01d has ended");
  return opened;
}

// Whether it is one of the sockets, which are mounted as they are.
Result<bool> lookForSocket(const Job& job, const std::string& source, Found& found) {
  Result<std::optional<posix::SocketMount>> socket = posix::findSocket(job.listen, job.engine, job.user, source);
  if (!socket) return fail(socket.error());
  if (!*socket) return false;
  found.socket = true;
  found.path = (*socket)->path;
  found.replaced = (*socket)->replaced;
  return true;
}

Status lookAt(const Job& job, const Fd& user_namespace, const Step& step, Found& found) {
  const Result<bool> socket = lookForSocket(job, step.source, found);
  if (!socket) return fail(socket.error());
  if (*socket) return {};
  const Result<OpenSource> open = openAsUser(job, [&] { return openExisting(job.user, job.roots, step.source); });
  if (!open) return fail(open.error());
  found.path = open->source.path;
  found.writable = open->source.writable;
  found.shared = open->source.shared;
  struct stat there{};
  if (::fstat(open->fd.get(), &there) != 0) return fail(Error::fromErrno(errno, step.source));
  found.owner = there.st_uid;
  if (!user_namespace.valid()) return {};
  const Result<Copy> copy = copyOf(*open, false, user_namespace);
  if (!copy) return fail(copy.error());
  found.mapped = copy->mapped;
  found.alone = copy->alone;
  return {};
}

Status pinOne(const Job& job, const Fd& user_namespace, const Step& step, Found& found) {
  const Result<bool> socket = lookForSocket(job, step.source, found);
  if (!socket) return fail(socket.error());
  if (*socket) return fail(ErrorCode::Conflict, fmt::format("{} has become a socket", step.source));
  const Result<OpenSource> open =
      openAsUser(job, [&] { return openSource(job.user, job.roots, step.source, step.create); });
  if (!open) return fail(open.error());
  found.path = open->source.path;
  found.writable = open->source.writable;
  found.shared = open->source.shared;
  const Result<Copy> copy = copyOf(*open, step.read_only, user_namespace);
  if (!copy) return fail(copy.error());
  found.mapped = copy->mapped;
  if (!copy->mapped && step.map) {
    return fail(ErrorCode::Conflict, fmt::format("the file system of {} can no longer map ids", step.source));
  }
  if (job.keep_same && showsSame(step.pin, open->fd)) return {};
  struct stat there{};
  if (::fstat(open->fd.get(), &there) != 0) return fail(Error::fromErrno(errno, step.source));
  unmountAll(step.pin);
  if (const Status place =
          preparePlace(job.directory, step.pin.substr(job.directory.size() + 1), S_ISDIR(there.st_mode));
      !place)
    return place;
  return attachMount(copy->mount, step.pin);
}

Report look(const Job& job) {
  Fd user_namespace;
  // Without root nothing can be pinned, and so whether it could is not asked.
  if (::geteuid() == 0) {
    const Fd proc(::open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC));
    Result<Fd> made = namespaceFor(job, proc);
    if (!made) return failed(made.error());
    user_namespace = *std::move(made);
  }
  if (const Status entered = enterEngineNamespace(job.engine); !entered) return failed(entered.error());
  Report report;
  for (const Step& step : job.steps) {
    Found found;
    if (const Status looked = lookAt(job, user_namespace, step, found); !looked) found.error = looked.error();
    report.found.push_back(std::move(found));
  }
  return report;
}

// All pins of a job are of one token; on the first that fails those that were made go.
Report pin(const Job& job) {
  if (job.steps.empty()) return {};
  const std::string token = tokenOf(job.directory, job.steps.front().pin);
  for (const Step& step : job.steps) {
    const std::filesystem::path place(step.pin);
    const bool below = place.parent_path().native() == job.directory + "/" + token;
    if (!isToken(token) || !below) return failed({ErrorCode::InvalidArgument, step.pin + " is no place for a pin"});
  }
  const Fd proc(::open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC));
  const Result<Fd> user_namespace = namespaceFor(job, proc);
  if (!user_namespace) return failed(user_namespace.error());
  if (const Status entered = enterEngineNamespace(job.engine); !entered) return failed(entered.error());
  if (const Status ready = preparePinDirectory(job.directory, token); !ready) return failed(ready.error());
  const Result<PinLock> lock = PinLock::take(job.directory + ".d/" + token);
  if (!lock) return failed(lock.error());
  Report report;
  for (const Step& step : job.steps) {
    Found found;
    const Status pinned = pinOne(job, *user_namespace, step, found);
    if (!pinned) found.error = pinned.error();
    report.found.push_back(std::move(found));
    if (pinned) continue;
    if (!job.keep_same) removeToken(job.directory, token);
    break;
  }
  return report;
}

// Release, Sweep, Check.
Report keepHouse(const Job& job) {
  if (const Status entered = enterEngineNamespace(job.engine); !entered) return failed(entered.error());
  if (job.what == Job::What::Release) {
    for (const std::string& token : job.tokens) removeToken(job.directory, token);
    return {};
  }
  const std::vector<std::string> there = tokensIn(job.directory);
  for (const std::string& token : there) {
    const bool known = std::ranges::find(job.tokens, token) != job.tokens.end();
    if (!known && job.what == Job::What::Sweep) removeToken(job.directory, token);
  }
  Report report;
  for (const std::string& token : job.tokens) {
    if (!allMounted(job.directory, token)) report.missing.push_back(token);
  }
  return report;
}

Result<std::string> receiveAll(const Fd& socket) {
  std::string text;
  char buffer[16384];
  for (;;) {
    const ssize_t count = ::recv(socket.get(), buffer, sizeof buffer, 0);
    if (count == 0) return text;
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return fail(Error::fromErrno(errno, "recv"));
    text.append(buffer, static_cast<std::size_t>(count));
    if (text.size() > kLongestText) return fail(ErrorCode::Malformed, "a job that is too long");
  }
}

bool sendAll(const Fd& socket, std::string_view text) {
  while (!text.empty()) {
    const ssize_t count = ::send(socket.get(), text.data(), text.size(), MSG_NOSIGNAL);
    if (count < 0 && errno != EINTR) return false;
    if (count > 0) text.remove_prefix(static_cast<std::size_t>(count));
  }
  return true;
}

}  // namespace

Report perform(const Job& job) {
  ::umask(022);
  switch (job.what) {
    case Job::What::Look:
      return look(job);
    case Job::What::Pin:
      return pin(job);
    case Job::What::Release:
    case Job::What::Sweep:
    case Job::What::Check:
      break;
  }
  return keepHouse(job);
}

int runChild() {
  const Fd socket(process::kChildSocket);
  ::prctl(PR_SET_NAME, "ds01d-pin");
  const Result<std::string> text = receiveAll(socket);
  if (!text) return 1;
  const Result<Job> job = decodeJob(*text);
  const Report report = job ? perform(*job) : failed(job.error());
  return sendAll(socket, encode(report)) ? 0 : 1;
}

}  // namespace ds01::mounts::pins
