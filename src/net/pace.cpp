#include "net/pace.h"

#include <algorithm>
#include <cmath>

namespace ds01::net {

Pace::Clock::duration Pace::admit(std::uint64_t key, Clock::time_point now) {
  if (buckets_.size() > drop_above_) dropFull(now);
  Bucket& bucket = buckets_.try_emplace(key, Bucket{limits_.at_once, 0, now}).first->second;
  bucket.left = leftAt(bucket, now);
  bucket.recent = recentAt(bucket, now) + 1;
  bucket.at = now;
  const bool unfair = somebodyAsksLess(key, bucket.recent, now);
  if (bucket.left >= 1) {
    bucket.left -= 1;
    return {};
  }
  if (!unfair) {
    bucket.left = std::min(bucket.left, 0.0);
    return {};
  }
  bucket.left -= 1;
  const std::chrono::duration<double> wait(-bucket.left / limits_.per_second);
  return std::chrono::duration_cast<Clock::duration>(wait);
}

// Of the others the one who asked last stands for all.
bool Pace::somebodyAsksLess(std::uint64_t key, double recent, Clock::time_point now) {
  if (!latest_.ever || latest_.key != key) latest_of_others_ = latest_;
  latest_ = {key, now, true};
  if (!latest_of_others_.ever || now - latest_of_others_.at > limits_.together) return false;
  const auto other = buckets_.find(latest_of_others_.key);
  return other == buckets_.end() || recentAt(other->second, now) < recent;
}

double Pace::recentAt(const Bucket& bucket, Clock::time_point now) {
  const std::chrono::duration<double> passed = now - bucket.at;
  return bucket.recent * std::exp(-passed.count());
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
