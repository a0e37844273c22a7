#include "mounts/posix/resolve_below.h"

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <expected>
#include <memory>
#include <system_error>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/fsuid.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"
#include "mounts/lexical.h"

namespace ds01::mounts::posix {

namespace {

// realpath(3), or errno.
std::expected<std::string, int> realPath(const std::string& path) {
  struct Free {
    void operator()(char* text) const { std::free(text); }  // NOLINT(cppcoreguidelines-owning-memory): realpath(3)'s
  };
  const std::unique_ptr<char, Free> real(::realpath(path.c_str(), nullptr));
  if (!real) return std::unexpected(errno);
  return std::string(real.get());
}

// What the user's own tree can cause; other errors are the file system's.
bool isUsersDoing(int error) {
  return error == ENOENT || error == ENOTDIR || error == EACCES || error == EPERM || error == ELOOP ||
         error == ENAMETOOLONG;
}

constexpr std::ptrdiff_t kMostDirectories = 128;

// What a refusal is about.
struct Question {
  const Roots& roots;
  const std::string& home;
  std::string source;

  Error refusal() const { return notBelowRoot(source, roots, home); }
  Error fromErrno(int error) const {
    if (isUsersDoing(error)) return refusal();
    return {ErrorCode::Unavailable,
            fmt::format("{} could not be looked at: {}", source, std::generic_category().message(error))};
  }
};

struct RealPath {
  std::string there;    // of what exists
  std::string missing;  // "/a/b" below it, or empty

  std::string whole() const { return there == "/" && !missing.empty() ? missing : there + missing; }
};

// The real path of `path`, whose tail may be missing. Steps up until something exists; what is stepped over must not be
// there at all, not even as a link that leads nowhere.
std::expected<RealPath, int> realPathOfPrefix(const std::string& path) {
  std::string prefix = path;
  std::string tail;
  for (;;) {
    auto real = realPath(prefix);
    if (real) return RealPath{*std::move(real), std::move(tail)};
    if (real.error() != ENOENT) return std::unexpected(real.error());
    struct stat there{};
    if (::lstat(prefix.c_str(), &there) == 0) return std::unexpected(ENOENT);
    if (errno != ENOENT) return std::unexpected(errno);
    const std::size_t slash = prefix.rfind('/');
    tail.insert(0, prefix, slash, std::string::npos);
    prefix.erase(slash == 0 ? 1 : slash);
  }
}

// faccessat2(2) with the thread's file system ids; glibc's faccessat() would guess from the mode on older kernels.
std::expected<bool, int> mayAccess(int fd, int mode) {
  if (::syscall(SYS_faccessat2, fd, "", mode, AT_EACCESS | AT_EMPTY_PATH) == 0) return true;
  if (errno == EACCES || errno == EROFS) return false;
  return std::unexpected(errno);
}

bool isDirectoryOfMany(const struct stat& there) {
  return S_ISDIR(there.st_mode) && (there.st_mode & S_ISVTX) != 0 && there.st_uid != static_cast<uid_t>(::setfsuid(-1));
}

// Whether the calling thread may write there; refused unless it may read.
Result<bool> mayWrite(const Question& question, int fd, const struct stat& there) {
  const auto readable = mayAccess(fd, S_ISDIR(there.st_mode) ? R_OK | X_OK : R_OK);
  if (!readable) return fail(question.fromErrno(readable.error()));
  const auto writable = mayAccess(fd, W_OK);
  if (!writable) return fail(question.fromErrno(writable.error()));
  if (!*readable) return fail(question.refusal());
  return *writable;
}

Result<bool> lookAtShared(const Question& question, int fd, bool whole) {
  struct stat there{};
  if (::fstat(fd, &there) != 0) return fail(question.fromErrno(errno));
  if (whole && isDirectoryOfMany(there)) {
    return fail(
        ErrorCode::PermissionDenied,
        fmt::format("{} holds what belongs to others and cannot be mounted whole; mount a directory of your own "
                    "below it",
                    question.source));
  }
  return mayWrite(question, fd, there);
}

Result<Source> inSharedDirectory(const Question& question, const RealPath& real) {
  const Fd fd(::open(real.there.c_str(), O_PATH | O_CLOEXEC));
  if (!fd.valid()) return fail(question.fromErrno(errno));
  const Result<bool> writable = lookAtShared(question, fd.get(), real.missing.empty());
  if (!writable) return fail(writable.error());
  if (!real.missing.empty() && !*writable) return fail(question.refusal());
  return Source{.path = real.whole(), .missing = real.missing, .writable = *writable, .shared = true};
}

}  // namespace

Result<Source> resolveBelow(const Roots& roots, const std::string& home, const std::string& source) {
  const auto top = normalise(home);
  const bool homeless = !roots.home || !top || *top == "/";
  const Roots usable{.home = !homeless, .directories = roots.directories};
  auto path = lexicalBind(roots, home, source);
  // A home that is itself reached through a link can also be named as it really is. Only where a home exists is it
  // looked at, and only one's own.
  if (!path && (path.error().code() != ErrorCode::PermissionDenied || homeless)) return fail(path.error());
  const Question question{.roots = usable, .home = top ? *top : home, .source = path ? *path : source};
  std::string real_home;
  if (!homeless) {
    const auto looked = realPath(*top);
    if (looked) real_home = *looked;
    if (!looked && (roots.directories.empty() || !isUsersDoing(looked.error()))) {
      return fail(question.fromErrno(looked.error()));
    }
  }
  if (!path) {
    const Error refusal = path.error();
    path = lexicalBind({}, real_home, source);
    if (!path) return fail(refusal);
  }
  const auto real = realPathOfPrefix(*path);
  if (!real) return fail(question.fromErrno(real.error()));
  const std::string whole = real->whole();
  if (isWithin(real_home, whole)) return Source{.path = whole, .missing = real->missing};
  for (const std::string& directory : roots.directories) {
    // A root that has become a link since the configuration was read is none.
    const auto real_root = isWithin(directory, whole) ? realPath(directory) : std::unexpected(ENOENT);
    if (real_root && *real_root == directory) return inSharedDirectory(question, *real);
  }
  return fail(question.refusal());
}

Result<Source> resolveFor(const User& user, Roots roots, const std::string& source) {
  const auto path = normalise(source);
  if (!path) return fail(path.error());
  // Each that is missing costs a walk along all of them.
  if (std::ranges::count(*path, '/') > kMostDirectories) {
    return fail(ErrorCode::PermissionDenied,
                fmt::format("a folder more than {} directories deep cannot be mounted", kMostDirectories));
  }
  struct stat home{};
  // Of the system's own accounts some have /bin, /dev or /var/mail for a home.
  if (roots.home && ::geteuid() == 0 && ::stat(user.home.c_str(), &home) == 0 && home.st_uid != user.uid) {
    if (roots.directories.empty()) {
      return fail(
          ErrorCode::PermissionDenied,
          fmt::format("your home directory {} does not belong to you, so nothing below it can be mounted", user.home));
    }
    roots.home = false;
  }
  return resolveBelow(roots, user.home, source);
}

Result<bool> mayWriteShared(int fd, const Roots& roots, const std::string& home, const std::string& written) {
  return lookAtShared(Question{.roots = roots, .home = home, .source = written}, fd, true);
}

}  // namespace ds01::mounts::posix
