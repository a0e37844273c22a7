// Bind sources of users, resolved off the I/O thread and with their own rights.
#pragma once

#include <chrono>
#include <string>
#include <utility>

#include <boost/asio/awaitable.hpp>

#include "base/result.h"
#include "model/user.h"
#include "mounts/posix/resolve_below.h"
#include "net/blocking_pool.h"

namespace ds01::mounts::posix {

class PathResolver {
 public:
  // The pool outlives this. It had better serve nothing else: a home on a file server that hangs keeps its threads.
  explicit PathResolver(net::BlockingPool& pool, std::chrono::milliseconds limit = std::chrono::seconds{3})
      : pool_(pool), limit_(limit) {}

  // For requests from now on. Without it the home is the only root.
  void setRoots(Roots roots) { roots_ = std::move(roots); }

  // resolveBelow(roots, user.home, source) with the user's file system rights (BorrowedCredentials). Timeout or
  // Unavailable: the file system did not answer. A home that is not the user's own directory is no root. What can be
  // refused without looking is refused without a thread.
  boost::asio::awaitable<Result<Source>> resolve(User user, std::string source);

 private:
  net::BlockingPool& pool_;
  std::chrono::milliseconds limit_;
  Roots roots_;
};

}  // namespace ds01::mounts::posix
