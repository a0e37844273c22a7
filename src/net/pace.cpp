#include "net/pace.h"

#include <algorithm>

namespace ds01::net {

Pace::Clock::duration Pace::admit(std::uint64_t key, bool beside_others, Clock::time_point now) {
  if (buckets_.size() > drop_above_) dropFull(now);
  Bucket& bucket = buckets_.try_emplace(key, Bucket{limits_.at_once, now}).first->second;
  bucket.left = leftAt(bucket, now);
  bucket.at = now;
  if (bucket.left >= 1) {
    bucket.left -= 1;
    return {};
  }
  if (!beside_others) {
    bucket.left = std::min(bucket.left, 0.0);
    return {};
  }
  bucket.left -= 1;
  const std::chrono::duration<double> wait(-bucket.left / limits_.per_second);
  return std::chrono::duration_cast<Clock::duration>(wait);
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
