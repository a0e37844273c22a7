#include "events/jsonl/append_file.h"

#include <cerrno>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace ds01::events {

bool AppendFile::current() {
  struct stat by_name{};
  struct stat by_fd{};
  const bool same = file_.valid() && ::stat(path_.c_str(), &by_name) == 0 && ::fstat(file_.get(), &by_fd) == 0 &&
                    by_name.st_dev == by_fd.st_dev && by_name.st_ino == by_fd.st_ino;
  // logrotate's copytruncate leaves the file in place and empties it.
  if (same && S_ISREG(by_fd.st_mode) && by_fd.st_size == 0) torn_ = false;
  return same;
}

bool AppendFile::endsMidLine(off_t size) const {
  char last = '\n';
  return size > 0 && ::pread(file_.get(), &last, 1, size - 1) == 1 && last != '\n';
}

bool AppendFile::prepare() {
  if (current()) return true;
  // A link could lead root's writes anywhere, and O_NONBLOCK keeps a pipe that nobody reads from holding us.
  file_ = Fd(::open(path_.c_str(), O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0640));
  torn_ = false;
  struct stat status{};
  if (!file_.valid() || ::fstat(file_.get(), &status) != 0) return file_.valid();
  if (!S_ISREG(status.st_mode)) return true;
  torn_ = endsMidLine(status.st_size);
  // Neither is a reason to lose events: without them, readers in the group have to ask the administrator.
  if (group_ && status.st_gid != *group_) {
    [[maybe_unused]] const int failed = ::fchown(file_.get(), static_cast<uid_t>(-1), *group_);
  }
  ::fchmod(file_.get(), 0640);
  return true;
}

std::size_t AppendFile::append(std::string_view text) {
  std::string with_newline;
  if (torn_) with_newline = '\n' + std::string(text);
  const std::string_view all = torn_ ? with_newline : text;
  const std::size_t extra = all.size() - text.size();
  std::size_t done = 0;
  while (done < all.size()) {
    const ssize_t written = ::write(file_.get(), all.data() + done, all.size() - done);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) break;
    done += static_cast<std::size_t>(written);
  }
  if (done > 0) torn_ = all[done - 1] != '\n';
  return done > extra ? done - extra : 0;
}

}  // namespace ds01::events
