#include "control/utf8.h"

namespace ds01::control {

CodePoint firstCodePoint(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const CodePoint invalid{.value = byte(0), .length = 1, .valid = false};
  if (byte(0) < 0x80) return {.value = byte(0), .length = 1, .valid = true};

  std::size_t length = 0;
  char32_t value = 0;
  char32_t smallest = 0;  // below it the form is overlong
  if ((byte(0) & 0xE0U) == 0xC0U) {
    length = 2, value = byte(0) & 0x1FU, smallest = 0x80;
  } else if ((byte(0) & 0xF0U) == 0xE0U) {
    length = 3, value = byte(0) & 0x0FU, smallest = 0x800;
  } else if ((byte(0) & 0xF8U) == 0xF0U) {
    length = 4, value = byte(0) & 0x07U, smallest = 0x10000;
  } else {
    return invalid;
  }
  if (text.size() < length) return invalid;
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0U) != 0x80U) return invalid;
    value = (value << 6U) | (byte(i) & 0x3FU);
  }
  const bool surrogate = value >= 0xD800 && value <= 0xDFFF;
  if (value < smallest || value > 0x10FFFF || surrogate) return invalid;
  return {.value = value, .length = length, .valid = true};
}

bool steersTerminal(char32_t c) {
  return c < 0x20 || (c >= 0x7F && c <= 0x9F) || c == 0x061C || c == 0x200E || c == 0x200F ||
         (c >= 0x2028 && c <= 0x202E) || (c >= 0x2066 && c <= 0x2069) || c == 0xFEFF;
}

}  // namespace ds01::control
