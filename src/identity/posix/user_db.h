// Users by uid, remembered for a short time. Look-ups run on a BlockingPool, one at a time for each uid: whoever asks
// meanwhile waits for the same answer. Errors are not remembered.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

#include <boost/asio/awaitable.hpp>

#include "base/clock.h"
#include "base/result.h"
#include "identity/posix/user_lookup.h"
#include "model/user.h"
#include "net/blocking_pool.h"

namespace ds01::identity::posix {

struct UserDbOptions {
  std::chrono::milliseconds limit{3'000};  // for one look-up
  std::chrono::seconds keep_found{30};     // a change of groups is seen after this time
  std::chrono::seconds keep_missing{5};    // so that a new login need not wait
  std::size_t max_entries = 1024;          // the least recently used goes first
};

using UserLookup = std::function<Result<std::optional<User>>(std::uint32_t uid)>;  // called on the pool's threads

// One thread: that of the loop. The pool and the clock outlive it.
class UserDb {
 public:
  UserDb(net::BlockingPool& pool, const Clock& clock, UserDbOptions options = {}, UserLookup lookup = lookUpUser);
  UserDb(const UserDb&) = delete;
  UserDb& operator=(const UserDb&) = delete;
  ~UserDb();

  // Unset: nobody has this uid. Timeout or Unavailable: the database did not say.
  boost::asio::awaitable<Result<std::optional<User>>> find(std::uint32_t uid);

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace ds01::identity::posix
