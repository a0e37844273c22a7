#include "mounts/posix/borrowed_credentials.h"

#include <cstdlib>
#include <utility>

#include <sys/fsuid.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace ds01::mounts::posix {

namespace {

bool setThreadGroups(const std::vector<gid_t>& groups) {
  return ::syscall(SYS_setgroups, groups.size(), groups.data()) == 0;
}

// setfsuid and setfsgid report no error; asking with an invalid id returns the one in force.
bool setFileSystemIds(uid_t uid, gid_t gid) {
  ::setfsgid(gid);
  ::setfsuid(uid);
  return ::setfsgid(static_cast<gid_t>(-1)) == static_cast<int>(gid) &&
         ::setfsuid(static_cast<uid_t>(-1)) == static_cast<int>(uid);
}

// After setfsuid has come back to 0 the thread is root again for files too.
bool restore(const std::vector<gid_t>& groups) {
  return setFileSystemIds(::geteuid(), ::getegid()) && setThreadGroups(groups);
}

}  // namespace

Result<BorrowedCredentials> BorrowedCredentials::take(const User& user) {
  if (::geteuid() != 0 || user.uid == 0) return BorrowedCredentials();
  const int count = ::getgroups(0, nullptr);
  std::vector<gid_t> own(static_cast<std::size_t>(count < 0 ? 0 : count));
  if (count < 0 || ::getgroups(count, own.data()) != count) {
    return fail(ErrorCode::Internal, "the thread's own groups are unknown");
  }

  if (!setThreadGroups({user.gids.begin(), user.gids.end()})) {
    return fail(ErrorCode::Internal, "the groups of the user could not be taken");
  }
  BorrowedCredentials borrowed(std::move(own));
  if (!setFileSystemIds(user.uid, user.gid)) {
    return fail(ErrorCode::Internal, "the rights of the user could not be taken");
  }
  return borrowed;
}

BorrowedCredentials::BorrowedCredentials(BorrowedCredentials&& other) noexcept
    : own_groups_(std::move(other.own_groups_)), active_(std::exchange(other.active_, false)) {}

BorrowedCredentials::~BorrowedCredentials() {
  if (active_ && !restore(own_groups_)) std::abort();
}

}  // namespace ds01::mounts::posix
