#include "allocator/start.h"

#include <algorithm>

namespace ds01::allocator {

StartRule startRule(const Ledger& ledger, const ContainerId& container, const std::optional<LeaseId>& named) {
  const Lease* lease = ledger.findByContainer(container);
  if (lease == nullptr) {
    if (!named) return StartRule::NoGpu;
    // Made a moment ago, and nobody has told the ledger yet.
    lease = ledger.find(*named);
    return lease != nullptr && lease->state == Lease::State::Reserved ? StartRule::Held : StartRule::Ended;
  }
  if (named && *named != lease->id) return StartRule::Ended;
  return lease->holds() ? StartRule::Held : StartRule::Resume;
}

HoldsDue holdsDue(const std::vector<Lease>& leases, const HoldOf& hold_of, TimePoint now) {
  using std::chrono::seconds;
  HoldsDue due;
  for (const Lease& lease : leases) {
    if (!lease.stopped) continue;
    const std::optional<seconds> hold = hold_of(lease);
    if (!hold) continue;
    // Rounded down, so that what is left is rounded up. A clock that was set back makes nobody wait for more than the
    // hold.
    const seconds passed = std::max(std::chrono::floor<seconds>(now - *lease.stopped), seconds{0});
    if (passed >= *hold) {
      due.park.push_back(lease.id);
    } else if (!due.next || *hold - passed < *due.next) {
      due.next = *hold - passed;
    }
  }
  return due;
}

}  // namespace ds01::allocator
