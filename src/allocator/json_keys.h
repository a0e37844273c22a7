// Finds what a JSON tree no longer shows: a key that an object has twice.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace ds01::allocator {

// The first key that stands twice in one object, anywhere in `text`. Unset if there is none or the text is no JSON.
std::optional<std::string> duplicateKey(std::string_view text);

}  // namespace ds01::allocator
