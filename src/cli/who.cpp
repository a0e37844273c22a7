#include "cli/who.h"

#include <algorithm>

#include <boost/json/array.hpp>
#include <fmt/format.h>

#include "cli/status.h"
#include "cli/table.h"
#include "cli/text.h"
#include "control/codec.h"

namespace ds01::cli {
namespace {

std::string slotNames(const control::StatusSnapshot& snapshot) {
  std::vector<std::string_view> names;
  for (const control::GpuRow& row : snapshot.gpus) names.emplace_back(row.slot);
  return fmt::format("{}", fmt::join(names, ", "));
}

// A driver that reports errors is worth showing even when nobody is there.
bool worthShowing(const control::GpuRow& row) {
  return row.state != control::SlotState::Free;
}

std::string nobody(const std::vector<control::GpuRow>& rows, std::string_view place) {
  if (rows.empty()) return "This machine has no GPUs to share.\n";
  if (place.empty()) return "Nobody is on any GPU.\n";
  if (rows.size() > 1) {
    return fmt::format("Nobody is on GPU {}: its {} are free.\n", place, counted(rows.size(), "slot"));
  }
  const bool whole = rows.front().profile == "full";
  return fmt::format("Nobody is on {} {}.\n", whole ? "GPU" : "slot", printable(rows.front().slot));
}

}  // namespace

Result<std::vector<control::GpuRow>> slotsAt(const control::StatusSnapshot& snapshot, std::string_view place) {
  if (place.empty()) return snapshot.gpus;
  std::string slot(place);
  std::replace(slot.begin(), slot.end(), '.', ':');
  std::vector<control::GpuRow> rows;
  for (const control::GpuRow& row : snapshot.gpus) {
    const bool index = row.gpu && place == std::to_string(*row.gpu);
    if (index || row.slot == slot || row.uuid == place) rows.push_back(row);
  }
  if (!rows.empty()) return rows;
  if (snapshot.gpus.empty()) return fail(ErrorCode::NotFound, "this machine has no GPUs to share");
  return fail(ErrorCode::NotFound,
              fmt::format("there is no GPU or slot \"{}\"; there are {}", place, slotNames(snapshot)));
}

std::string whoText(const std::vector<control::GpuRow>& rows, std::string_view place, const Paper& paper) {
  if (std::none_of(rows.begin(), rows.end(), worthShowing)) return nobody(rows, place);
  Table table({{.title = "SLOT"},
               {.title = "MODEL", .min_width = 10},
               {.title = "PROFILE"},
               {.title = "STATE"},
               {.title = "USER", .min_width = 12},
               {.title = "SINCE"},
               {.title = ""},
               {.title = "CONTAINER", .min_width = 10}});
  for (const control::GpuRow& row : rows) {
    if (place.empty() && !worthShowing(row)) continue;
    table.add({row.slot,
               shortModel(row.model),
               row.profile,
               stateCell(row.state, paper),
               row.user.value_or(""),
               row.since ? ago(*row.since, paper.now) : "",
               {row.since && paper.wide() ? localTime(*row.since, paper) : "", Tone::Soft},
               row.container.value_or("")});
  }
  return table.render(paper);
}

boost::json::object whoJson(const std::vector<control::GpuRow>& rows) {
  boost::json::array slots;
  for (const control::GpuRow& row : rows) {
    const boost::json::object whole = control::toJson(row);
    boost::json::object slot;
    for (const std::string_view key : {"slot", "uuid", "model", "state", "user", "since", "container"}) {
      slot.emplace(key, whole.at(key));
    }
    slots.push_back(std::move(slot));
  }
  return {{"api", control::kApiVersion}, {"slots", std::move(slots)}};
}

}  // namespace ds01::cli
