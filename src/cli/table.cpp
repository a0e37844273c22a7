#include "cli/table.h"

#include <algorithm>
#include <optional>

namespace ds01::cli {
namespace {

constexpr std::size_t kGap = 2;

std::string_view escapeFor(Tone tone) {
  switch (tone) {
    case Tone::Plain:
      return "";
    case Tone::Head:
      return "\x1b[1m";
    case Tone::Free:
      return "\x1b[32m";
    case Tone::Held:
      return "\x1b[33m";
    case Tone::Busy:
      return "\x1b[36m";
    case Tone::Bad:
      return "\x1b[31m";
    case Tone::Soft:
      return "\x1b[2m";
  }
  return "";
}

}  // namespace

std::string toned(std::string_view text, Tone tone, const Paper& paper) {
  const std::string_view escape = escapeFor(tone);
  if (!paper.colour || escape.empty() || text.empty()) return std::string(text);
  return std::string(escape) + std::string(text) + "\x1b[0m";
}

void Table::add(std::vector<Cell> row) {
  row.resize(columns_.size());
  rows_.push_back(std::move(row));
}

Table::Layout Table::layout(const Paper& paper) const {
  Layout result;
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    std::size_t width = 0;
    for (const auto& row : rows_) width = std::max(width, displayWidth(row[i].text));
    if (width == 0) continue;
    result.shown.push_back(i);
    result.widths.push_back(std::max(width, displayWidth(columns_[i].title)));
  }
  if (paper.width == 0 || result.shown.empty()) return result;

  const auto widthOf = [](const Layout& plan, auto width_of_column) {
    std::size_t sum = kGap * (plan.shown.size() - 1);
    for (std::size_t i = 0; i < plan.shown.size(); ++i) sum += width_of_column(i);
    return sum;
  };
  const auto least = [&](std::size_t i) {
    const std::size_t min = columns_[result.shown[i]].min_width;
    return min == 0 ? result.widths[i] : std::min(min, result.widths[i]);
  };
  while (widthOf(result, least) > paper.width) {
    const auto last = std::find_if(result.shown.rbegin(), result.shown.rend(),
                                   [&](std::size_t column) { return columns_[column].optional; });
    if (last == result.shown.rend()) break;
    const auto at = std::distance(last, result.shown.rend()) - 1;
    result.shown.erase(result.shown.begin() + at);
    result.widths.erase(result.widths.begin() + at);
  }

  // The widest column that may shrink gives one at a time, until the row fits or nothing is left to give.
  auto total = widthOf(result, [&](std::size_t i) { return result.widths[i]; });
  for (; total > paper.width; --total) {
    std::optional<std::size_t> widest;
    for (std::size_t i = 0; i < result.shown.size(); ++i) {
      if (result.widths[i] <= least(i)) continue;
      if (!widest || result.widths[i] > result.widths[*widest]) widest = i;
    }
    if (!widest) break;
    --result.widths[*widest];
  }
  return result;
}

std::string Table::render(const Paper& paper) const {
  const Layout plan = layout(paper);
  const std::string_view mark = paper.unicode ? "…" : "~";
  std::string out;
  const auto line = [&](const auto& cell_of) {
    std::size_t blanks = 0;  // written only before the next text, so that no line ends in blanks
    for (std::size_t i = 0; i < plan.shown.size(); ++i) {
      const Cell cell = cell_of(plan.shown[i]);
      const std::string text = cutTo(cell.text, plan.widths[i], mark);
      const std::size_t rest = plan.widths[i] - displayWidth(text);
      const bool right = columns_[plan.shown[i]].right;
      if (!text.empty()) {
        out.append(blanks + (right ? rest : 0), ' ');
        out += toned(text, cell.tone, paper);
        blanks = right ? 0 : rest;
      } else {
        blanks += rest;
      }
      blanks += kGap;
    }
    out += '\n';
  };
  line([&](std::size_t i) { return Cell(columns_[i].title, Tone::Head); });
  for (const auto& row : rows_) {
    line([&](std::size_t i) { return row[i]; });
  }
  return out;
}

}  // namespace ds01::cli
