#include "buildkit/grpc_stream.h"

#include <algorithm>
#include <optional>
#include <utility>

namespace ds01::buildkit {

namespace {

constexpr std::size_t kPrefix = 5;  // a flag, and the length in network order

std::optional<unsigned> hexDigit(char c) {
  if (c >= '0' && c <= '9') return static_cast<unsigned>(c - '0');
  if (c >= 'A' && c <= 'F') return static_cast<unsigned>(c - 'A' + 10);
  if (c >= 'a' && c <= 'f') return static_cast<unsigned>(c - 'a' + 10);
  return std::nullopt;
}

}  // namespace

void MessageSplitter::beginMessage() {
  missing_ = 0;
  for (std::size_t i = 1; i < kPrefix; ++i) missing_ = missing_ << 8U | static_cast<std::uint8_t>(prefix_[i]);
  skipping_ = missing_ > longest_ || prefix_.front() != '\0';
}

std::vector<std::string> MessageSplitter::feed(std::string_view piece) {
  std::vector<std::string> whole;
  while (!piece.empty()) {
    if (prefix_.size() < kPrefix) {
      const std::size_t count = std::min(kPrefix - prefix_.size(), piece.size());
      prefix_ += piece.substr(0, count);
      piece.remove_prefix(count);
      if (prefix_.size() < kPrefix) break;
      beginMessage();
    }
    const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(missing_, piece.size()));
    if (!skipping_) message_ += piece.substr(0, count);
    piece.remove_prefix(count);
    missing_ -= count;
    if (missing_ > 0) break;
    if (!skipping_) whole.push_back(std::exchange(message_, {}));
    prefix_.clear();
  }
  return whole;
}

std::string percentDecoded(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    if (text.front() == '%' && text.size() >= 3) {
      const std::optional<unsigned> high = hexDigit(text[1]);
      const std::optional<unsigned> low = hexDigit(text[2]);
      if (high && low) {
        out += static_cast<char>(*high << 4U | *low);
        text.remove_prefix(3);
        continue;
      }
    }
    out += text.front();
    text.remove_prefix(1);
  }
  return out;
}

}  // namespace ds01::buildkit
