#include "cli/table.h"

#include <algorithm>
#include <numeric>
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

  // The widest column that may shrink gives one at a time, until the row fits or nothing is left to give.
  auto total = std::accumulate(result.widths.begin(), result.widths.end(), kGap * (result.shown.size() - 1));
  for (; total > paper.width; --total) {
    std::optional<std::size_t> widest;
    for (std::size_t i = 0; i < result.shown.size(); ++i) {
      const std::size_t least = columns_[result.shown[i]].min_width;
      if (least == 0 || result.widths[i] <= least) continue;
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
