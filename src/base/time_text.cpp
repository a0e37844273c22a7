#include "base/time_text.h"

#include <charconv>

#include <fmt/format.h>

namespace ds01 {
namespace {

// Reads exactly `digits` decimal digits from the front of `text`.
bool take(std::string_view& text, std::size_t digits, int& value) {
  if (text.size() < digits) return false;
  const auto [end, error] = std::from_chars(text.data(), text.data() + digits, value);
  if (error != std::errc{} || end != text.data() + digits || text.front() == '-') return false;
  text.remove_prefix(digits);
  return true;
}

bool takeChar(std::string_view& text, char wanted) {
  if (text.empty() || text.front() != wanted) return false;
  text.remove_prefix(1);
  return true;
}

std::optional<std::chrono::microseconds> takeFraction(std::string_view& text) {
  if (!takeChar(text, '.')) return std::chrono::microseconds{0};
  std::int64_t micros = 0;
  int digits = 0;
  for (; !text.empty() && text.front() >= '0' && text.front() <= '9'; text.remove_prefix(1), ++digits) {
    if (digits < 6) micros = micros * 10 + (text.front() - '0');
  }
  if (digits == 0) return std::nullopt;
  for (int i = digits; i < 6; ++i) micros *= 10;
  return std::chrono::microseconds{micros};
}

std::optional<std::chrono::minutes> takeOffset(std::string_view& text) {
  if (takeChar(text, 'Z') || takeChar(text, 'z')) return std::chrono::minutes{0};
  const bool negative = takeChar(text, '-');
  if (!negative && !takeChar(text, '+')) return std::nullopt;
  int hours = 0;
  int minutes = 0;
  if (!take(text, 2, hours) || !takeChar(text, ':') || !take(text, 2, minutes)) return std::nullopt;
  const std::chrono::minutes offset{hours * 60 + minutes};
  return negative ? -offset : offset;
}

}  // namespace

std::string toRfc3339(TimePoint at) {
  const auto day = std::chrono::floor<std::chrono::days>(at);
  const std::chrono::year_month_day date{day};
  const std::chrono::hh_mm_ss time{std::chrono::floor<std::chrono::milliseconds>(at - day)};
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), time.hours().count(),
                     time.minutes().count(), time.seconds().count(), time.subseconds().count());
}

std::optional<TimePoint> parseRfc3339(std::string_view text) {
  int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0;
  if (!take(text, 4, year) || !takeChar(text, '-') || !take(text, 2, month) || !takeChar(text, '-') ||
      !take(text, 2, day) || !(takeChar(text, 'T') || takeChar(text, ' ')) || !take(text, 2, hour) ||
      !takeChar(text, ':') || !take(text, 2, minute) || !takeChar(text, ':') || !take(text, 2, second)) {
    return std::nullopt;
  }
  const auto fraction = takeFraction(text);
  if (!fraction) return std::nullopt;
  const auto offset = takeOffset(text);
  if (!offset || !text.empty()) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year{year}, std::chrono::month{static_cast<unsigned>(month)},
                                         std::chrono::day{static_cast<unsigned>(day)}};
  if (!date.ok() || hour > 23 || minute > 59 || second > 60) return std::nullopt;
  return TimePoint{std::chrono::sys_days{date}} + std::chrono::hours{hour} + std::chrono::minutes{minute} +
         std::chrono::seconds{second} + *fraction - *offset;
}

}  // namespace ds01
