#include <algorithm>

#include <fmt/format.h>

#include "config/compile_parts.h"

namespace ds01::config {
namespace {

constexpr std::string_view kBlank = " \t\r\v\f";

struct Line {
  std::string_view text;  // without comment and surrounding blanks, not empty
  Position at;            // of its first character
};

// `text` must outlive the lines.
std::vector<Line> linesOf(std::string_view text) {
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  std::vector<Line> lines;
  for (int number = 1; !text.empty(); ++number) {
    const std::size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
    line = line.substr(0, line.find('#'));
    const std::size_t first = line.find_first_not_of(kBlank);
    if (first == std::string_view::npos) continue;
    const std::size_t last = line.find_last_not_of(kBlank);
    lines.push_back({line.substr(first, last - first + 1), {number, static_cast<int>(first) + 1}});
  }
  return lines;
}

std::string_view trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(kBlank);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

std::size_t rank(const Config& config, std::string_view group) {
  return static_cast<std::size_t>(std::ranges::find(config.groups, group, &Group::name) - config.groups.begin());
}

}  // namespace

void addMember(std::string_view login, const std::string& group, Position at, Config& config, Report& report) {
  Membership membership{group, {.file = report.sharedFile(), .line = at.line}};
  const auto [known, added] = config.members.emplace(login, membership);
  if (added) return;
  const std::string other = known->second.group;
  if (other == group) {
    report.warning(at, login, "is listed twice in this group");
    return;
  }
  if (rank(config, group) < rank(config, other)) known->second = std::move(membership);
  report.warning(at, login,
                 fmt::format("is listed in {} and in {}; the first in the file of limits, {}, holds", other, group,
                             known->second.group));
}

bool checkName(std::string_view name, std::string_view what, Position at, std::string_view key, Report& report) {
  const auto bad = std::ranges::find_if(name, [](char c) {
    return static_cast<unsigned char>(c) <= ' ' || c == 0x7f || c == '/' || c == '#' || c == ':';
  });
  if (!name.empty() && bad == name.end()) return true;
  report.error(at, key,
               name.empty() ? fmt::format("expected a {}, found nothing", what)
                            : fmt::format("expected one {}, without blanks, \"/\", \":\" or \"#\"", what));
  return false;
}

bool hasGroup(const Config& config, std::string_view name) {
  return rank(config, name) < config.groups.size();
}

void readMembers(const ListFile& file, Config& config, Report& report) {
  const bool archived = file.group == "archived";
  if (!archived && !hasGroup(config, file.group)) {
    report.error({}, file.group, "there is no group of this name in the file of limits");
    return;
  }
  for (const Line& line : linesOf(file.text)) {
    if (!checkName(line.text, "login per line", line.at, "", report)) continue;
    if (archived) {
      config.archived.emplace(line.text);
    } else {
      addMember(line.text, file.group, line.at, config, report);
    }
  }
}

void readGroupOverrides(const ListFile& file, Config& config, Report& report) {
  for (const Line& line : linesOf(file.text)) {
    const std::size_t colon = line.text.find(':');
    if (colon == std::string_view::npos) {
      report.error(line.at, "", fmt::format("expected LOGIN:GROUP, found \"{}\"", line.text));
      continue;
    }
    const std::string_view login = trimmed(line.text.substr(0, colon));
    const std::string_view rest = line.text.substr(colon + 1);
    const std::string_view group = trimmed(rest);
    const auto blanks = static_cast<std::size_t>(
        std::ranges::find_if_not(rest, [](char c) { return kBlank.contains(c); }) - rest.begin());
    const Position group_at{line.at.line, line.at.column + static_cast<int>(colon + 1 + blanks)};
    if (!checkName(login, "login", line.at, "", report)) continue;
    if (!checkName(group, "group", group_at, login, report)) continue;
    if (!hasGroup(config, group)) {
      report.error(group_at, login, fmt::format("there is no group {} in the file of limits", group));
    } else if (Membership membership{std::string(group), {.file = report.sharedFile(), .line = line.at.line}};
               !config.group_overrides.emplace(login, std::move(membership)).second) {
      report.error(line.at, login, "has a group in this file already; keep one line");
    }
  }
}

}  // namespace ds01::config
