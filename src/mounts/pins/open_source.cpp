#include "mounts/pins/open_source.h"

#include <cerrno>
#include <string_view>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace ds01::mounts::pins {
namespace {

constexpr mode_t kUsualMode = 0755;  // as the Engine makes them

Error changed(const std::string& written) {
  return {ErrorCode::Conflict, fmt::format("{} was changed while it was looked at; try again", written)};
}

Error fromErrno(int error, const std::string& written) {
  // The path was real a moment ago.
  const bool moved = error == ENOENT || error == ENOTDIR || error == ELOOP || error == EACCES || error == EXDEV;
  if (moved) return changed(written);
  return {ErrorCode::Unavailable,
          fmt::format("{} could not be looked at: {}", written, Error::fromErrno(error, "open").message())};
}

// No component may be a link.
Fd openReal(const std::string& path) {
  open_how how{};
  how.flags = O_PATH | O_CLOEXEC;
  how.resolve = RESOLVE_NO_SYMLINKS;
  return Fd(static_cast<int>(::syscall(SYS_openat2, AT_FDCWD, path.c_str(), &how, sizeof how)));
}

// The directories `missing` ("/a/b") below `top`, made where they are not there.
Result<Fd> makeBelow(Fd top, std::string_view missing, const std::string& written) {
  while (!missing.empty()) {
    missing.remove_prefix(1);
    const std::string name(missing.substr(0, missing.find('/')));
    missing.remove_prefix(name.size());
    if (::mkdirat(top.get(), name.c_str(), kUsualMode) != 0 && errno != EEXIST) {
      const int error = errno;
      if (error == EACCES || error == EPERM || error == EROFS || error == ENOTDIR) {
        return fail(ErrorCode::PermissionDenied, fmt::format("{} does not exist, and you may not make it", written));
      }
      return fail(Error::fromErrno(error, fmt::format("{} cannot be made", written)));
    }
    Fd next(::openat(top.get(), name.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!next.valid()) return fail(fromErrno(errno, written));
    top = std::move(next);
  }
  return top;
}

std::string existing(const posix::Source& source) {
  const std::string there = source.path.substr(0, source.path.size() - source.missing.size());
  return there.empty() ? "/" : there;
}

}  // namespace

Result<OpenSource> openExisting(const User& user, const Roots& roots, const std::string& written) {
  Result<posix::Source> source = posix::resolveFor(user, roots, written);
  if (!source) return fail(source.error());
  Fd fd = openReal(existing(*source));
  if (!fd.valid()) return fail(fromErrno(errno, written));
  return OpenSource{std::move(fd), *std::move(source)};
}

Result<OpenSource> openSource(const User& user, const Roots& roots, const std::string& written, bool create) {
  Result<OpenSource> open = openExisting(user, roots, written);
  if (!open) return open;
  if (!open->source.missing.empty()) {
    if (!create) {
      return fail(ErrorCode::NotFound, fmt::format("invalid mount config for type \"bind\": bind source path does not "
                                                   "exist: {}",
                                                   written));
    }
    Result<Fd> made = makeBelow(std::move(open->fd), open->source.missing, written);
    if (!made) return fail(made.error());
    open->fd = std::move(*made);
    open->source.missing.clear();
  }
  if (!open->source.shared) return open;
  // What was judged by its path may have been another thing than what is open now.
  const Result<bool> writable = posix::mayWriteShared(open->fd.get(), roots, user.home, written);
  if (!writable) return fail(writable.error());
  open->source.writable = *writable;
  return open;
}

}  // namespace ds01::mounts::pins
