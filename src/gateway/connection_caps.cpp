#include "gateway/connection_caps.h"

#include <utility>

#include <fmt/format.h>

namespace ds01::gateway {

ConnectionCaps::Place::Place(Place&& other) noexcept
    : caps_(std::exchange(other.caps_, nullptr)),
      account_(other.account_),
      kind_(std::exchange(other.kind_, Kind::Closed)),
      account_full_(other.account_full_) {}

void ConnectionCaps::Place::enter() {
  const ConnectionLimits& limits = caps_->limits_;
  const bool root = account_ == kRootOnHost;
  Count& own = caps_->accounts_[account_];
  account_full_ = own.held >= limits.per_account;
  const bool inside_full = !account_.on_host && caps_->held_inside_ >= limits.inside();
  const bool users_full = !root && caps_->users_.held >= limits.of_users;
  if (account_full_ || inside_full || users_full) {
    enterTold();
    return;
  }
  kind_ = Kind::Held;
  ++own.held;
  if (!root) ++caps_->users_.held;
  if (!account_.on_host) ++caps_->held_inside_;
}

void ConnectionCaps::Place::enterTold() {
  const bool root = account_ == kRootOnHost;
  Count& own = caps_->accounts_[account_];
  const bool full = own.told >= caps_->limits_.told_per_account || (!root && caps_->users_.told >= caps_->limits_.told);
  if (full) {
    kind_ = Kind::Closed;
    if (own.held + own.told == 0) caps_->accounts_.erase(account_);
    return;
  }
  kind_ = Kind::Told;
  ++own.told;
  if (!root) ++caps_->users_.told;
}

void ConnectionCaps::Place::leave() {
  if (caps_ == nullptr || kind_ == Kind::Closed) return;
  const auto own = caps_->accounts_.find(account_);
  const bool was_held = std::exchange(kind_, Kind::Closed) == Kind::Held;
  --(was_held ? own->second.held : own->second.told);
  if (account_ != kRootOnHost) --(was_held ? caps_->users_.held : caps_->users_.told);
  if (was_held && !account_.on_host) --caps_->held_inside_;
  if (own->second.held + own->second.told == 0) caps_->accounts_.erase(own);
}

void ConnectionCaps::Place::moveTo(const Account& account) {
  leave();
  account_ = account;
  enter();
}

void ConnectionCaps::Place::refuse() {
  if (kind_ != Kind::Held) return;
  leave();
  enterTold();
}

std::string ConnectionCaps::Place::whyNot() const {
  if (account_full_) {
    return fmt::format("you have {} connections open, which is as many as one user may", caps_->limits_.per_account);
  }
  return "too many connections are open on this socket; try again later";
}

}  // namespace ds01::gateway
