// Text from outside (names, arguments), read as strictly as RFC 3629: overlong forms, surrogates and values above
// U+10FFFF are invalid.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace ds01 {

struct CodePoint {
  char32_t value = 0;      // the byte itself when not valid
  std::size_t length = 1;  // bytes to skip; 1 when not valid
  bool valid = false;
};

// The first code point of `text`, which must not be empty.
CodePoint firstCodePoint(std::string_view text);

// The same text with each invalid byte sequence replaced by U+FFFD. Never touches ASCII, so it may be used on whole
// JSON documents.
std::string replaceInvalidUtf8(std::string_view text);

}  // namespace ds01
