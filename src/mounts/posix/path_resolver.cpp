#include "mounts/posix/path_resolver.h"

#include <functional>
#include <utility>

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mounts/lexical.h"
#include "mounts/posix/borrowed_credentials.h"
#include "mounts/posix/resolve_below.h"

namespace ds01::mounts::posix {

namespace {

// Of the system's own accounts some have /bin, /dev or /var/mail for a home; root in a container could change those.
Status checkHome(const User& user) {
  struct stat home{};
  if (::geteuid() != 0 || ::stat(user.home.c_str(), &home) != 0 || home.st_uid == user.uid) return {};
  return fail(
      ErrorCode::PermissionDenied,
      fmt::format("your home directory {} does not belong to you, so nothing below it can be mounted", user.home));
}

}  // namespace

boost::asio::awaitable<Result<Source>> PathResolver::resolve(User user, std::string source) {
  if (const auto path = normalise(source); !path) co_return fail(path.error());
  std::function<Result<Source>()> work = [user = std::move(user), source, roots = roots_]() mutable -> Result<Source> {
    const auto borrowed = BorrowedCredentials::take(user);
    if (!borrowed) return fail(borrowed.error());
    if (const Status home = checkHome(user); roots.home && !home) {
      if (roots.directories.empty()) return fail(home.error());
      roots.home = false;
    }
    return resolveBelow(roots, user.home, source);
  };
  auto real = co_await pool_.run<Source>(std::move(work), limit_);
  if (!real && real.error().code() == ErrorCode::Timeout) co_return fail(real.error().context(source));
  co_return real;
}

}  // namespace ds01::mounts::posix
