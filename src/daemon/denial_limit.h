// Refusals on their way to the log: so many of one user a minute, then only how many there were, so that nobody can
// fill the disk with what he is not allowed. What is refused is refused all the same. I/O thread only.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "base/clock.h"
#include "events/event.h"

namespace ds01::daemon {

inline constexpr std::uint64_t kRecordedDenialsPerMinute = 600;

class DenialLimit final : public events::EventSink {
 public:
  // Both must outlive this.
  DenialLimit(events::EventSink& log, const Clock& clock, std::uint64_t per_minute = kRecordedDenialsPerMinute)
      : log_(log), clock_(clock), per_minute_(per_minute) {}
  DenialLimit(const DenialLimit&) = delete;
  DenialLimit& operator=(const DenialLimit&) = delete;
  ~DenialLimit() override { tellSuppressed(); }

  // "auth.denied" and "auth.would_deny" beyond the limit is left out, and told as "auth.suppressed" {"count"} with the
  // first event of a later minute, or at the end. Whoever was not identified counts as one user.
  void emit(events::Event event) override;

 private:
  void tellSuppressed();

  events::EventSink& log_;
  const Clock& clock_;
  const std::uint64_t per_minute_;
  TimePoint minute_{};                            // when it began
  std::map<std::string, std::uint64_t> denials_;  // in this minute, by user
};

}  // namespace ds01::daemon
