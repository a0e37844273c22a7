// The strict reading of a request head, on the bytes as they came. Everything that two HTTP parsers could understand
// differently is refused rather than repaired (RFC 9112; the Engine's Go parser and Beast are both more tolerant).
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/denial.h"

namespace ds01::gateway {

inline constexpr std::size_t kMaxHeadBytes = 256UL * 1024;

struct HeaderField {
  std::string name;  // as sent; compare with equalsFolded()
  std::string value;
};

bool equalsFolded(std::string_view a, std::string_view b);  // ASCII only

struct RawHead {
  std::string method;  // upper-case letters
  std::string target;  // origin form, not decoded
  std::vector<HeaderField> fields;

  // Of these two at most one is set.
  bool chunked = false;
  std::optional<std::uint64_t> content_length;

  bool expect_continue = false;
  bool close = false;   // Connection: close
  std::string upgrade;  // lower case; set only if Connection says upgrade too

  bool hasBody() const { return chunked || content_length.value_or(0) > 0; }
  const std::string* find(std::string_view name) const;
};

// Where the head ends in `bytes` (one past the empty line), or npos while it is incomplete. Also finds the end of a
// head written with bare line feeds, so that it is refused at once and not after a time limit.
std::size_t headEnd(std::string_view bytes, std::size_t search_from);

// `bytes` is exactly one head, as headEnd() delimits it. A Denial carries 400, 417, 431 or 505.
std::expected<RawHead, Denial> parseHead(std::string_view bytes);

}  // namespace ds01::gateway
