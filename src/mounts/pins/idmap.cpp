#include "mounts/pins/idmap.h"

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <set>

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/mount.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace ds01::mounts::pins {
namespace {

constexpr std::size_t kMostLines = 340;      // UID_GID_MAP_MAX_EXTENTS
constexpr std::size_t kLongestMap = 4050;    // with one line more it is less than a page
constexpr std::uint64_t kPrivate = 1 << 18;  // MS_PRIVATE; <sys/mount.h> and <linux/mount.h> do not go together

Status writeMap(const Fd& proc, const std::string& name, const std::string& map) {
  const Fd file(::openat(proc.get(), name.c_str(), O_WRONLY | O_CLOEXEC));
  if (!file.valid()) return fail(Error::fromErrno(errno, name));
  // One write, or the kernel takes none of it.
  if (::write(file.get(), map.data(), map.size()) != static_cast<ssize_t>(map.size())) {
    return fail(Error::fromErrno(errno, name));
  }
  return {};
}

// A child that has a user namespace of its own and waits to be killed.
class Holder {
 public:
  static Result<Holder> start() {
    const pid_t parent = ::getpid();
    // As fork(2), but into the namespace at once; unshare(2) would want a process of one thread.
    const auto pid =
        static_cast<pid_t>(::syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, nullptr, nullptr, nullptr, nullptr));
    if (pid < 0) return fail(Error::fromErrno(errno, "a user namespace cannot be made (clone)"));
    if (pid == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      if (::getppid() != parent) ::_exit(1);
      for (;;) ::pause();
    }
    return Holder(pid);
  }
  Holder(Holder&& other) noexcept : pid_(std::exchange(other.pid_, 0)) {}
  Holder& operator=(Holder&&) = delete;
  Holder(const Holder&) = delete;
  Holder& operator=(const Holder&) = delete;
  ~Holder() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
    }
  }

  pid_t pid() const { return pid_; }

 private:
  explicit Holder(pid_t pid) : pid_(pid) {}
  pid_t pid_;
};

}  // namespace

std::string idMap(const std::vector<IdPair>& pairs) {
  std::set<std::uint32_t> on_disk;
  std::set<std::uint32_t> in_view;
  std::string map;
  for (const IdPair& pair : pairs) {
    if (on_disk.contains(pair.on_disk) || in_view.contains(pair.in_view)) continue;
    if (on_disk.size() == kMostLines || map.size() > kLongestMap) break;
    on_disk.insert(pair.on_disk);
    in_view.insert(pair.in_view);
    map += fmt::format("{} {} 1\n", pair.on_disk, pair.in_view);
  }
  return map;
}

Result<Fd> userNamespace(const Fd& proc, const std::string& uid_map, const std::string& gid_map) {
  const Result<Holder> holder = Holder::start();
  if (!holder) return fail(holder.error());
  const std::string directory = std::to_string(holder->pid());
  if (const Status written = writeMap(proc, directory + "/uid_map", uid_map); !written) return fail(written.error());
  if (const Status written = writeMap(proc, directory + "/gid_map", gid_map); !written) return fail(written.error());
  Fd made(::openat(proc.get(), (directory + "/ns/user").c_str(), O_RDONLY | O_CLOEXEC));
  if (!made.valid()) return fail(Error::fromErrno(errno, "the user namespace"));
  return made;
}

Result<Fd> cloneMount(const Fd& fd, bool recursive) {
  const unsigned flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0U);
  Fd mount(static_cast<int>(::syscall(SYS_open_tree, fd.get(), "", flags)));
  if (!mount.valid()) return fail(Error::fromErrno(errno, "open_tree"));
  return mount;
}

Status restrictMount(const Fd& mount, const MountRestrictions& restrictions, const Fd& user_namespace) {
  mount_attr attributes{};
  attributes.attr_set = MOUNT_ATTR_NODEV;
  if (restrictions.read_only) attributes.attr_set |= MOUNT_ATTR_RDONLY;
  if (restrictions.no_suid) attributes.attr_set |= MOUNT_ATTR_NOSUID;
  attributes.propagation = kPrivate;
  if (user_namespace.valid()) {
    attributes.attr_set |= MOUNT_ATTR_IDMAP;
    attributes.userns_fd = static_cast<std::uint64_t>(user_namespace.get());
  }
  const unsigned flags = AT_EMPTY_PATH | AT_RECURSIVE;
  if (::syscall(SYS_mount_setattr, mount.get(), "", flags, &attributes, sizeof attributes) == 0) return {};
  const int error = errno;
  // EPERM: one that is mapped already, which cannot be mapped again.
  if (user_namespace.valid() && (error == EINVAL || error == EPERM || error == ENOSYS || error == EOPNOTSUPP)) {
    return fail(ErrorCode::InvalidArgument, "its file system cannot map ids");
  }
  return fail(Error::fromErrno(error, "mount_setattr"));
}

Status attachMount(const Fd& mount, const std::string& path) {
  if (::syscall(SYS_move_mount, mount.get(), "", AT_FDCWD, path.c_str(), MOVE_MOUNT_F_EMPTY_PATH) == 0) return {};
  return fail(Error::fromErrno(errno, "move_mount to " + path));
}

}  // namespace ds01::mounts::pins
