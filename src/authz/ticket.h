// The ticket that says "this request to the Engine came through ds01d": one header, good for one request with exactly
// this method and this request target, for a short while.
//
//   X-Ds01-Ticket: 1.NONCE.ISSUED.MAC
//
// NONCE 32 hex digits, ISSUED microseconds since boot, MAC 64 hex digits: HMAC-SHA-256 over what stands in
// signedText(). The body has no part in it: dockerd shows a plugin no body of a megabyte or more (and of others only
// JSON), so a decision that rests on it rests on what the plugin was not shown (CVE-2026-34040).
#pragma once

#include <array>
#include <chrono>
#include <compare>
#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace ds01::authz {

// Not X-Docker-…: the gateway lets clients send those. In Go's canonical spelling, as dockerd shows it to the plugin.
inline constexpr std::string_view kTicketHeader = "X-Ds01-Ticket";

using Moment = std::chrono::microseconds;  // since boot (CLOCK_BOOTTIME): nobody sets it
using Mac = std::array<unsigned char, 32>;
using MacFunction = std::function<Mac(std::string_view)>;

struct Ticket {
  Moment issued{};
  std::string nonce;

  auto operator<=>(const Ticket&) const = default;  // by age
};

// `nonce`: 32 lower-case hex digits from the kernel's generator. `target` byte for byte as it goes to the Engine.
std::string writeTicket(const Ticket& ticket, std::string_view method, std::string_view target, const MacFunction& mac);

// Malformed: not in our form. PermissionDenied: not signed with this key for this method and target.
Result<Ticket> readTicket(std::string_view text, std::string_view method, std::string_view target,
                          const MacFunction& mac);

}  // namespace ds01::authz
