#include "base/utf8.h"

#include <cstddef>

namespace ds01 {
namespace {

struct Lead {
  std::size_t length = 0;  // of the whole sequence; 0: cannot lead one
  unsigned char low = 0x80;
  unsigned char high = 0xBF;  // bounds of the second byte (RFC 3629 section 4)
};

Lead leadOf(unsigned char byte) {
  if (byte < 0x80) return {.length = 1};
  if (byte >= 0xC2 && byte <= 0xDF) return {.length = 2};
  if (byte == 0xE0) return {.length = 3, .low = 0xA0};
  if (byte == 0xED) return {.length = 3, .high = 0x9F};
  if (byte >= 0xE1 && byte <= 0xEF) return {.length = 3};
  if (byte == 0xF0) return {.length = 4, .low = 0x90};
  if (byte >= 0xF1 && byte <= 0xF3) return {.length = 4};
  if (byte == 0xF4) return {.length = 4, .high = 0x8F};
  return {};
}

// How many bytes at the front belong together: a whole sequence, or as much of one as is there (at least one byte).
std::size_t prefix(std::string_view text, const Lead& lead) {
  std::size_t size = 1;
  for (; size < lead.length && size < text.size(); ++size) {
    const auto byte = static_cast<unsigned char>(text[size]);
    if (size == 1 ? byte < lead.low || byte > lead.high : byte < 0x80 || byte > 0xBF) break;
  }
  return size;
}

}  // namespace

CodePoint firstCodePoint(std::string_view text) {
  const auto first = static_cast<unsigned char>(text.front());
  const Lead lead = leadOf(first);
  if (prefix(text, lead) != lead.length) return {.value = first, .length = 1, .valid = false};
  // The lead byte's own bits: 7, or 5, 4, 3 for sequences of 2, 3, 4 bytes.
  char32_t value = lead.length == 1 ? first : first & (0x7FU >> lead.length);
  for (std::size_t i = 1; i < lead.length; ++i) value = (value << 6U) | (static_cast<unsigned char>(text[i]) & 0x3FU);
  return {.value = value, .length = lead.length, .valid = true};
}

std::string replaceInvalidUtf8(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const Lead lead = leadOf(static_cast<unsigned char>(text.front()));
    const std::size_t size = prefix(text, lead);
    if (size == lead.length) {
      out += text.substr(0, size);
    } else {
      out += "\xEF\xBF\xBD";
    }
    text.remove_prefix(size);
  }
  return out;
}

}  // namespace ds01
