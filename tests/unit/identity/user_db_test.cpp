#include "identity/posix/user_db.h"

#include <algorithm>
#include <atomic>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <stdexcept>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <gtest/gtest.h>
#include <pwd.h>
#include <unistd.h>

#include "support/asio_runner.h"
#include "support/fake_clock.h"

namespace ds01::identity::posix {
namespace {

using namespace std::chrono_literals;
using test::AsioRunner;
using test::FakeClock;

// A user database that counts how often it is asked; can hang.
struct Directory {
  std::mutex mutex;
  std::map<std::uint32_t, std::string> logins{{1001, "alice"}, {1002, "bob"}};
  std::map<std::uint32_t, int> asked;
  bool away = false;
  std::shared_future<void> open;  // if valid, answers wait for it

  static UserLookup lookupIn(const std::shared_ptr<Directory>& directory) {
    return [directory](std::uint32_t uid) -> Result<std::optional<User>> {
      std::shared_future<void> open;
      {
        const std::lock_guard lock(directory->mutex);
        ++directory->asked[uid];
        open = directory->open;
      }
      if (open.valid()) open.wait();
      const std::lock_guard lock(directory->mutex);
      if (directory->away) return fail(ErrorCode::Unavailable, "directory away");
      const auto found = directory->logins.find(uid);
      if (found == directory->logins.end()) return std::optional<User>();
      User user;
      user.uid = uid;
      user.login = found->second;
      return std::optional<User>(user);
    };
  }
};

class UserDbTest : public testing::Test {
 protected:
  std::string loginOf(UserDb& db, std::uint32_t uid) {
    const auto user = runner_.run(db.find(uid));
    if (!user) return "error: " + std::string(toString(user.error().code()));
    return *user ? (*user)->login : "(nobody)";
  }
  UserDb make(UserDbOptions options = {}) { return UserDb(pool_, clock_, options, Directory::lookupIn(directory_)); }
  int asked(std::uint32_t uid) {
    const std::lock_guard lock(directory_->mutex);
    return directory_->asked[uid];
  }

