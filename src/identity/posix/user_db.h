// Users by uid and by login, remembered for a short time. Look-ups run on a BlockingPool, one at a time for each uid or
// login: whoever asks meanwhile waits for the same answer. Errors are not remembered.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

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
  std::chrono::seconds keep_stale{3600};   // for lastKnown()
  std::size_t max_entries = 1024;          // uids, and as many logins; the least recently used goes first
};

// Both are called on the pool's threads.
using UserLookup = std::function<Result<std::optional<User>>(std::uint32_t uid)>;
using LoginLookup = std::function<Result<std::optional<User>>(const std::string& login)>;

// One thread: that of the loop. The pool and the clock outlive it.
class UserDb {
 public:
  UserDb(net::BlockingPool& pool, const Clock& clock, UserDbOptions options = {}, UserLookup by_uid = lookUpUser,
         LoginLookup by_login = lookUpLogin);
  UserDb(const UserDb&) = delete;
  UserDb& operator=(const UserDb&) = delete;
  ~UserDb();

  // Unset: nobody has this uid. Timeout or Unavailable: the database did not say.
  boost::asio::awaitable<Result<std::optional<User>>> find(std::uint32_t uid);
  // What the database said about this uid at the last time that it answered, if that was not long ago. For when find()
  // fails, and only where an old answer is better than none: the login may be gone, and its groups others.
  std::optional<User> lastKnown(std::uint32_t uid) const;
  // The same as find() for a login; its length is the caller's to bound.
  boost::asio::awaitable<Result<std::optional<User>>> findByLogin(std::string login);

 private:
  template <typename Key>
  struct LookUps;
  std::shared_ptr<LookUps<std::uint32_t>> by_uid_;
  std::shared_ptr<LookUps<std::string>> by_login_;
};

}  // namespace ds01::identity::posix
