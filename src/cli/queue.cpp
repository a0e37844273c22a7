#include "cli/queue.h"

#include <algorithm>
#include <cstddef>
#include <utility>

#include <boost/json/array.hpp>
#include <fmt/format.h>

#include "cli/table.h"
#include "cli/text.h"
#include "control/codec.h"

namespace ds01::cli {

std::string queueTable(std::vector<control::QueueRow> queue, bool with_reasons, const Paper& paper) {
  std::stable_sort(queue.begin(), queue.end(), [](const auto& a, const auto& b) { return a.place < b.place; });
  std::vector<Column> columns{{.title = "PLACE", .right = true},
                              {.title = "WAITING", .min_width = 12},
                              {.title = "FOR"},
                              {.title = "SINCE"},
                              {.title = ""}};
  if (with_reasons) columns.push_back({.title = "WHY", .min_width = 16});
  Table table(std::move(columns));
  for (const control::QueueRow& row : queue) {
    std::vector<Cell> cells{std::to_string(row.place), row.user,
                            counted(static_cast<std::size_t>(std::max<std::int64_t>(0, row.slots)), "GPU"),
                            ago(row.since, paper.now)};
    if (paper.wide()) {
      cells.emplace_back(localTime(row.since, paper), Tone::Soft);
    } else if (with_reasons) {
      cells.emplace_back("");
    }
    if (with_reasons) cells.emplace_back(row.reason);
    table.add(std::move(cells));
  }
  return table.render(paper);
}

std::string queueText(const control::StatusSnapshot& snapshot, const Paper& paper) {
  if (snapshot.queue.empty()) return "Nobody waits for a GPU.\n";
  return queueTable(snapshot.queue, true, paper);
}

boost::json::object queueJson(const control::StatusSnapshot& snapshot) {
  boost::json::array rows;
  for (const control::QueueRow& row : snapshot.queue) rows.push_back(control::toJson(row));
  return {{"api", control::kApiVersion}, {"queue", std::move(rows)}};
}

}  // namespace ds01::cli
