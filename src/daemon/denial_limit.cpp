#include "daemon/denial_limit.h"

#include <utility>

namespace ds01::daemon {

void DenialLimit::emit(events::Event event) {
  const TimePoint now = clock_.now();
  // A clock that went back begins a minute too.
  if (now < minute_ || now - minute_ >= std::chrono::minutes(1)) {
    tellSuppressed();
    minute_ = now;
  }
  const bool counted = event.type == "auth.denied" || event.type == "auth.would_deny";
  if (counted && ++denials_[event.user] > per_minute_) return;
  log_.emit(std::move(event));
}

void DenialLimit::tellSuppressed() {
  for (const auto& [user, denials] : std::exchange(denials_, {})) {
    if (denials <= per_minute_) continue;
    log_.emit({.type = "auth.suppressed", .user = user, .details = {{"count", denials - per_minute_}}});
  }
}

}  // namespace ds01::daemon
