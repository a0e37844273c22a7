#include "net/turns.h"

#include <algorithm>
#include <deque>
#include <map>
#include <unordered_map>

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace ds01::net {

namespace asio = boost::asio;
using Time = asio::steady_timer::time_point;

namespace {

struct Waiter {
  explicit Waiter(const asio::any_io_executor& executor) : wake(executor) {}
  asio::steady_timer wake;
  std::uint64_t number = 0;  // of its turn, once it has one
};

struct Line {
  std::map<std::uint64_t, Time> turns;  // that count, and since when; a higher number is a later one
  std::deque<std::shared_ptr<Waiter>> waiting;
};

}  // namespace

struct Turns::State {
  std::size_t at_once = 1;
  std::optional<std::chrono::milliseconds> longest;
  std::uint64_t last_number = 0;
  std::unordered_map<std::uint64_t, Line> lines;  // none is empty

  // When the line's oldest turn gets long.
  Time nextLong(const Line& line) const {
    return line.turns.empty() || !longest ? Time::max() : line.turns.begin()->second + *longest;
  }

  void dropLong(Line& line) const {
    const Time now = asio::steady_timer::clock_type::now();
    while (!line.turns.empty() && nextLong(line) <= now) line.turns.erase(line.turns.begin());
  }

  std::uint64_t begin(Line& line) {
    line.turns.emplace(++last_number, asio::steady_timer::clock_type::now());
    return last_number;
  }

  // Gives free turns to the first in line, and lets the one who is first then look when the oldest turn gets long.
  void advance(std::uint64_t key) {
    const auto found = lines.find(key);
    if (found == lines.end()) return;
    Line& line = found->second;
    while (!line.waiting.empty() && line.turns.size() < at_once) {
      line.waiting.front()->number = begin(line);
      line.waiting.front()->wake.cancel();
      line.waiting.pop_front();
    }
    if (!line.waiting.empty()) line.waiting.front()->wake.cancel();
    if (line.waiting.empty() && line.turns.empty()) lines.erase(found);
  }

  void end(std::uint64_t key, std::uint64_t number) {
    const auto found = lines.find(key);
    if (found == lines.end()) return;
    found->second.turns.erase(number);
    advance(key);
  }
};

namespace {

// Takes a waiter out of its line when its frame goes, also when the loop is destroyed under it.
class Standing {
 public:
  Standing(Line& line, std::shared_ptr<Waiter> waiter) : line_(line), waiter_(std::move(waiter)) {
    line_.waiting.push_back(waiter_);
  }
  Standing(const Standing&) = delete;
  Standing& operator=(const Standing&) = delete;
  ~Standing() {
    // With a turn, or gone already: then the line may be too.
    if (waiter_->number == 0) std::erase(line_.waiting, waiter_);
  }

 private:
  Line& line_;
  std::shared_ptr<Waiter> waiter_;
};

}  // namespace

Turns::Turns(std::size_t at_once, std::optional<std::chrono::milliseconds> longest)
    : state_(std::make_shared<State>()) {
  state_->at_once = at_once;
  state_->longest = longest;
}

Turns::~Turns() = default;

Turns::Turn& Turns::Turn::operator=(Turn&& other) noexcept {
  if (this != &other) {
    end();
    state_ = std::move(other.state_);
    key_ = other.key_;
    number_ = std::exchange(other.number_, 0);
    waited_ = other.waited_;
  }
  return *this;
}

void Turns::Turn::end() {
  if (number_ != 0) state_->end(key_, std::exchange(number_, 0));
  state_.reset();
}

asio::awaitable<Turns::Turn> Turns::take(std::uint64_t key) {
  const std::shared_ptr<State> state = state_;
  Line& line = state->lines[key];  // stays in its place as long as somebody has a turn or waits
  state->dropLong(line);
  if (line.waiting.empty() && line.turns.size() < state->at_once) co_return Turn(state, key, state->begin(line), false);

  const auto waiter = std::make_shared<Waiter>(co_await asio::this_coro::executor);
  const Standing standing(line, waiter);
  while (waiter->number == 0) {
    // Only the first looks; whoever gets there is woken.
    const bool first = line.waiting.front() == waiter;
    waiter->wake.expires_at(first ? state->nextLong(line) : Time::max());
    boost::system::error_code ignored;
    co_await waiter->wake.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    if (waiter->number != 0) break;
    state->dropLong(line);
    state->advance(key);
  }
  co_return Turn(state, key, waiter->number, true);
}

bool Turns::anyOther(std::uint64_t key, const std::function<bool(std::uint64_t)>& which) const {
  return std::ranges::any_of(state_->lines, [&](const auto& one) {
    return one.first != key && !one.second.turns.empty() && which(one.first);
  });
}

std::size_t Turns::waiting() const {
  std::size_t count = 0;
  for (const auto& [key, line] : state_->lines) count += line.waiting.size();
  return count;
}

}  // namespace ds01::net
