#include "authz/posix/key_file.h"

#include <array>
#include <cerrno>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include "authz/posix/seal.h"
#include "base/fd.h"
#include "net/random_id.h"

namespace ds01::authz::posix {

namespace {

constexpr mode_t kForOthers = 077;

Status isOurs(const struct stat& file, const std::string& path) {
  if (S_ISREG(file.st_mode) && file.st_uid == ::geteuid() && (file.st_mode & kForOthers) == 0) return {};
  return fail(ErrorCode::PermissionDenied,
              fmt::format("{}: must be a regular file of uid {} with mode 0600; remove it, and another is made", path,
                          ::geteuid()));
}

}  // namespace

KeyFile::KeyFile(std::string path) : path_(std::move(path)) {}

KeyFile::Identity KeyFile::identityOf(const struct stat& found) {
  return {found.st_dev, found.st_ino, found.st_ctim.tv_sec, found.st_ctim.tv_nsec};
}

Result<const MacFunction*> KeyFile::current() {
  struct stat there{};
  if (::lstat(path_.c_str(), &there) != 0) {
    if (errno == ENOENT || errno == ENOTDIR) return nullptr;
    return fail(Error::fromErrno(errno, path_));
  }
  if (!read_ || *read_ != identityOf(there)) {
    if (const Status done = read(); !done) return fail(done.error());
  }
  return &mac_;
}

Result<const MacFunction*> KeyFile::currentOrNew() {
  // Who removes it between the two steps is root, and gets a second try.
  for (int attempt = 0; attempt < 3; ++attempt) {
    const Result<const MacFunction*> found = current();
    if (!found || *found != nullptr) return found;
    if (const Status made = make(); !made) return fail(made.error());
  }
  return fail(ErrorCode::Conflict, fmt::format("{}: is removed as often as it is made", path_));
}

Status KeyFile::read() {
  read_.reset();
  const Fd file(::open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  struct stat opened{};
  if (!file.valid() || ::fstat(file.get(), &opened) != 0) return fail(Error::fromErrno(errno, path_));
  if (const Status ours = isOurs(opened, path_); !ours) return ours;
  std::array<char, kKeyBytes + 1> bytes{};
  const ssize_t got = ::read(file.get(), bytes.data(), bytes.size());
  if (got != static_cast<ssize_t>(kKeyBytes)) {
    return fail(ErrorCode::Malformed, fmt::format("{}: is no key; remove it, and another is made", path_));
  }
  key_.assign(bytes.data(), kKeyBytes);
  mac_ = sealWith(key_);
  read_ = identityOf(opened);
  return {};
}

// Written under another name and linked: nobody reads half a key, and link(2) replaces nothing.
Status KeyFile::make() {
  const std::string key = key_.empty() ? newKey() : key_;
  const std::string draft = fmt::format("{}.{}", path_, net::randomHex(8));
  const Fd file(::open(draft.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!file.valid()) return fail(Error::fromErrno(errno, draft));
  const ssize_t written = ::write(file.get(), key.data(), key.size());
  Status done;
  if (written != static_cast<ssize_t>(key.size())) {
    done = fail(Error::fromErrno(written < 0 ? errno : ENOSPC, draft));
  } else if (::link(draft.c_str(), path_.c_str()) != 0 && errno != EEXIST) {
    done = fail(Error::fromErrno(errno, path_));
  }
  ::unlink(draft.c_str());
  return done;
}

}  // namespace ds01::authz::posix
