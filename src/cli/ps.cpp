#include "cli/ps.h"

#include <algorithm>

#include <fmt/format.h>

#include "cli/table.h"
#include "cli/text.h"

namespace ds01::cli {
namespace {

constexpr std::size_t kShortId = 12;  // as docker ps shows it

Tone toneOf(const std::string& state) {
  if (state == "running") return Tone::Free;
  return state == "dead" ? Tone::Bad : Tone::Soft;
}

// "(bob)": it seems to be bob's, and is the administrators'.
std::string userOf(const control::ContainerRow& row) {
  if (row.user) return *row.user;
  return row.tracked_user ? fmt::format("({})", *row.tracked_user) : "-";
}

std::string sum(const control::ContainerList& list) {
  const auto with_gpu = static_cast<std::size_t>(
      std::count_if(list.containers.begin(), list.containers.end(), [](const auto& row) { return !row.gpus.empty(); }));
  std::string text = counted(list.containers.size(), "container");
  if (with_gpu == 0) return text + ", none holds a GPU";
  GpuEq total;
  for (const control::ContainerRow& row : list.containers) total += row.gpueq;
  return text + fmt::format(", {} with GPUs ({} in all)", with_gpu, shortGpus(total));
}

}  // namespace

std::string psText(const control::ContainerList& list, const Paper& paper) {
  if (list.containers.empty()) return list.all ? "There are no containers.\n" : "You have no containers.\n";
  Table table({{.title = "ID"},
               {.title = "NAME", .min_width = 10},
               {.title = "USER", .min_width = 10},
               {.title = "IMAGE", .min_width = 10},
               {.title = "TYPE", .optional = true},
               {.title = "STATE"},
               {.title = "GPUS"},
               {.title = "SHARE", .right = true, .optional = true},
               {.title = "CREATED"},
               {.title = ""}});
  for (const control::ContainerRow& row : list.containers) {
    const std::string state = row.state.value_or("");
    std::vector<Cell> cells{row.id.substr(0, kShortId),
                            row.name,
                            list.all ? userOf(row) : "",
                            row.image,
                            row.type.value_or(""),
                            {state, toneOf(state)},
                            fmt::format("{}", fmt::join(row.gpus, ",")),
                            row.gpus.empty() ? "" : shortGpus(row.gpueq)};
    if (row.created) {
      cells.emplace_back(ago(*row.created, paper.now));
      if (paper.wide()) cells.emplace_back(localTime(*row.created, paper), Tone::Soft);
    }
    table.add(std::move(cells));
  }
  return sum(list) + "\n\n" + table.render(paper);
}

}  // namespace ds01::cli
