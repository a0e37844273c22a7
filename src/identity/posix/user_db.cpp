#include "identity/posix/user_db.h"

#include <list>
#include <map>
#include <unordered_map>
#include <utility>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace ds01::identity::posix {

namespace asio = boost::asio;

using Answer = Result<std::optional<User>>;

namespace {

// A look-up under way, shared by all who wait for it.
struct Pending {
  explicit Pending(const asio::any_io_executor& executor)
      : ready(executor, asio::steady_timer::time_point::max()), answer(fail(ErrorCode::Unavailable, "no answer")) {}
  asio::steady_timer ready;  // never fires; cancelled when the answer is there
  bool done = false;
  Answer answer;
};

}  // namespace

// Look-ups by one kind of key: a uid or a login.
template <typename Key>
struct UserDb::LookUps {
  struct Entry {
    Key key;
    std::optional<User> user;
    TimePoint since;
  };

  net::BlockingPool& pool;  // outlives the UserDb, and nothing is started through it later
  const Clock& clock;       // likewise
  UserDbOptions options;
  std::function<Answer(const Key&)> lookup;
  bool closed = false;

  std::list<Entry> entries = {};  // the most recently used first
  std::unordered_map<Key, typename std::list<Entry>::iterator> by_key = {};
  std::map<Key, std::shared_ptr<Pending>> pending = {};

  const Entry* fresh(const Key& key) {
    const auto found = by_key.find(key);
    if (found == by_key.end()) return nullptr;
    const auto entry = found->second;
    const auto age = clock.now() - entry->since;
    const auto limit = entry->user ? options.keep_found : options.keep_missing;
    // A wall clock that went back makes the age negative: then nobody knows it.
    if (age < age.zero() || (age >= limit && !staleEnough(*entry))) {
      entries.erase(entry);
      by_key.erase(found);
      return nullptr;
    }
    if (age >= limit) return nullptr;
    entries.splice(entries.begin(), entries, entry);
    return &*entry;
  }

  // Whether an answer that is too old for find() still serves lastKnown().
  bool staleEnough(const Entry& entry) const {
    const auto age = clock.now() - entry.since;
    return entry.user && age >= age.zero() && age < options.keep_stale;
  }

  void remember(const Key& key, const std::optional<User>& user) {
    if (const auto found = by_key.find(key); found != by_key.end()) {
      entries.erase(found->second);
      by_key.erase(found);
    }
    if (options.max_entries == 0) return;
    if (entries.size() >= options.max_entries) {
      by_key.erase(entries.back().key);
      entries.pop_back();
    }
    entries.push_front({key, user, clock.now()});
    by_key[key] = entries.begin();
  }

  // Runs apart from those who wait, so that none of them can take the answer away from the others by going.
  static asio::awaitable<void> ask(std::shared_ptr<LookUps> self, Key key, std::shared_ptr<Pending> pending) {
    std::function<Answer()> work = [lookup = self->lookup, key] { return lookup(key); };
    pending->answer = co_await self->pool.template run<std::optional<User>>(std::move(work), self->options.limit);
    if (pending->answer && !self->closed) self->remember(key, *pending->answer);
    self->pending.erase(key);
    pending->done = true;
    pending->ready.cancel();
  }

  static asio::awaitable<Answer> find(std::shared_ptr<LookUps> self, Key key) {
    if (const Entry* entry = self->fresh(key)) co_return entry->user;

    const asio::any_io_executor executor = co_await asio::this_coro::executor;
    std::shared_ptr<Pending>& slot = self->pending[key];
    if (!slot) {
      slot = std::make_shared<Pending>(executor);
      // `slot` may be gone when co_spawn returns, if the pool refuses at once.
      const std::shared_ptr<Pending> made = slot;
      asio::co_spawn(executor, ask(self, key, made), asio::detached);
      if (made->done) co_return made->answer;
      co_await made->ready.async_wait(asio::as_tuple(asio::use_awaitable));
      co_return made->answer;
    }
    const std::shared_ptr<Pending> shared = slot;
    co_await shared->ready.async_wait(asio::as_tuple(asio::use_awaitable));
    co_return shared->answer;
  }
};

UserDb::UserDb(net::BlockingPool& pool, const Clock& clock, UserDbOptions options, UserLookup by_uid,
               LoginLookup by_login)
    : by_uid_(new LookUps<std::uint32_t>{pool, clock, options, std::move(by_uid)}),
      by_login_(new LookUps<std::string>{pool, clock, options, std::move(by_login)}) {}

UserDb::~UserDb() {
  by_uid_->closed = true;
  by_login_->closed = true;
}

asio::awaitable<Answer> UserDb::find(std::uint32_t uid) {
  return LookUps<std::uint32_t>::find(by_uid_, uid);
}

std::optional<User> UserDb::lastKnown(std::uint32_t uid) const {
  const auto found = by_uid_->by_key.find(uid);
  if (found == by_uid_->by_key.end() || !by_uid_->staleEnough(*found->second)) return std::nullopt;
  return found->second->user;
}

asio::awaitable<Answer> UserDb::findByLogin(std::string login) {
  return LookUps<std::string>::find(by_login_, std::move(login));
}

}  // namespace ds01::identity::posix
