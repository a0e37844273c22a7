#include "identity/posix/peer.h"

#include <array>
#include <cerrno>
#include <charconv>
#include <limits>
#include <optional>
#include <string_view>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/nsfs.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "identity/posix/process.h"

namespace ds01::identity::posix {

namespace {

constexpr int kSoPeerPidFd = 77;  // SO_PEERPIDFD, missing in the headers of glibc 2.36
constexpr int kMaxNesting = 33;   // the kernel's limit for user namespaces is 32

// A getsockopt that returns a descriptor; -1 with errno.
Fd peerPidFd(int socket) {
  int fd = -1;
  socklen_t size = sizeof fd;
  if (::getsockopt(socket, SOL_SOCKET, kSoPeerPidFd, &fd, &size) != 0) return {};
  return Fd(fd);
}

bool outOfRoom(int error) {
  return error == EMFILE || error == ENFILE || error == ENOMEM;
}

// An error of SO_PEERPIDFD can mean "unknown option" or "that process is reaped", by the same number on some kernels.
// Asked of ourselves, only the first is possible. Unset: there is no room to find out.
std::optional<bool> kernelKnowsPeerPidFd() {
  std::array<int, 2> pair{-1, -1};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair.data()) != 0) return std::nullopt;
  const Fd a(pair[0]);
  const Fd b(pair[1]);
  if (peerPidFd(a.get()).valid()) return true;
  if (outOfRoom(errno)) return std::nullopt;
  return false;
}

struct Handle {
  Fd pidfd;
  bool by_number = false;       // opened by pid, on a kernel without SO_PEERPIDFD
  Proof failure = Proof::Gone;  // if there is no pidfd
};

Handle openPidFd(int socket, pid_t pid, bool use_peer_pidfd) {
  Handle handle;
  if (use_peer_pidfd) {
    handle.pidfd = peerPidFd(socket);
    if (handle.pidfd.valid()) return handle;
    const std::optional<bool> known = outOfRoom(errno) ? std::nullopt : kernelKnowsPeerPidFd();
    if (!known) handle.failure = Proof::Unreadable;
    if (known.value_or(true)) return handle;
  }
  handle.by_number = true;
  handle.pidfd = Fd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (!handle.pidfd.valid() && errno != ESRCH) handle.failure = Proof::Unreadable;
  return handle;
}

std::optional<std::uint32_t> takeNumber(std::string_view& text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  std::uint32_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc()) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return number;
}

bool readLoginUid(const std::string& dir, std::optional<std::uint32_t>& out) {
  const auto text = readProcFile(dir + "/loginuid");
  if (!text) return text.error() == ENOENT;  // a kernel without CONFIG_AUDIT
  std::string_view rest = *text;
  const auto number = takeNumber(rest);
  if (!number || !(rest.empty() || rest == "\n")) return false;
  if (*number != std::numeric_limits<std::uint32_t>::max()) out = number;
  return true;
}

bool readNamespace(const std::string& dir, const char* kind, NamespaceId& out) {
  struct stat there{};
  if (::stat(fmt::format("{}/ns/{}", dir, kind).c_str(), &there) != 0) return false;
  out = {there.st_dev, there.st_ino};
  return true;
}

bool readCgroup(const std::string& dir, std::string& out) {
  auto text = readProcFile(dir + "/cgroup");
  if (!text || text->empty()) return false;
  out = std::move(*text);
  return true;
}

// In a /proc of another pid namespace the numbers are not those of SO_PEERCRED.
bool showsOurPidNamespace(const std::string& proc) {
  std::array<char, 32> target{};
  const ssize_t size = ::readlink((proc + "/self").c_str(), target.data(), target.size());
  return size > 0 && std::string_view(target.data(), static_cast<std::size_t>(size)) == fmt::format("{}", ::getpid());
}

