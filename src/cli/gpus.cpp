#include "cli/gpus.h"

#include <cstdint>

#include <boost/json/array.hpp>
#include <fmt/format.h>

#include "base/units.h"
#include "cli/status.h"
#include "cli/table.h"
#include "cli/text.h"
#include "control/codec.h"

namespace ds01::cli {
namespace {

// In tenths of a GiB: MIG instances are never a round number of MiB.
std::string gibibytes(std::int64_t mib) {
  const std::int64_t tenths = (mib * 10 + 512) / 1024;
  return tenths % 10 == 0 ? fmt::format("{} GiB", tenths / 10) : fmt::format("{}.{} GiB", tenths / 10, tenths % 10);
}

}  // namespace

std::string gpusText(const control::StatusSnapshot& snapshot, const Paper& paper) {
  if (snapshot.gpus.empty()) return summary(snapshot) + "\n";
  Table table({{.title = "GPU"},
               {.title = "MODEL", .min_width = 10},
               {.title = "SLOT"},
               {.title = "PROFILE"},
               {.title = "MEMORY", .right = true},
               {.title = "SHARE", .right = true},
               {.title = "STATE"},
               {.title = "UUID", .min_width = 12}});
  const control::GpuRow* before = nullptr;
  for (const control::GpuRow& row : snapshot.gpus) {
    const std::string group = gpuGroup(row, before);
    const std::string memory = row.memory_mib ? gibibytes(*row.memory_mib) : "";
    table.add({group,
               group.empty() ? "" : shortModel(row.model),
               row.slot,
               row.profile,
               memory,
               toString(row.gpueq),
               stateCell(row.state, paper),
               {row.uuid, Tone::Soft}});
    before = &row;
  }
  return table.render(paper);
}

boost::json::object gpusJson(const control::StatusSnapshot& snapshot) {
  boost::json::array rows;
  for (const control::GpuRow& row : snapshot.gpus) rows.push_back(control::toJson(row));
  return {{"api", control::kApiVersion}, {"gpus", std::move(rows)}};
}

}  // namespace ds01::cli
