#include "cli/text.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/utf8.h"
#include "control/terminal.h"

namespace ds01::cli {
namespace {

struct Range {
  char32_t first;
  char32_t last;
};

// Both tables follow Unicode 15 (EastAsianWidth.txt W and F; general categories Mn, Me and Cf) in coarse blocks, for
// the scripts that names are written in.
constexpr std::array<Range, 15> kWide{{{0x1100, 0x115F},
                                       {0x2E80, 0x303E},
                                       {0x3041, 0x33FF},
                                       {0x3400, 0x4DBF},
                                       {0x4E00, 0x9FFF},
                                       {0xA000, 0xA4CF},
                                       {0xA960, 0xA97F},
                                       {0xAC00, 0xD7A3},
                                       {0xF900, 0xFAFF},
                                       {0xFE30, 0xFE6F},
                                       {0xFF00, 0xFF60},
                                       {0xFFE0, 0xFFE6},
                                       {0x1F300, 0x1F64F},
                                       {0x1F680, 0x1F9FF},
                                       {0x20000, 0x3FFFD}}};
constexpr std::array<Range, 16> kZero{{{0x0300, 0x036F},
                                       {0x0483, 0x0489},
                                       {0x0591, 0x05BD},
                                       {0x0610, 0x061A},
                                       {0x064B, 0x065F},
                                       {0x06D6, 0x06DC},
                                       {0x093C, 0x093C},
                                       {0x0941, 0x0948},
                                       {0x0E34, 0x0E3A},
                                       {0x1AB0, 0x1AFF},
                                       {0x1DC0, 0x1DFF},
                                       {0x200B, 0x200D},
                                       {0x2060, 0x2064},
                                       {0x20D0, 0x20FF},
                                       {0xFE00, 0xFE0F},
                                       {0xFE20, 0xFE2F}}};

template <std::size_t N>
bool in(const std::array<Range, N>& table, char32_t c) {
  return std::any_of(table.begin(), table.end(), [c](Range range) { return c >= range.first && c <= range.last; });
}

std::size_t widthOf(char32_t c) {
  if (c < 0x300) return 1;
  if (in(kZero, c)) return 0;
  return in(kWide, c) ? 2 : 1;
}

}  // namespace

std::string printable(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const CodePoint next = firstCodePoint(text);
    if (next.valid && !control::steersTerminal(next.value)) {
      out += text.substr(0, next.length);
    } else {
      const auto number = static_cast<unsigned>(next.value);
      out += number <= 0xFF ? fmt::format("\\x{:02x}", number) : fmt::format("\\u{:04x}", number);
    }
    text.remove_prefix(next.length);
  }
  return out;
}

std::size_t displayWidth(std::string_view text) {
  std::size_t width = 0;
  while (!text.empty()) {
    const CodePoint next = firstCodePoint(text);
    width += widthOf(next.value);
    text.remove_prefix(next.length);
  }
  return width;
}

std::string cutTo(std::string_view text, std::size_t width, std::string_view mark) {
  if (displayWidth(text) <= width) return std::string(text);
  const std::size_t mark_width = displayWidth(mark);
  if (width < mark_width) return {};
  std::size_t bytes = 0;
  std::size_t used = 0;
  while (bytes < text.size()) {
    const CodePoint next = firstCodePoint(text.substr(bytes));
    if (used + widthOf(next.value) > width - mark_width) break;
    used += widthOf(next.value);
    bytes += next.length;
  }
  return std::string(text.substr(0, bytes)) + std::string(mark);
}

std::string duration(std::chrono::microseconds length) {
  const std::int64_t seconds =
      std::max<std::int64_t>(0, std::chrono::duration_cast<std::chrono::seconds>(length).count());
  const std::int64_t minutes = seconds / 60;
  const std::int64_t hours = minutes / 60;
  const std::int64_t days = hours / 24;
  if (minutes == 0) return fmt::format("{} s", seconds);
  if (hours == 0) return fmt::format("{} min", minutes);
  if (days == 0) {
    return minutes % 60 == 0 ? fmt::format("{} h", hours) : fmt::format("{} h {} min", hours, minutes % 60);
  }
  return hours % 24 == 0 || days >= 7 ? fmt::format("{} d", days) : fmt::format("{} d {} h", days, hours % 24);
}

std::string ago(TimePoint at, TimePoint now) {
  if (now - at < std::chrono::seconds{2}) return "just now";
  return duration(now - at) + " ago";
}

std::string localTime(TimePoint at, const Paper& paper) {
  const TimePoint local = at + (paper.utc_offset ? paper.utc_offset(at) : std::chrono::seconds{0});
  const auto day = std::chrono::floor<std::chrono::days>(local);
  const std::chrono::year_month_day date{day};
  const auto minutes = std::chrono::floor<std::chrono::minutes>(local - day).count();
  return fmt::format("{:04}-{:02}-{:02} {:02}:{:02}", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), minutes / 60,
                     minutes % 60);
}

std::string localSeconds(TimePoint at, const Paper& paper) {
  const TimePoint local = at + (paper.utc_offset ? paper.utc_offset(at) : std::chrono::seconds{0});
  const auto day = std::chrono::floor<std::chrono::days>(local);
  const auto seconds = std::chrono::floor<std::chrono::seconds>(local - day).count();
  return fmt::format("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
}

std::string wrapped(std::string_view text, std::size_t width, std::size_t column, std::optional<std::size_t> indent) {
  const std::size_t margin = indent.value_or(column);
  std::string out;
  std::size_t at = column;
  bool line_start = true;
  while (!text.empty()) {
    const std::size_t blank = std::min(text.find(' '), text.size());
    const std::string_view word = text.substr(0, blank);
    text.remove_prefix(std::min(blank + 1, text.size()));
    const std::size_t size = displayWidth(word);
    if (!line_start && width > 0 && at + 1 + size > width) {
      out += "\n" + std::string(margin, ' ');
      at = margin;
      line_start = true;
    }
    if (!line_start) {
      out += ' ';
      ++at;
    }
    out += word;
    at += size;
    line_start = false;
  }
  return out;
}

std::string nearest(std::string_view word, std::span<const std::string_view> known) {
  std::string_view best;
  std::size_t least = 3;  // more mistakes than two are another word
  for (const std::string_view candidate : known) {
    std::vector<std::size_t> row(candidate.size() + 1);
    for (std::size_t i = 0; i < row.size(); ++i) row[i] = i;
    for (std::size_t w = 1; w <= word.size(); ++w) {
      std::size_t diagonal = std::exchange(row[0], w);
      for (std::size_t c = 1; c < row.size(); ++c) {
        const std::size_t change = diagonal + (word[w - 1] == candidate[c - 1] ? 0 : 1);
        diagonal = std::exchange(row[c], std::min({change, row[c] + 1, row[c - 1] + 1}));
      }
    }
    if (row.back() < least && row.back() < candidate.size()) {
      least = row.back();
      best = candidate;
    }
  }
  return std::string(best);
}

std::string shortGpus(GpuEq amount) {
  const std::int64_t hundredths = (amount.micro + 5'000) / 10'000;
  if (hundredths == 0 && amount.micro > 0) return "<0.01";
  return toString(GpuEq{hundredths * 10'000});
}

std::string counted(std::size_t count, std::string_view noun) {
  return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

std::string_view shortModel(std::string_view model) {
  constexpr std::string_view kMaker = "NVIDIA ";
  if (model.starts_with(kMaker) && model.size() > kMaker.size()) model.remove_prefix(kMaker.size());
  return model;
}

}  // namespace ds01::cli
