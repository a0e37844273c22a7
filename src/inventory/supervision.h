// When the process that reads the driver is started, when it is killed, and when what it last said is too old to give
// GPUs away by. Decides only: whoever starts and kills tells it what happened and when.
//
//   waiting ── started() ──▶ running ── ended() ──▶ waiting, longer each time
//                              │ nothing heard for too long
//                              ▼
//                           killed ── ended() ──▶ waiting     (a process stuck in the driver may never end: it is not
//                                                              joined by a second one)
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "base/clock.h"

namespace ds01::inventory {

struct SupervisionRules {
  // Of silence after which the process counts as hung, and its last word as too old. It speaks after each reading.
  std::chrono::milliseconds silence{30'000};
  // Between the end of a process and the start of the next: the first, doubled each time up to the longest. From the
  // first again after a process that has worked for `steady`, and never so long after one that has read the driver that
  // its last word would grow old meanwhile.
  std::chrono::milliseconds first_pause{500};
  std::chrono::milliseconds longest_pause{30'000};
  std::chrono::milliseconds steady{60'000};
};

class Supervision {
 public:
  Supervision(SupervisionRules rules, TimePoint now);

  void started(TimePoint now);
  // It has read the driver; what it said last is true.
  void confirmed(TimePoint now);
  // It could not read the driver; `why` is a sentence's end ("the NVIDIA driver cannot be read: …").
  void failed(TimePoint now, std::string why);
  // The process is gone; returns how long to wait before the next start.
  std::chrono::milliseconds ended(TimePoint now);

  // True once for each process: it is to be killed now.
  bool mustKill(TimePoint now);
  // Why nothing may be given away by what was last said; empty: it is true.
  const std::string& staleReason(TimePoint now);
  // When mustKill() or staleReason() may next change by time alone.
  std::optional<TimePoint> deadline() const;

 private:
  enum class State { Waiting, Running, Killed };

  SupervisionRules rules_;
  State state_ = State::Waiting;
  TimePoint started_;
  TimePoint spoke_;                     // start or last word of the process that runs
  std::optional<TimePoint> confirmed_;  // unset: never, or failed since
  std::chrono::milliseconds pause_;
  std::string stale_;
};

}  // namespace ds01::inventory
