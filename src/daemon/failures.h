// What could not be asked: counted, and said in the log at most once a minute for each, so that whoever can cause it
// can not fill the disk with it. Any thread.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>

#include "base/clock.h"

namespace ds01::daemon {

enum class Dependency {
  Engine,        // the Docker Engine
  UserDatabase,  // NSS
  FileSystem,    // of bind sources
  StateFile,     // gpu-state.json
  EventLog,      // events.jsonl
  GpuDriver,     // NVIDIA's; times at which the inventory became stale
  Policy,        // the policy server
  OwnersFile,    // container-owners.json
};
inline constexpr std::size_t kDependencies = 8;

class Failures {
 public:
  explicit Failures(const Clock& clock) : clock_(clock) {}  // outlives this

  void note(Dependency what, std::string_view why, std::uint64_t times = 1);

  // By the names under which `ds01 status` shows them: "unanswered_engine", …; all of them, also those at zero.
  std::map<std::string, std::int64_t> counters() const;

 private:
  struct Tally {
    std::uint64_t times = 0;
    std::uint64_t unsaid = 0;  // of these, since the last line in the log
    TimePoint said;            // meaningful if times > 0
  };

  const Clock& clock_;
  mutable std::mutex mutex_;
  std::array<Tally, kDependencies> tallies_;
};

}  // namespace ds01::daemon
