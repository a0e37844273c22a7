// The waiting line in service: who waits in allocator::Queue, for how long, and who wakes whom. I/O thread only.
//
// After each change of the ledger that could serve somebody serve() is called at once, so nobody who asks later finds
// what somebody in the line was waiting for.
#pragma once

#include <chrono>
#include <cstddef>
#include <expected>
#include <functional>
#include <map>
#include <optional>
#include <string>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>

#include "allocator/ledger.h"
#include "allocator/queue.h"
#include "events/event.h"
#include "gateway/patience.h"
#include "model/denial.h"

namespace ds01::daemon {

class WaitingLine {
 public:
  struct Parts {
    allocator::Ledger& ledger;
    events::EventSink& events;
    const Clock& clock;
    // Looks whether containers have gone that the ledger still counts; true if some had.
    std::function<boost::asio::awaitable<Result<bool>>()> look_again;
    // Slots were granted: called before anything else can happen.
    std::function<void(const Lease& lease)> on_grant;
  };
  // What came of a request for slots.
  struct Outcome {
    std::expected<Lease, Denial> lease;
    std::optional<allocator::Refusal> refusal = {};  // the numbers, if it was the ledger that said no
    Facts waited = {};                               // for the explanation; empty if it did not wait
  };

  // All parts outlive this.
  WaitingLine(boost::asio::any_io_executor executor, Parts parts);

  // Slots for `ask`, at once or in its turn. `patience` may be null (nobody can give up) and outlives the call.
  boost::asio::awaitable<Outcome> obtain(allocator::ReserveRequest ask, gateway::Patience* patience);

  // Serves whoever can be served now.
  void serve();
  // While closed nobody is served and those in the line stay in it: what the ledger says may be wrong.
  void setOpen(bool open);
  // For those who come later; 0: nobody waits.
  void setWait(std::chrono::milliseconds wait) { wait_ = wait; }
  std::chrono::milliseconds wait() const { return wait_; }
  void setStaleGrants(bool allowed) { stale_grants_ = allowed; }
  // The configuration has changed: those who wait are judged by their limits of now.
  using LimitsOf = std::function<std::expected<Limits, Denial>(const std::string& login)>;
  void setLimits(const LimitsOf& limits_of);

  const allocator::Queue& queue() const { return queue_; }

 private:
  using Ticket = allocator::Queue::Ticket;
  using Answer = std::expected<Lease, allocator::Refusal>;
  // Of each request between its arrival and what came of it.
  struct Pending {
    Pending(const boost::asio::any_io_executor& executor, allocator::ReserveRequest ask_in, TimePoint came_in)
        : wake(executor), ask(std::move(ask_in)), came(came_in) {}
    boost::asio::steady_timer wake;
    allocator::ReserveRequest ask;
    TimePoint came;
    bool joined = false;  // it did not only ask, it waits
    std::optional<Answer> answer;
    std::optional<Denial> expelled;
    bool gone = false;  // the client
    bool settled() const { return answer || expelled || gone; }
  };

  Ticket join(allocator::ReserveRequest ask);
  std::optional<Answer> takeAnswer(Ticket ticket);
  void leave(Ticket ticket);
  boost::asio::awaitable<void> wait(Ticket ticket, gateway::Patience* patience);
  Outcome end(Ticket ticket);
  static Outcome refused(const allocator::ReserveRequest& ask, allocator::Refusal refusal);
  void tellJoined(const allocator::Queue::Waiter& waiter, std::int64_t place);

  boost::asio::any_io_executor executor_;
  Parts parts_;
  allocator::Queue queue_;
  std::map<Ticket, Pending> pending_;
  std::chrono::milliseconds wait_{0};
  bool open_ = false;
  bool stale_grants_ = false;
};

}  // namespace ds01::daemon
