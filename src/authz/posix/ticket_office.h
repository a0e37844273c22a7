// ds01d's side: a ticket for each request that it sends to the Engine, as long as there is a key.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "authz/posix/key_file.h"
#include "net/real_clock.h"

namespace ds01::authz::posix {

// One thread. Costs a stat(2), the kernel's random numbers and one HMAC: some microseconds.
class TicketOffice {
 public:
  explicit TicketOffice(std::string key_path);

  // Unset: there is no key, so no plugin that would ask. A key that cannot be used is an error; the request then goes
  // without a ticket, and the plugin, if there is one, refuses it.
  Result<std::optional<std::string>> ticketFor(std::string_view method, std::string_view target);

 private:
  KeyFile key_;
  net::BootClock clock_;
};

}  // namespace ds01::authz::posix
