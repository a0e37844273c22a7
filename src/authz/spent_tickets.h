// Which tickets were used: each opens one request, and then the answer to it.
#pragma once

#include <cstddef>
#include <set>

#include "authz/ticket.h"

namespace ds01::authz {

enum class Spend {
  Ok,
  Again,    // it was used before
  TooOld,   // longer ago than a ticket is good for
  TooNew,   // not issued yet: another machine's clock
  Unknown,  // from before this memory began: it may have been used
  Full,     // so many are remembered that one more could not be
};

struct SpentLimits {
  Moment good_for = std::chrono::seconds{60};  // dockerd asks when it has read the head, and small JSON bodies
  // Of one minute; some 100 bytes each. dockerd, which asks twice for each request, does not come near.
  std::size_t most_spent = 500'000;
  std::size_t most_open = 100'000;  // requests whose answer has not been asked about
};

class SpentTickets {
 public:
  // `started`: when this process began, which knows nothing of what was used before.
  explicit SpentTickets(Moment started, SpentLimits limits = {});

  // At AuthZReq; Ok only once for each ticket.
  Spend spend(const Ticket& ticket, Moment now);

  // At AuthZRes: true once for each ticket that was spent, however long ago, since a stream's answer ends when the
  // stream does. Of tickets that this memory cannot know, from before it began or crowded out of it, always true:
  // dockerd asks about no answer but to a request that was let in.
  bool answer(const Ticket& ticket);

  std::size_t spent() const { return spent_.size(); }
  std::size_t open() const { return open_.size(); }

 private:
  const Moment started_;
  const SpentLimits limits_;
  std::set<Ticket> spent_;  // until they are too old anyhow
  std::set<Ticket> open_;   // by age, so that the oldest is the first to be forgotten
  Moment forgotten_until_;  // of what was issued up to then, open_ may have lost some
};

}  // namespace ds01::authz
