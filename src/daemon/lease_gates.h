// One at a time for each lease: what changes the slots of a lease takes several steps with waiting in between. I/O
// thread only.
#pragma once

#include <map>
#include <memory>
#include <utility>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "base/ids.h"

namespace ds01::daemon {

class LeaseGates {
  using Busy = std::map<LeaseId, std::shared_ptr<boost::asio::steady_timer>>;  // who waits for it waits on the timer

 public:
  // Ends the turn when it goes. May outlive the gates: frames that are left over at the end do.
  class Turn {
   public:
    Turn(std::shared_ptr<Busy> busy, LeaseId lease) : busy_(std::move(busy)), lease_(std::move(lease)) {}
    Turn(Turn&& other) noexcept : busy_(std::exchange(other.busy_, nullptr)), lease_(std::move(other.lease_)) {}
    Turn& operator=(Turn&&) = delete;
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;
    ~Turn() {
      if (!busy_) return;
      const auto mine = busy_->extract(lease_);
      if (!mine.empty()) mine.mapped()->cancel();
    }

   private:
    std::shared_ptr<Busy> busy_;
    LeaseId lease_;
  };

  // Somebody has a turn, which may last as long as a client and the Engine like.
  bool busy(const LeaseId& lease) const { return busy_->contains(lease); }

  boost::asio::awaitable<Turn> enter(LeaseId lease) {
    const std::shared_ptr<Busy> busy = busy_;
    const auto executor = co_await boost::asio::this_coro::executor;
    for (auto other = busy->find(lease); other != busy->end(); other = busy->find(lease)) {
      const std::shared_ptr<boost::asio::steady_timer> timer = other->second;
      boost::system::error_code ignored;
      co_await timer->async_wait(boost::asio::redirect_error(boost::asio::use_awaitable, ignored));
    }
    using Timer = boost::asio::steady_timer;
    busy->emplace(lease, std::make_shared<Timer>(executor, Timer::time_point::max()));
    co_return Turn(busy, lease);
  }

 private:
  std::shared_ptr<Busy> busy_ = std::make_shared<Busy>();
};

}  // namespace ds01::daemon