// The host's namespaces: those of PID 1 as /proc shows it. The kernel can keep PID 1's links from us although we are
// root (it asks for all of PID 1's capabilities, and a container manager or a hardened unit leaves us fewer). Our own
// links then say the same: PID 1 of our pid namespace is in it by definition, and a user namespace that maps every id
// to itself (user_namespaces(7)) is the host's in all that matters here.
bool readHostNamespaces(const std::string& proc, PeerFacts& facts) {
  if (!showsOurPidNamespace(proc)) return false;
  const std::string host = fmt::format("{}/1", proc);
  if (readNamespace(host, "user", facts.host_user_namespace) && readNamespace(host, "pid", facts.host_pid_namespace)) {
    return true;
  }
  if (errno != EACCES && errno != EPERM) return false;
  const std::string self = fmt::format("{}/self", proc);
  const auto map = readProcFile(self + "/uid_map");
  if (!map) return false;
  std::string_view rest = *map;
  if (takeNumber(rest) != 0U || takeNumber(rest) != 0U || takeNumber(rest) != 4294967295U) return false;
  return readNamespace(self, "user", facts.host_user_namespace) && readNamespace(self, "pid", facts.host_pid_namespace);
}

// Who made the namespace that the link leads to or, of the namespaces around it, the outermost one below the host's
// (ioctl_ns(2)).
std::optional<std::uint32_t> userNamespaceOwner(const std::string& link, const NamespaceId& host) {
  Fd space(::open(link.c_str(), O_RDONLY | O_CLOEXEC));
  for (int depth = 0; space.valid() && depth < kMaxNesting; ++depth) {
    Fd parent(::ioctl(space.get(), NS_GET_PARENT));
    struct stat there{};
    if (!parent.valid() || ::fstat(parent.get(), &there) != 0) return std::nullopt;
    if (NamespaceId{there.st_dev, there.st_ino} == host) {
      uid_t owner = 0;
      if (::ioctl(space.get(), NS_GET_OWNER_UID, &owner) != 0) return std::nullopt;
      return owner;
    }
    space = std::move(parent);
  }
  return std::nullopt;
}

// Whether one of the process's real, effective, saved and file system user ids is `uid`.
bool runsAs(const std::string& dir, std::uint32_t uid) {
  const auto text = readProcFile(dir + "/status");
  if (!text) return false;
  const std::size_t line = text->find("\nUid:");
  if (line == std::string::npos) return false;
  std::string_view rest = std::string_view(*text).substr(line + 5);
  for (int i = 0; i < 4; ++i) {
    const auto number = takeNumber(rest);
    if (!number) return false;
    if (*number == uid) return true;
  }
  return false;
}

}  // namespace

SeemingPeer seemingPeer(int socket, const PeerSource& source) {
  SeemingPeer seeming{.uid = static_cast<uid_t>(-1)};
  ucred credentials{};
  socklen_t size = sizeof credentials;
  if (::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0) return seeming;
  seeming.uid = credentials.uid;
  NamespaceId own;
  NamespaceId peers;
  if (credentials.pid <= 0 || !readNamespace(fmt::format("{}/{}", source.proc, credentials.pid), "pid", peers)) {
    return seeming;
  }
  seeming.pid_namespace = peers.inode;
  seeming.on_host = readNamespace(source.proc + "/self", "pid", own) && own == peers;
  return seeming;
}

PosixPeer readPeer(int socket, const PeerSource& source) {
  const std::string& proc = source.proc;
  PosixPeer peer;
  PeerFacts& facts = peer.facts;
  ucred credentials{};
  socklen_t size = sizeof credentials;
  if (::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0) return peer;
  facts.uid = credentials.uid;
  facts.gid = credentials.gid;
  facts.pid = credentials.pid;
  if (facts.pid <= 0) {
    facts.proof = Proof::NoPid;
    return peer;
  }
  Handle handle = openPidFd(socket, facts.pid, source.use_peer_pidfd);
  if (!handle.pidfd.valid()) {
    facts.proof = handle.failure;
    return peer;
  }
  const std::string dir = fmt::format("{}/{}", proc, facts.pid);
  const bool complete = readLoginUid(dir, facts.login_uid) && readNamespace(dir, "user", facts.user_namespace) &&
                        readNamespace(dir, "pid", facts.pid_namespace) && readHostNamespaces(proc, facts) &&
                        (!handle.by_number || runsAs(dir, facts.uid)) && readCgroup(dir, facts.cgroup);
  if (complete && facts.user_namespace != facts.host_user_namespace) {
    facts.user_namespace_owner = userNamespaceOwner(dir + "/ns/user", facts.host_user_namespace);
  }
  if (!processAlive(handle.pidfd)) {
    facts.proof = Proof::Gone;
  } else if (complete) {
    facts.proof = Proof::Proven;
    peer.pidfd = std::move(handle.pidfd);
  } else {
    facts.proof = Proof::Unreadable;
  }
  return peer;
}

}  // namespace ds01::identity::posix
