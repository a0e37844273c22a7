#include "daemon/failures.h"

#include <utility>

#include <spdlog/spdlog.h>

namespace ds01::daemon {
namespace {

constexpr std::chrono::seconds kPause{60};

struct Names {
  std::string_view counter;
  std::string_view sentence;
};

constexpr std::array<Names, kDependencies> kNames{{{"unanswered_engine", "the Docker Engine did not answer"},
                                                   {"unanswered_user_database", "the user database did not answer"},
                                                   {"unanswered_file_system", "a bind source could not be looked at"},
                                                   {"unwritten_state", "gpu-state.json could not be written"},
                                                   {"unwritten_events", "events.jsonl could not be written"},
                                                   {"unanswered_gpu_driver", "the NVIDIA driver did not answer"},
                                                   {"unanswered_policy", "the policy server could not be asked"},
                                                   {"unwritten_owners", "container-owners.json could not be written"}}};

}  // namespace

void Failures::note(Dependency what, std::string_view why, std::uint64_t times) {
  const auto index = static_cast<std::size_t>(what);
  std::uint64_t unsaid = 0;
  {
    const std::lock_guard lock(mutex_);
    Tally& tally = tallies_.at(index);
    const TimePoint now = clock_.now();
    const bool first = tally.times == 0;
    tally.times += times;
    tally.unsaid += times;
    // A clock that went back says so at once.
    if (!first && now >= tally.said && now - tally.said < kPause) return;
    tally.said = now;
    unsaid = std::exchange(tally.unsaid, 0);
  }
  const Names& names = kNames.at(index);
  if (unsaid == 1) {
    spdlog::warn("{}: {}", names.sentence, why);
  } else {
    spdlog::warn("{}: {} ({} times since the last such line)", names.sentence, why, unsaid);
  }
}

std::map<std::string, std::int64_t> Failures::counters() const {
  std::map<std::string, std::int64_t> counters;
  const std::lock_guard lock(mutex_);
  for (std::size_t i = 0; i < kDependencies; ++i) {
    counters[std::string(kNames.at(i).counter)] = static_cast<std::int64_t>(tallies_.at(i).times);
  }
  return counters;
}

}  // namespace ds01::daemon
