#include "mounts/posix/path_resolver.h"

#include <functional>
#include <utility>

#include "mounts/lexical.h"
#include "mounts/posix/borrowed_credentials.h"
#include "mounts/posix/resolve_below.h"

namespace ds01::mounts::posix {

boost::asio::awaitable<Result<std::string>> PathResolver::resolve(User user, std::string source) {
  if (const auto path = normalise(source); !path) co_return fail(path.error());
  std::function<Result<std::string>()> work = [user = std::move(user), source]() -> Result<std::string> {
    const auto borrowed = BorrowedCredentials::take(user);
    if (!borrowed) return fail(borrowed.error());
    return resolveBelow(user.home, source);
  };
  auto real = co_await pool_.run<std::string>(std::move(work), limit_);
  if (!real && real.error().code() == ErrorCode::Timeout) co_return fail(real.error().context(source));
  co_return real;
}

}  // namespace ds01::mounts::posix