  std::shared_ptr<Directory> directory_ = std::make_shared<Directory>();
  FakeClock clock_;
  net::BlockingPool pool_{2, 64};
  AsioRunner runner_;
};

TEST_F(UserDbTest, KnowsForAnHourWhatItWasToldLast) {
  UserDb db = make();
  EXPECT_FALSE(db.lastKnown(1001));
  EXPECT_EQ(loginOf(db, 1001), "alice");
  EXPECT_EQ(loginOf(db, 4711), "(nobody)");
  {
    const std::lock_guard lock(directory_->mutex);
    directory_->away = true;
  }
  clock_.advance(59min);
  EXPECT_EQ(loginOf(db, 1001), "error: unavailable") << "which find() does not go by";
  ASSERT_TRUE(db.lastKnown(1001));
  EXPECT_EQ(db.lastKnown(1001)->login, "alice");
  EXPECT_FALSE(db.lastKnown(4711)) << "that somebody is nobody is no answer to keep";
  clock_.advance(61s);
  EXPECT_FALSE(db.lastKnown(1001));
  clock_.advance(-3h);
  EXPECT_FALSE(db.lastKnown(1001)) << "a clock that went back knows nothing";
}

TEST_F(UserDbTest, ANewAnswerReplacesTheLastKnown) {
  UserDb db = make();
  EXPECT_EQ(loginOf(db, 1001), "alice");
  {
    const std::lock_guard lock(directory_->mutex);
    directory_->logins.erase(1001);
  }
  clock_.advance(31s);
  EXPECT_EQ(loginOf(db, 1001), "(nobody)");
  EXPECT_FALSE(db.lastKnown(1001)) << "the login is gone, and nobody brings it back";
}

TEST_F(UserDbTest, RemembersForAWhile) {
  UserDb db = make();
  EXPECT_EQ(loginOf(db, 1001), "alice");
  clock_.advance(29s);
  EXPECT_EQ(loginOf(db, 1001), "alice");
  EXPECT_EQ(asked(1001), 1);
  clock_.advance(1s);
  directory_->logins[1001] = "alice2";
  EXPECT_EQ(loginOf(db, 1001), "alice2");
  EXPECT_EQ(asked(1001), 2);
}

TEST_F(UserDbTest, RemembersThatThereIsNobodyForLess) {
  UserDb db = make();
  EXPECT_EQ(loginOf(db, 7), "(nobody)");
  clock_.advance(4s);
  EXPECT_EQ(loginOf(db, 7), "(nobody)");
  EXPECT_EQ(asked(7), 1);
  clock_.advance(1s);
  directory_->logins[7] = "new";
  EXPECT_EQ(loginOf(db, 7), "new");
}

TEST_F(UserDbTest, AClockThatWentBackMakesItAskAgain) {
  UserDb db = make();
  EXPECT_EQ(loginOf(db, 1001), "alice");
  clock_.advance(-1h);
  EXPECT_EQ(loginOf(db, 1001), "alice");
  EXPECT_EQ(asked(1001), 2);
}

TEST_F(UserDbTest, ErrorsAreNotRemembered) {
  UserDb db = make();
  directory_->away = true;
  EXPECT_EQ(loginOf(db, 1001), "error: unavailable");
  directory_->away = false;
  EXPECT_EQ(loginOf(db, 1001), "alice");
}

TEST_F(UserDbTest, ForgetsTheLeastRecentlyUsed) {
  UserDbOptions options;
  options.max_entries = 2;
  UserDb db = make(options);
  loginOf(db, 1001);
  loginOf(db, 1002);
  loginOf(db, 1001);
  loginOf(db, 7);  // 1002 goes
  loginOf(db, 1001);
  EXPECT_EQ(asked(1001), 1);
  loginOf(db, 1002);
  EXPECT_EQ(asked(1002), 2);
}

TEST_F(UserDbTest, ManyWhoAskAtOnceShareOneCall) {
  std::promise<void> gate;
  directory_->open = gate.get_future().share();
  UserDb db = make();
  int answered = 0;
  for (int i = 0; i < 50; ++i) {
    boost::asio::co_spawn(
        runner_.context(),
        [&]() -> boost::asio::awaitable<void> {
          const auto user = co_await db.find(1001);
          if (user && *user && (*user)->login == "alice") ++answered;
        },
        boost::asio::detached);
  }
  runner_.context().poll();
  EXPECT_EQ(answered, 0);
  gate.set_value();
  runner_.turn([&] { return answered == 50; });
  EXPECT_EQ(asked(1001), 1);
}

TEST_F(UserDbTest, AHungDirectoryIsATimeoutForAllWhoWait) {
  std::promise<void> gate;
  directory_->open = gate.get_future().share();
  UserDbOptions options;
  options.limit = 30ms;
  UserDb db = make(options);
  int timeouts = 0;
  for (int i = 0; i < 3; ++i) {
    boost::asio::co_spawn(
        runner_.context(),
        [&]() -> boost::asio::awaitable<void> {
          const auto user = co_await db.find(1001);
          if (!user && user.error().code() == ErrorCode::Timeout) ++timeouts;
        },
        boost::asio::detached);
  }
  runner_.turn([&] { return timeouts == 3; });
  EXPECT_EQ(asked(1001), 1);
  gate.set_value();
  EXPECT_EQ(loginOf(db, 1001), "alice") << "asked anew";
}

TEST_F(UserDbTest, APoolThatRefusesIsAnError) {
  net::BlockingPool none(0, 0);
  UserDb db(none, clock_, {}, Directory::lookupIn(directory_));
  EXPECT_EQ(loginOf(db, 1001), "error: unavailable");
  EXPECT_EQ(loginOf(db, 1001), "error: unavailable");
}

TEST_F(UserDbTest, ALookUpThatThrowsIsAnError) {
  UserDb db(pool_, clock_, {}, [](std::uint32_t) -> Result<std::optional<User>> { throw std::runtime_error("boom"); });
  EXPECT_EQ(loginOf(db, 1001), "error: internal");
}

TEST(LookUpUser, KnowsThisMachinesUsers) {
  const auto root = lookUpUser(0);
  ASSERT_TRUE(root) << root.error().message();
  ASSERT_TRUE(root->has_value());
  EXPECT_EQ((*root)->login, "root");
  EXPECT_EQ((*root)->gid, 0U);
  EXPECT_EQ((*root)->home.substr(0, 1), "/");
  EXPECT_NE(std::ranges::find((*root)->groups, "root"), (*root)->groups.end());
  EXPECT_NE(std::ranges::find((*root)->gids, 0U), (*root)->gids.end());
}

TEST_F(UserDbTest, LoginsAreRememberedApartFromUids) {
  int asked = 0;
  UserDb db(pool_, clock_, {}, Directory::lookupIn(directory_),
            [&asked](const std::string& login) -> Result<std::optional<User>> {
              ++asked;
              if (login != "a.turing@example.edu") return std::optional<User>();
              User user;
              user.uid = 1003;
              user.login = login;
              return std::optional<User>(user);
            });
  for (int i = 0; i < 2; ++i) {
    const auto user = runner_.run(db.findByLogin("a.turing@example.edu"));
    ASSERT_TRUE(user && *user);
    EXPECT_EQ((*user)->uid, 1003U);
  }
  EXPECT_EQ(asked, 1);
  EXPECT_FALSE(runner_.run(db.findByLogin("a.turing")).value().has_value());
  EXPECT_EQ(loginOf(db, 1003), "(nobody)");
}

TEST(LookUpLogin, KnowsThisMachinesUsersByTheirExactName) {
  const auto root = lookUpLogin("root");
  ASSERT_TRUE(root) << root.error().message();
  ASSERT_TRUE(root->has_value());
  EXPECT_EQ((*root)->uid, 0U);
  EXPECT_NE(std::ranges::find((*root)->groups, "root"), (*root)->groups.end());
  for (const std::string& login : {std::string(), std::string("root\0x", 6), std::string("no such login"),
                                   std::string("root:x"), std::string("root\nx")}) {
    const auto user = lookUpLogin(login);
    ASSERT_TRUE(user) << user.error().message();
    EXPECT_FALSE(user->has_value()) << login;
  }
}

TEST(LookUpUser, KnowsThatThereIsNobody) {
  constexpr std::uint32_t kNobodyHas = 3'999'999'999;
  if (::getpwuid(kNobodyHas) != nullptr) GTEST_SKIP() << "this machine has a login for every uid";
  const auto user = lookUpUser(kNobodyHas);
  ASSERT_TRUE(user) << user.error().message();
  EXPECT_FALSE(user->has_value());
}

}  // namespace
}  // namespace ds01::identity::posix
