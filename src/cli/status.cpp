#include "cli/status.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <set>

#include <fmt/format.h>

#include "cli/queue.h"
#include "cli/text.h"

namespace ds01::cli {
namespace {

using control::SlotState;

constexpr std::size_t kBarWidth = 10;

std::string heldBy(std::size_t slots, std::size_t users) {
  return fmt::format("{} held by {}", slots, counted(users, "user"));
}

// How much of the limit is held: full only when nothing is left, empty only when nothing is held.
Cell bar(const control::UserRow& user, const Paper& paper) {
  if (!user.limit || user.limit->micro <= 0) return {};
  const double share = std::clamp(user.gpueq.gpus() / user.limit->gpus(), 0.0, 1.0);
  auto filled = static_cast<std::size_t>(std::lround(share * static_cast<double>(kBarWidth)));
  if (user.gpueq.micro > 0) filled = std::max<std::size_t>(filled, 1);
  if (user.gpueq < *user.limit) filled = std::min(filled, kBarWidth - 1);
  std::string text;
  for (std::size_t i = 0; i < kBarWidth; ++i) {
    if (paper.unicode) {
      text += i < filled ? "█" : "░";
    } else {
      text += i < filled ? '#' : '.';
    }
  }
  return {text, filled == kBarWidth ? Tone::Held : Tone::Free};
}

std::string ofLimit(const control::UserRow& user) {
  return fmt::format("{} / {}", shortGpus(user.gpueq), user.limit ? shortGpus(*user.limit) : "no limit");
}

std::string gpuTable(const std::vector<control::GpuRow>& gpus, const Paper& paper) {
  Table table({{.title = "GPU"},
               {.title = "SLOT"},
               {.title = "PROFILE"},
               {.title = "STATE"},
               {.title = "USER", .min_width = 12},
               {.title = "CONTAINER", .min_width = 10},
               {.title = "UNTIL"},
               {.title = "SINCE"},
               {.title = ""}});
  const control::GpuRow* before = nullptr;
  for (const control::GpuRow& row : gpus) {
    std::vector<Cell> cells{gpuGroup(row, before), row.slot,
                            row.profile,           stateCell(row.state, paper),
                            row.user.value_or(""), row.container.value_or("")};
    cells.emplace_back(row.until ? "stopped, " + duration(*row.until - paper.now) + " left" : "");
    if (row.since) {
      cells.emplace_back(ago(*row.since, paper.now));
      if (paper.wide()) cells.emplace_back(localTime(*row.since, paper), Tone::Soft);
    }
    table.add(std::move(cells));
    before = &row;
  }
  return table.render(paper);
}

std::string userTable(std::vector<control::UserRow> users, const Paper& paper) {
  std::stable_sort(users.begin(), users.end(), [](const auto& a, const auto& b) { return a.gpueq > b.gpueq; });
  Table table({{.title = "USER", .min_width = 12},
               {.title = "GROUP", .min_width = 8},
               {.title = "CONTAINERS", .right = true},
               {.title = "GPUS"},
               {.title = ""}});
  for (const control::UserRow& user : users) {
    table.add({user.user, user.group, std::to_string(user.containers), ofLimit(user), bar(user, paper)});
  }
  return table.render(paper);
}

// What went wrong since the daemon started; nothing if nothing did.
std::string failuresText(const control::StatusSnapshot& snapshot, const Paper& paper) {
  struct Failure {
    std::string_view counter;
    std::string_view sentence;
  };
  static constexpr std::array kFailures{Failure{"unanswered_engine", "the Docker Engine did not answer"},
                                        Failure{"unanswered_user_database", "the user database did not answer"},
                                        Failure{"unanswered_gpu_driver", "the NVIDIA driver did not answer"},
                                        Failure{"unanswered_file_system", "the file system of a bind did not answer"},
                                        Failure{"unwritten_state", "the ledger could not be written to disk"},
                                        Failure{"unwritten_events", "an event could not be written to disk"},
                                        Failure{"unwritten_owners", "container-owners.json could not be written"},
                                        Failure{"invariants_broken", "the ledger contradicted itself"}};
  std::string text;
  for (const auto& [counter, sentence] : kFailures) {
    const auto found = snapshot.counters.find(std::string(counter));
    if (found == snapshot.counters.end() || found->second <= 0) continue;
    text +=
        toned(fmt::format("{} since the start: {}", counted(static_cast<std::size_t>(found->second), "time"), sentence),
              Tone::Bad, paper) +
        "\n";
  }
  return text.empty() ? text : "\n" + text;
}

}  // namespace

std::string gpuGroup(const control::GpuRow& row, const control::GpuRow* before) {
  if (before != nullptr && before->gpu == row.gpu) return {};
  return row.gpu ? std::to_string(*row.gpu) : "?";
}

Cell stateCell(SlotState state, const Paper& paper) {
  struct Look {
    std::string_view dot;
    Tone tone;
  };
  const Look look = [state]() -> Look {
    switch (state) {
      case SlotState::Free:
        return {"○ ", Tone::Free};
      case SlotState::Reserved:
        return {"◐ ", Tone::Busy};
      case SlotState::Held:
        return {"● ", Tone::Held};
      case SlotState::Foreign:
      case SlotState::Stale:
      case SlotState::Sick:
        break;
    }
    return {"✕ ", Tone::Bad};
  }();
  return {fmt::format("{}{}", paper.unicode ? look.dot : "", control::toString(state)), look.tone};
}

std::string summary(const control::StatusSnapshot& snapshot) {
  const std::string problem =
      snapshot.gpu_problem ? fmt::format("No GPU can be given now: {}.", *snapshot.gpu_problem) : std::string{};
  if (snapshot.gpus.empty()) return problem.empty() ? "This machine has no GPUs to share." : problem;
  std::set<std::int32_t> gpus;
  std::set<std::string> holders;
  std::map<SlotState, std::size_t> slots;
  for (const control::GpuRow& row : snapshot.gpus) {
    if (row.gpu) gpus.insert(*row.gpu);
    if (row.state == SlotState::Held && row.user) holders.insert(*row.user);
    ++slots[row.state];
  }
  std::string text = fmt::format("{}, {}: ", counted(gpus.size(), "GPU"), counted(snapshot.gpus.size(), "slot"));
  const std::size_t free = slots[SlotState::Free];
  if (free == snapshot.gpus.size()) {
    text += "all free";
  } else {
    text += free == 0 ? "none free" : fmt::format("{} free", free);
  }
  if (slots[SlotState::Held] > 0) text += ", " + heldBy(slots[SlotState::Held], holders.size());
  for (const SlotState state : {SlotState::Reserved, SlotState::Foreign, SlotState::Stale, SlotState::Sick}) {
    if (slots[state] > 0) text += fmt::format(", {} {}", slots[state], control::toString(state));
  }
  if (!snapshot.queue.empty()) text += fmt::format("; {} waiting", snapshot.queue.size());
  if (!problem.empty()) text += "\n" + problem;
  return text;
}

std::string statusText(const control::StatusSnapshot& snapshot, const Paper& paper) {
  std::string text = summary(snapshot) + "\n";
  for (const control::GpuRow& row : snapshot.gpus) {
    if (row.problem) text += fmt::format("Slot {} is sick: {}.\n", row.slot, *row.problem);
  }
  if (!snapshot.gpus.empty()) text += "\n" + gpuTable(snapshot.gpus, paper);
  if (!snapshot.users.empty()) text += "\n" + userTable(snapshot.users, paper);
  if (!snapshot.queue.empty()) text += "\n" + queueTable(snapshot.queue, false, paper);
  return text + failuresText(snapshot, paper);
}

}  // namespace ds01::cli
