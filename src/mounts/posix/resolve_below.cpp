#include "mounts/posix/resolve_below.h"

#include <cerrno>
#include <climits>
#include <cstdlib>
#include <expected>
#include <memory>
#include <system_error>

#include <fmt/format.h>
#include <sys/stat.h>

#include "mounts/lexical.h"

namespace ds01::mounts::posix {

namespace {

// realpath(3), or errno.
std::expected<std::string, int> realPath(const std::string& path) {
  struct Free {
    void operator()(char* text) const { std::free(text); }
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

Error fromErrno(int error, const std::string& source, const std::string& home) {
  if (isUsersDoing(error)) return notBelowHome(source, home);
  return {ErrorCode::Unavailable,
          fmt::format("{} could not be looked at: {}", source, std::generic_category().message(error))};
}

// The real path of `path`, whose tail may be missing. Steps up until something exists; what is stepped over must not be
// there at all, not even as a link that leads nowhere.
std::expected<std::string, int> realPathOfPrefix(const std::string& path) {
  std::string prefix = path;
  std::string tail;
  for (;;) {
    auto real = realPath(prefix);
    if (real) return *real == "/" ? (tail.empty() ? *real : tail) : *real + tail;
    if (real.error() != ENOENT) return real;
    struct stat there{};
    if (::lstat(prefix.c_str(), &there) == 0) return std::unexpected(ENOENT);
    if (errno != ENOENT) return std::unexpected(errno);
    const std::size_t slash = prefix.rfind('/');
    tail.insert(0, prefix, slash, std::string::npos);
    prefix.erase(slash == 0 ? 1 : slash);
  }
}

}  // namespace

Result<std::string> resolveBelow(const std::string& home, const std::string& source) {
  auto path = lexicalBind(home, source);
  // A home that is itself reached through a link can also be named as it really is. Only where a home exists is it
  // looked at, and only one's own.
  const bool elsewhere = !path && path.error().code() == ErrorCode::PermissionDenied;
  if (!path && !elsewhere) return path;
  const auto top = normalise(home);
  if (!top || *top == "/") return path;
  const auto real_home = realPath(*top);
  if (!real_home) return fail(fromErrno(real_home.error(), source, *top));
  if (!path) path = lexicalBind(*real_home, source);
  if (!path) return fail(lexicalBind(*top, source).error());

  const auto real = realPathOfPrefix(*path);
  if (!real) return fail(fromErrno(real.error(), *path, *top));
  if (!isWithin(*real_home, *real)) return fail(notBelowHome(*path, *top));
  return *real;
}

}  // namespace ds01::mounts::posix
