// HMAC-SHA-256 by OpenSSL, which is visible in this file's implementation only.
#pragma once

#include <string>
#include <string_view>

#include "authz/ticket.h"

namespace ds01::authz::posix {

inline constexpr std::size_t kKeyBytes = 32;

// `key`: kKeyBytes bytes, copied. What the library cannot compute (it has no memory) is sealed with random bytes, which
// nothing matches. Any thread.
MacFunction sealWith(std::string key);

// From the kernel's generator, getrandom(2).
std::string newKey();

}  // namespace ds01::authz::posix
