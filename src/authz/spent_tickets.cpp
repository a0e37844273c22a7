#include "authz/spent_tickets.h"

namespace ds01::authz {

SpentTickets::SpentTickets(Moment started, SpentLimits limits)
    : started_(started), limits_(limits), forgotten_until_(started) {}

Spend SpentTickets::spend(const Ticket& ticket, Moment now) {
  while (!spent_.empty() && spent_.begin()->issued + limits_.good_for < now) spent_.erase(spent_.begin());
  if (ticket.issued > now) return Spend::TooNew;
  if (ticket.issued + limits_.good_for < now) return Spend::TooOld;
  if (ticket.issued <= started_) return Spend::Unknown;
  if (spent_.contains(ticket)) return Spend::Again;
  if (spent_.size() >= limits_.most_spent) return Spend::Full;
  spent_.insert(ticket);
  open_.insert(ticket);
  if (open_.size() > limits_.most_open) {
    forgotten_until_ = open_.begin()->issued;
    open_.erase(open_.begin());
  }
  return Spend::Ok;
}

bool SpentTickets::answer(const Ticket& ticket) {
  return open_.erase(ticket) > 0 || ticket.issued <= forgotten_until_;
}

}  // namespace ds01::authz
