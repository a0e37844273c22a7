#include "net/pace.h"

#include <algorithm>

namespace ds01::net {

Pace::Clock::duration Pace::admit(std::uint64_t key, Clock::time_point now) {
  if (buckets_.size() > drop_above_) dropFull(now);
  const bool together = othersAsk(key, now);
  Bucket& bucket = buckets_.try_emplace(key, Bucket{limits_.at_once, now}).first->second;
  bucket.left = leftAt(bucket, now);
  bucket.at = now;
  if (bucket.left >= 1) {
    bucket.left -= 1;
    return {};
  }
  if (!together) {
    bucket.left = std::min(bucket.left, 0.0);
    return {};
  }
  bucket.left -= 1;
  const std::chrono::duration<double> wait(-bucket.left / limits_.per_second);
  return std::chrono::duration_cast<Clock::duration>(wait);
}

bool Pace::othersAsk(std::uint64_t key, Clock::time_point now) {
  if (!latest_.ever || latest_.key != key) latest_of_others_ = latest_;
  latest_ = {key, now, true};
  return latest_of_others_.ever && now - latest_of_others_.at <= limits_.together;
}

double Pace::leftAt(const Bucket& bucket, Clock::time_point now) const {
  const std::chrono::duration<double> passed = now - bucket.at;
  return std::min(limits_.at_once, bucket.left + passed.count() * limits_.per_second);
}

void Pace::dropFull(Clock::time_point now) {
  std::erase_if(buckets_, [&](const auto& one) { return leftAt(one.second, now) >= limits_.at_once; });
  drop_above_ = std::max<std::size_t>(64, 2 * buckets_.size());
}

}  // namespace ds01::net
