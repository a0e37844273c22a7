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

struct Entry {
  std::uint32_t uid = 0;
  std::optional<User> user;
  TimePoint since;
};

// A look-up under way, shared by all who wait for it.
struct Pending {
  explicit Pending(const asio::any_io_executor& executor)
      : ready(executor, asio::steady_timer::time_point::max()), answer(fail(ErrorCode::Unavailable, "no answer")) {}
  asio::steady_timer ready;  // never fires; cancelled when the answer is there
  bool done = false;
  Answer answer;
};

}  // namespace

struct UserDb::State {
  net::BlockingPool& pool;  // outlives the UserDb, and nothing is started through it later
  const Clock& clock;       // likewise
  UserDbOptions options;
  UserLookup lookup;
  bool closed = false;

  std::list<Entry> entries;  // the most recently used first
  std::unordered_map<std::uint32_t, std::list<Entry>::iterator> by_uid;
  std::map<std::uint32_t, std::shared_ptr<Pending>> pending;

  const Entry* fresh(std::uint32_t uid) {
    const auto found = by_uid.find(uid);
    if (found == by_uid.end()) return nullptr;
    const auto entry = found->second;
    const auto age = clock.now() - entry->since;
    const auto limit = entry->user ? options.keep_found : options.keep_missing;
    // A wall clock that went back makes the age negative: then nobody knows it.
    if (age < age.zero() || age >= limit) {
      entries.erase(entry);
      by_uid.erase(found);
      return nullptr;
    }
    entries.splice(entries.begin(), entries, entry);
    return &*entry;
  }

  void remember(std::uint32_t uid, const std::optional<User>& user) {
    if (const auto found = by_uid.find(uid); found != by_uid.end()) {
      entries.erase(found->second);
      by_uid.erase(found);
    }
    if (options.max_entries == 0) return;
    if (entries.size() >= options.max_entries) {
      by_uid.erase(entries.back().uid);
      entries.pop_back();
    }
    entries.push_front({uid, user, clock.now()});
    by_uid[uid] = entries.begin();
  }

  // Runs apart from those who wait, so that none of them can take the answer away from the others by going.
  static asio::awaitable<void> ask(std::shared_ptr<State> state, std::uint32_t uid, std::shared_ptr<Pending> pending) {
    std::function<Answer()> work = [lookup = state->lookup, uid] { return lookup(uid); };
    pending->answer = co_await state->pool.run<std::optional<User>>(std::move(work), state->options.limit);
    if (pending->answer && !state->closed) state->remember(uid, *pending->answer);
    state->pending.erase(uid);
    pending->done = true;
    pending->ready.cancel();
  }
};

UserDb::UserDb(net::BlockingPool& pool, const Clock& clock, UserDbOptions options, UserLookup lookup)
    : state_(new State{pool, clock, options, std::move(lookup), false, {}, {}, {}}) {}

UserDb::~UserDb() {
  state_->closed = true;
}

asio::awaitable<Answer> UserDb::find(std::uint32_t uid) {
  const std::shared_ptr<State> state = state_;
  if (const Entry* entry = state->fresh(uid)) co_return entry->user;

  const asio::any_io_executor executor = co_await asio::this_coro::executor;
  std::shared_ptr<Pending>& slot = state->pending[uid];
  if (!slot) {
    slot = std::make_shared<Pending>(executor);
    // `slot` may be gone when co_spawn returns, if the pool refuses at once.
    const std::shared_ptr<Pending> made = slot;
    asio::co_spawn(executor, State::ask(state, uid, made), asio::detached);
    if (made->done) co_return made->answer;
    co_await made->ready.async_wait(asio::as_tuple(asio::use_awaitable));
    co_return made->answer;
  }
  const std::shared_ptr<Pending> shared = slot;
  co_await shared->ready.async_wait(asio::as_tuple(asio::use_awaitable));
  co_return shared->answer;
}

}  // namespace ds01::identity::posix
