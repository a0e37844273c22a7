#include "control/types.h"

#include <array>
#include <utility>

namespace ds01::control {
namespace {

constexpr std::array<std::pair<SlotState, std::string_view>, 6> kStates{{{SlotState::Free, "free"},
                                                                         {SlotState::Reserved, "reserved"},
                                                                         {SlotState::Held, "held"},
                                                                         {SlotState::Foreign, "foreign"},
                                                                         {SlotState::Stale, "stale"},
                                                                         {SlotState::Sick, "sick"}}};

bool owns(const std::string& login, const std::optional<std::string>& user) {
  return !login.empty() && user && *user == login;
}

}  // namespace

std::string_view toString(SlotState state) {
  for (const auto& [value, text] : kStates) {
    if (value == state) return text;
  }
  return "unknown";
}

std::optional<SlotState> parseSlotState(std::string_view text) {
  for (const auto& [value, name] : kStates) {
    if (name == text) return value;
  }
  return std::nullopt;
}

StatusSnapshot visibleTo(StatusSnapshot snapshot, const std::string& login, bool admin) {
  if (admin) return snapshot;
  for (GpuRow& row : snapshot.gpus) {
    if (owns(login, row.user)) continue;
    row.container.reset();
    row.container_id.reset();
  }
  return snapshot;
}

ContainerList visibleTo(std::vector<ContainerRow> containers, const std::string& login, bool admin) {
  if (!admin) {
    std::erase_if(containers, [&](const ContainerRow& row) { return !owns(login, row.user); });
  }
  return {.all = admin, .containers = std::move(containers)};
}

}  // namespace ds01::control
