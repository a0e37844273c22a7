#include "allocator/start.h"

#include <algorithm>

#include <fmt/format.h>

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

GpuRequest requestAgain(const Lease& parked) {
  if (parked.delivery == Lease::Delivery::AtStart) {
    return {.kind = GpuRequest::Kind::Count, .count = parked.count, .devices = {}, .profile = parked.profile};
  }
  return {.kind = GpuRequest::Kind::Devices,
          .count = static_cast<std::int64_t>(parked.written.size()),
          .devices = parked.written,
          .profile = {}};
}

void sayFixed(Refusal& refusal, std::string_view container_name, std::size_t slots) {
  // What would work for a create names other slots, and those are no use here.
  if (!refusal.remedy.empty() && refusal.text.ends_with(refusal.remedy)) {
    refusal.text.resize(refusal.text.size() - refusal.remedy.size());
  }
  while (refusal.text.ends_with(' ')) refusal.text.pop_back();
  refusal.remedy = fmt::format(
      "{} written into this container and cannot be changed: start it again when {} free, or remove it (docker rm {}) "
      "and create it anew, which takes what is free then.",
      slots == 1 ? "That slot is" : "Those slots are", slots == 1 ? "it is" : "they are",
      container_name.empty() ? "CONTAINER" : container_name);
  refusal.text += " " + refusal.remedy;
}

HoldsDue holdsDue(const std::vector<Lease>& leases, const HoldOf& hold_of, TimePoint now) {
  using std::chrono::seconds;
  HoldsDue due;
  for (const Lease& lease : leases) {
    if (!lease.stopped || !lease.holds()) continue;
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
