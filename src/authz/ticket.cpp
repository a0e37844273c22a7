#include "authz/ticket.h"

#include <algorithm>
#include <charconv>
#include <cstdint>

#include <fmt/format.h>

namespace ds01::authz {

namespace {

constexpr std::string_view kPrefix = "1.";
constexpr std::size_t kNonceDigits = 32;
constexpr std::string_view kHexDigits = "0123456789abcdef";

// The parts before the target have no line feed in them, so no two requests have the same text.
std::string signedText(const Ticket& ticket, std::string_view method, std::string_view target) {
  return fmt::format("ds01 ticket 1\n{}\n{}\n{}\n{}", ticket.nonce, ticket.issued.count(), method, target);
}

std::string hex(const Mac& mac) {
  std::string out;
  for (const unsigned char byte : mac) {
    out += kHexDigits[byte >> 4];
    out += kHexDigits[byte & 15];
  }
  return out;
}

// In the same time wherever they differ: the time of a refusal must not tell how much of a guess was right.
bool same(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  unsigned difference = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    difference |= static_cast<unsigned char>(a[i]) ^ static_cast<unsigned char>(b[i]);
  }
  return difference == 0;
}

bool isHex(std::string_view text) {
  return text.find_first_not_of(kHexDigits) == std::string_view::npos;
}

Error malformed() {
  return {ErrorCode::Malformed, "the ticket is none"};
}

}  // namespace

std::string writeTicket(const Ticket& ticket, std::string_view method, std::string_view target,
                        const MacFunction& mac) {
  return fmt::format("{}{}.{}.{}", kPrefix, ticket.nonce, ticket.issued.count(),
                     hex(mac(signedText(ticket, method, target))));
}

Result<Ticket> readTicket(std::string_view text, std::string_view method, std::string_view target,
                          const MacFunction& mac) {
  if (!text.starts_with(kPrefix) || method.find('\n') != std::string_view::npos) return fail(malformed());
  text.remove_prefix(kPrefix.size());
  const std::size_t first = text.find('.');
  const std::size_t last = text.rfind('.');
  if (first != kNonceDigits || last <= first) return fail(malformed());
  const std::string_view nonce = text.substr(0, first);
  const std::string_view issued = text.substr(first + 1, last - first - 1);
  std::int64_t count = 0;
  const auto [end, ec] = std::from_chars(issued.data(), issued.data() + issued.size(), count);
  if (ec != std::errc{} || end != issued.data() + issued.size() || count < 0 || !isHex(nonce)) {
    return fail(malformed());
  }
  Ticket ticket{.issued = Moment(count), .nonce = std::string(nonce)};
  // Compared as text, so that one ticket has one spelling.
  if (!same(fmt::format("{}{}", kPrefix, text), writeTicket(ticket, method, target, mac))) {
    return fail(ErrorCode::PermissionDenied, "the ticket is not for this request");
  }
  return ticket;
}

}  // namespace ds01::authz
