// Bind sources of users, resolved off the I/O thread and with their own rights.
#pragma once

#include <chrono>
#include <string>

#include <boost/asio/awaitable.hpp>

#include "base/result.h"
#include "model/user.h"
#include "net/blocking_pool.h"

namespace ds01::mounts::posix {

class PathResolver {
 public:
  // The pool outlives this. It had better serve nothing else: a home on a file server that hangs keeps its threads.
  explicit PathResolver(net::BlockingPool& pool, std::chrono::milliseconds limit = std::chrono::seconds{3})
      : pool_(pool), limit_(limit) {}

  // resolveBelow(user.home, source) with the user's file system rights (BorrowedCredentials). Timeout or Unavailable:
  // the file system did not answer. PermissionDenied also if the home is not the user's own directory. What can be
  // refused without looking is refused without a thread.
  boost::asio::awaitable<Result<std::string>> resolve(User user, std::string source);

 private:
  net::BlockingPool& pool_;
  std::chrono::milliseconds limit_;
};

}  // namespace ds01::mounts::posix
