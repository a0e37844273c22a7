#include "authz/break_glass.h"

#include <fmt/format.h>

#include "base/time_text.h"

namespace ds01::authz {

BreakGlass readBreakGlass(std::string_view text, TimePoint written, TimePoint now) {
  constexpr std::string_view kBlank = " \t\r\n";
  const std::size_t first = text.find_first_not_of(kBlank);
  if (first == std::string_view::npos) return {.until = {}, .problem = "it is empty"};
  const std::string_view word = text.substr(first, text.find_last_not_of(kBlank) - first + 1);
  const std::optional<TimePoint> until = parseRfc3339(word);
  if (!until) return {.until = {}, .problem = "it is not one point in time such as 2026-11-30T18:00:00Z"};
  if (*until <= now) return {.until = {}, .problem = fmt::format("it ended at {}", toRfc3339(*until))};
  if (*until - now > kLongestBreakGlass || *until - written > kLongestBreakGlass) {
    return {.until = {}, .problem = fmt::format("{} is more than 24 hours ahead", toRfc3339(*until))};
  }
  return {.until = until, .problem = {}};
}

}  // namespace ds01::authz
