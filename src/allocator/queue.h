// The waiting line: who asked for GPUs that others hold, by the priority of their limits (higher first) and then by
// arrival. Pure: who wakes whom, and for how long anybody waits, is the daemon's.
//
// What is free is offered along the line. Somebody who cannot be served yet keeps all slots that could serve him from
// those behind, so a request for several GPUs is not starved by requests for one; what nobody ahead could use goes to
// whoever comes next. Newcomers go through the same door: join(), then serve().
//
// Only what time can give is waited for: RefusalCode::NoneFree. Everything else is told at once, also to somebody who
// has waited already (limits have changed, a GPU has fallen ill). One exception: while nobody knows which GPUs there
// are (InventoryStale) those in the line stay in it, and newcomers are told.
#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "allocator/ledger.h"
#include "allocator/place.h"
#include "base/clock.h"
#include "model/limits.h"

namespace ds01::allocator {

class Queue {
 public:
  using Ticket = std::uint64_t;  // grows with each arrival; never used twice

  // Requests that may wait at once. Each keeps its connection and its body (at most 4 MiB) in memory.
  static constexpr std::size_t kMostWaiting = 512;
  static constexpr std::size_t kMostWaitingPerUser = 16;

  struct Waiter {
    Ticket ticket = 0;
    ReserveRequest ask;
    TimePoint since;       // when it came
    Misfit obstacle = {};  // as of the last serve()
    bool waits = false;    // it has been through serve() and is still here
  };

  // What came of one who is not in the line any more.
  struct Verdict {
    Ticket ticket = 0;
    std::expected<Lease, Refusal> answer;
  };

  Ticket join(ReserveRequest ask, TimePoint now);
  // False if it is not in the line.
  bool leave(Ticket ticket);

  // Goes along the line once: grants are entered in the ledger. Afterwards nobody in the line can be served. In the
  // order of the line.
  std::vector<Verdict> serve(Ledger& ledger, TimePoint now, bool stale_inventory_will_do);

  using LimitsOf = std::function<std::optional<Limits>(const std::string& login)>;
  // Gives those who wait the limits of now, and the place that follows from them. The tickets of those who have none.
  std::vector<Ticket> setLimits(const LimitsOf& limits_of);

  // In order: the first is next.
  const std::vector<Waiter>& waiters() const { return waiters_; }
  const Waiter* find(Ticket ticket) const;
  // 1 is next. Unset if it is not in the line.
  std::optional<std::int64_t> placeOf(Ticket ticket) const;
  // Whether one more who must wait is too many.
  enum class Crowd { Room, UserHasTooMany, TooMany };
  Crowd crowd(std::uint32_t uid) const;

  // What a request would be told if it came now, and the place in which it would wait if it had to.
  struct Preview {
    std::expected<Lease, Refusal> answer;
    std::optional<std::int64_t> place;
  };
  Preview preview(const Ledger& ledger, const ReserveRequest& ask) const;

  // The sentence for one whose time is up: what reserve() would say in its place.
  std::optional<Refusal> refusal(const Ledger& ledger, Ticket ticket) const;

 private:
  std::size_t positionFor(std::int64_t priority) const;
  SlotSet keptBefore(const Ledger& ledger, std::size_t position) const;

  std::vector<Waiter> waiters_;
  Ticket last_ = 0;
};

// Why it must wait, without a word about anybody's containers: "1 of the 4 that would do is free". `slots`: those of
// the ledger now.
std::string whyWaiting(const std::vector<SlotView>& slots, const Queue::Waiter& waiter);

// How many slots are asked for; for all of them 1, because the first is waited for.
std::int64_t slotsAsked(const GpuRequest& request);

}  // namespace ds01::allocator
