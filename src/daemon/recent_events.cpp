#include "daemon/recent_events.h"

#include <algorithm>

namespace ds01::daemon {

void RecentEvents::emit(events::Event event) {
  if (event.at == TimePoint{}) event.at = clock_.now();  // the log must write the same line
  lines_.push_back(events::encode(event));
  if (lines_.size() > most_) {
    lines_.pop_front();
    ++first_;
  }
  log_.emit(std::move(event));
  std::erase_if(followers_, [](const std::weak_ptr<net::HttpBody>& weak) {
    const std::shared_ptr<net::HttpBody> follower = weak.lock();
    if (follower) follower->wake();
    return !follower;
  });
}

std::vector<std::string> RecentEvents::linesFrom(std::uint64_t number) const {
  if (number >= next()) return {};
  const std::uint64_t skip = number > first_ ? number - first_ : 0;
  return {lines_.begin() + static_cast<std::ptrdiff_t>(skip), lines_.end()};
}

}  // namespace ds01::daemon
