// Reads UTF-8 one code point at a time, as strictly as RFC 3629: no overlong forms, no surrogates, nothing above
// U+10FFFF.
#pragma once

#include <cstddef>
#include <string_view>

namespace ds01::control {

struct CodePoint {
  char32_t value = 0;      // the byte itself when not valid
  std::size_t length = 1;  // bytes to skip; 1 when not valid
  bool valid = false;
};

// The first code point of `text`, which must not be empty.
CodePoint firstCodePoint(std::string_view text);

// Code points that steer a terminal or turn the reading direction, so that text shows other than it is: C0, DEL, C1,
// line and paragraph separators, bidirectional marks, embeddings, overrides and isolates, the byte order mark.
bool steersTerminal(char32_t code_point);

}  // namespace ds01::control
