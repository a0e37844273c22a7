#include "authz/posix/ticket_office.h"

#include "net/random_id.h"

namespace ds01::authz::posix {

TicketOffice::TicketOffice(std::string key_path) : key_(std::move(key_path)) {}

Result<std::optional<std::string>> TicketOffice::ticketFor(std::string_view method, std::string_view target) {
  const Result<const MacFunction*> mac = key_.current();
  if (!mac) return fail(mac.error());
  if (*mac == nullptr) return std::nullopt;
  const Ticket ticket{.issued = clock_.now(), .nonce = net::randomHex(16)};
  return writeTicket(ticket, method, target, **mac);
}

}  // namespace ds01::authz::posix
