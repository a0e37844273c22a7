// Unguessable identifiers from the kernel's generator, getrandom(2).
#pragma once

#include <cstddef>
#include <string>

namespace ds01::net {

// 2 * `bytes` lower-case hex digits. Any thread.
std::string randomHex(std::size_t bytes);

}  // namespace ds01::net
