#include "daemon/waiting_line.h"

#include <algorithm>
#include <utility>

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <fmt/format.h>

#include "daemon/denials.h"

namespace ds01::daemon {

namespace asio = boost::asio;
using allocator::Queue;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

seconds passed(TimePoint from, TimePoint to) {
  return std::max(std::chrono::floor<seconds>(to - from), seconds{0});
}

}  // namespace

WaitingLine::WaitingLine(asio::any_io_executor executor, Parts parts)
    : executor_(std::move(executor)), parts_(std::move(parts)) {}

asio::awaitable<WaitingLine::Outcome> WaitingLine::obtain(allocator::ReserveRequest ask, gateway::Patience* patience) {
  const Queue::Crowd crowd = queue_.crowd(ask.uid);
  Ticket ticket = join(ask);
  std::optional<Answer> answer = takeAnswer(ticket);
  if (!answer || (!*answer && mayHelpToLookAgain(answer->error().code))) {
    const Result<bool> dropped = co_await parts_.look_again();
    if (!answer) {
      answer = takeAnswer(ticket);  // what was found to be free has been given to those who wait
    } else if (dropped && *dropped) {
      ticket = join(ask);
      answer = takeAnswer(ticket);
    }
  }
  if (answer && *answer) co_return Outcome{.lease = std::move(**answer)};
  if (answer) co_return refused(ask, std::move(answer->error()));
  if (crowd != Queue::Crowd::Room) {
    leave(ticket);
    co_return Outcome{.lease = std::unexpected(queueFull(crowd))};
  }
  if (wait_ > milliseconds{0}) co_await wait(ticket, patience);
  co_return end(ticket);
}

WaitingLine::Ticket WaitingLine::join(allocator::ReserveRequest ask) {
  Pending pending(executor_, ask, parts_.clock.now());
  const Ticket ticket = queue_.join(std::move(ask), pending.came);
  pending_.emplace(ticket, std::move(pending));
  serve();
  return ticket;
}

// Unset while it is in the line; afterwards the ticket is not used again.
std::optional<WaitingLine::Answer> WaitingLine::takeAnswer(Ticket ticket) {
  const auto found = pending_.find(ticket);
  if (found == pending_.end() || !found->second.answer) return std::nullopt;
  std::optional<Answer> answer = std::move(found->second.answer);
  pending_.erase(found);
  return answer;
}

void WaitingLine::leave(Ticket ticket) {
  pending_.erase(ticket);
  if (queue_.leave(ticket)) serve();
}

void WaitingLine::serve() {
  if (!open_) return;
  for (Queue::Verdict& verdict : queue_.serve(parts_.ledger, parts_.clock.now(), stale_grants_)) {
    if (verdict.answer && parts_.on_grant) parts_.on_grant(*verdict.answer);
    const auto found = pending_.find(verdict.ticket);
    if (found == pending_.end()) continue;
    found->second.answer = std::move(verdict.answer);
    found->second.wake.cancel();
  }
}

void WaitingLine::setOpen(bool open) {
  open_ = open;
  serve();
}

void WaitingLine::setLimits(const LimitsOf& limits_of) {
  std::map<std::string, Denial> denials;
  const Queue::LimitsOf known = [&](const std::string& login) -> std::optional<Limits> {
    std::expected<Limits, Denial> limits = limits_of(login);
    if (limits) return std::move(*limits);
    denials.insert_or_assign(login, std::move(limits.error()));
    return std::nullopt;
  };
  const std::vector<Ticket> without = queue_.setLimits(known);
  for (const Queue::Waiter& waiter : queue_.waiters()) {
    if (const auto found = pending_.find(waiter.ticket); found != pending_.end()) found->second.ask = waiter.ask;
  }
  for (const Ticket ticket : without) {
    queue_.leave(ticket);
    const auto found = pending_.find(ticket);
    if (found == pending_.end()) continue;
    found->second.expelled = denials.at(found->second.ask.login);
    found->second.wake.cancel();
  }
  serve();
}

// Until it is served or refused, its client has gone, or its time is up.
asio::awaitable<void> WaitingLine::wait(Ticket ticket, gateway::Patience* patience) {
  Pending& pending = pending_.at(ticket);  // stays where it is until end()
  if (const std::optional<std::int64_t> place = queue_.placeOf(ticket)) {
    pending.joined = true;
    tellJoined(*queue_.find(ticket), *place);
  }
  pending.wake.expires_after(wait_);
  if (patience != nullptr) {
    patience->beginWait([this, ticket] {
      const auto found = pending_.find(ticket);
      if (found == pending_.end()) return;
      found->second.gone = true;
      found->second.wake.cancel();
      // Out of the line at once, not when this coroutine is next.
      if (queue_.leave(ticket)) serve();
    });
  }
  while (!pending.settled()) {
    boost::system::error_code woken;
    co_await pending.wake.async_wait(asio::redirect_error(asio::use_awaitable, woken));
    if (!woken) break;
  }
  if (patience != nullptr) patience->endWait();
}

WaitingLine::Outcome WaitingLine::end(Ticket ticket) {
  auto taken = pending_.extract(ticket);
  Pending& pending = taken.mapped();
  const seconds waited = passed(pending.came, parts_.clock.now());
  const auto tell = [&](std::string_view reason) {
    if (pending.joined) parts_.events.emit(queueLeft(pending.ask, reason, waited));
  };
  Outcome outcome{.lease = std::unexpected(notReady()), .waited = {{"waited", fmt::format("{} s", waited.count())}}};
  if (pending.answer) {
    tell(*pending.answer ? "granted" : "refused");
    if (*pending.answer) {
      outcome.lease = std::move(**pending.answer);
      return outcome;
    }
    Outcome told = refused(pending.ask, std::move(pending.answer->error()));
    told.waited = std::move(outcome.waited);
    return told;
  }
  if (pending.gone || pending.expelled) {
    tell(pending.gone ? "client_gone" : "refused");
    outcome.lease = std::unexpected(pending.gone ? clientGone() : std::move(*pending.expelled));
    return outcome;
  }
  const Standing standing{.place = queue_.placeOf(ticket).value_or(1),
                          .of = static_cast<std::int64_t>(queue_.waiters().size()),
                          .waited = waited};
  std::optional<allocator::Refusal> refusal = queue_.refusal(parts_.ledger, ticket);
  leave(ticket);
  tell("timeout");
  if (!open_ || !refusal) return outcome;
  outcome.lease = std::unexpected(pending.joined ? waitedInVain(*refusal, pending.ask.group, standing)
                                                 : denialOf(*refusal, pending.ask.group));
  outcome.refusal = std::move(refusal);
  return outcome;
}

WaitingLine::Outcome WaitingLine::refused(const allocator::ReserveRequest& ask, allocator::Refusal refusal) {
  Denial denial = denialOf(refusal, ask.group);
  return {.lease = std::unexpected(std::move(denial)), .refusal = std::move(refusal)};
}

void WaitingLine::tellJoined(const Queue::Waiter& waiter, std::int64_t place) {
  parts_.events.emit(queueJoined(waiter.ask, place, allocator::whyWaiting(parts_.ledger.slots(), waiter)));
}

}  // namespace ds01::daemon
