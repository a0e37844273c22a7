// Looks at files with a user's rights instead of root's, on one thread, for a while.
//
// A daemon that follows a user's links as root would tell him, by its answers, what lies in directories that he cannot
// enter; and a file server that maps root to nobody would not show it his own home. So the thread that resolves his
// paths takes his file system ids and groups and gives them back:
//   - setfsuid(2), setfsgid(2) belong to one thread; leaving uid 0 also takes CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH
//     out of the effective set, coming back restores them (capabilities(7));
//   - setgroups(2) in glibc changes all threads of the process, the system call only the calling one: hence syscall(2).
// Only file system access changes: the thread keeps euid 0, so the user cannot signal or trace it.
#pragma once

#include <vector>

#include <sys/types.h>

#include "base/result.h"
#include "model/user.h"

namespace ds01::mounts::posix {

// Constructed and destroyed on the same thread, which must be none that serves others meanwhile. Where the process is
// not root, or the user is, nothing is switched.
class BorrowedCredentials {
 public:
  static Result<BorrowedCredentials> take(const User& user);

  BorrowedCredentials(const BorrowedCredentials&) = delete;
  BorrowedCredentials& operator=(const BorrowedCredentials&) = delete;
  BorrowedCredentials(BorrowedCredentials&& other) noexcept;
  BorrowedCredentials& operator=(BorrowedCredentials&&) = delete;
  // Gives them back; ends the process if the kernel refuses, for a thread with a stranger's rights must not go on.
  ~BorrowedCredentials();

 private:
  explicit BorrowedCredentials(std::vector<gid_t> own_groups) : own_groups_(std::move(own_groups)), active_(true) {}
  BorrowedCredentials() = default;

  std::vector<gid_t> own_groups_;
  bool active_ = false;
};

}  // namespace ds01::mounts::posix
