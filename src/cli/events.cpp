#include "cli/events.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "base/time_text.h"
#include "cli/table.h"
#include "cli/text.h"
#include "control/json_text.h"

namespace ds01::cli {
namespace {

constexpr std::size_t kUserWidth = 12;
constexpr std::size_t kTypeWidth = 16;
constexpr std::size_t kShortId = 12;

std::string text(const control::EventRow& row, std::string_view key) {
  const boost::json::value* value = row.details.if_contains(key);
  if (value == nullptr || value->is_null()) return {};
  if (const boost::json::string* found = value->if_string()) return std::string(*found);
  return control::jsonText(*value);
}

std::string container(const control::EventRow& row) {
  const std::string name = text(row, "container");
  return name.empty() || name.size() == 64 ? text(row, "container_id").substr(0, kShortId) : name;
}

// All details as they are, for what has no sentence of its own.
std::string plainly(const control::EventRow& row) {
  std::string out;
  for (const boost::json::key_value_pair& member : row.details) {
    if (member.value().is_structured() || member.key() == "decision") continue;
    out += fmt::format("{}{}={}", out.empty() ? "" : " ", std::string_view(member.key()), text(row, member.key()));
  }
  return out;
}

Tone toneOf(std::string_view type) {
  if (type == "auth.denied" || type == "gpu.reject" || type.ends_with("failed")) return Tone::Bad;
  if (type == "gpu.allocate" || type == "container.create") return Tone::Free;
  if (type == "gpu.release") return Tone::Busy;
  return Tone::Plain;
}

// Cut or filled to `width`.
std::string fitted(std::string_view from, std::size_t width, const Paper& paper) {
  std::string cell = cutTo(printable(from), width, paper.unicode ? "…" : "~");
  cell.append(width - displayWidth(cell), ' ');
  return cell;
}

std::string whenOf(TimePoint at, const Paper& paper) {
  const std::string day = localTime(at, paper).substr(0, 10);
  const std::string clock = localSeconds(at, paper);
  return day == localTime(paper.now, paper).substr(0, 10) ? "      " + clock : day.substr(5) + " " + clock;
}

}  // namespace

std::string sentenceOf(const control::EventRow& row) {
  const std::string what = container(row);
  const std::string reason = text(row, "reason");
  const std::string said = text(row, "text");
  if (row.type == "auth.denied") return said.empty() ? plainly(row) : fmt::format("{}: {}", reason, said);
  if (row.type == "auth.would_deny") return fmt::format("passed, {} are only watched: {}", text(row, "rules"), said);
  if (row.type == "gpu.reject") {
    return fmt::format("{}{}: {}", what.empty() ? "" : fmt::format("container {}: ", what), reason, said);
  }
  if (row.type == "gpu.allocate" && row.details.contains("slot")) {
    return fmt::format("slot {}{}", text(row, "slot"), what.empty() ? "" : fmt::format(" for container {}", what));
  }
  if (row.type == "gpu.release" && row.details.contains("slot")) {
    return fmt::format("slot {}{}: {}", text(row, "slot"), what.empty() ? "" : fmt::format(" of container {}", what),
                       reason);
  }
  if (row.type == "container.create" && row.details.contains("image")) {
    const std::string gpu = text(row, "gpu");
    return fmt::format("{} from {}, {}", what, text(row, "image"), gpu == "none" ? "no GPU" : gpu);
  }
  return plainly(row);
}

std::string eventLine(const control::EventRow& row, const Paper& paper) {
  const std::string when = whenOf(row.at, paper);
  const std::string user = fitted(row.user.empty() ? "-" : row.user, kUserWidth, paper);
  const std::string type = fitted(row.type, std::max(kTypeWidth, displayWidth(printable(row.type))), paper);
  const std::string decision = printable(text(row, "decision"));
  std::string sentence = printable(sentenceOf(row));
  const std::size_t before = when.size() + 1 + displayWidth(user) + 1 + displayWidth(type) + 1;
  const std::size_t behind = decision.empty() ? 0 : decision.size() + 1;
  if (paper.width > 0) {
    const std::size_t room = paper.width > before + behind + 8 ? paper.width - before - behind : 8;
    sentence = cutTo(sentence, room, paper.unicode ? "…" : "~");
  }
  std::string line =
      fmt::format("{} {} {} {}", toned(when, Tone::Soft, paper), user, toned(type, toneOf(row.type), paper), sentence);
  if (!decision.empty()) line += " " + toned(decision, Tone::Soft, paper);
  line.erase(line.find_last_not_of(' ') + 1);
  return line + "\n";
}

Result<TimePoint> parseWhen(std::string_view from, TimePoint now) {
  if (const std::optional<TimePoint> at = parseRfc3339(from)) return *at;
  std::int64_t count = 0;
  const auto [end, error] = std::from_chars(from.data(), from.data() + from.size(), count);
  const std::string_view unit(end, static_cast<std::size_t>(from.data() + from.size() - end));
  constexpr std::int64_t kMost = 100'000'000;
  if (error == std::errc() && count >= 0 && count <= kMost) {
    if (unit == "s") return now - std::chrono::seconds{count};
    if (unit == "m") return now - std::chrono::minutes{count};
    if (unit == "h" && count <= kMost / 60) return now - std::chrono::hours{count};
    if (unit == "d" && count <= 36'500) return now - std::chrono::days{count};
  }
  return fail(ErrorCode::InvalidArgument,
              fmt::format("\"{}\" is no time; write 30m, 2h, 3d or 2026-11-23T20:55:10Z", from));
}

}  // namespace ds01::cli
