#include "net/pace.h"

#include <algorithm>
#include <cmath>

namespace ds01::net {

namespace {

double faded(double count, Pace::Clock::duration passed) {
  return count * std::exp(-std::chrono::duration<double>(passed).count());
}

}  // namespace

Pace::Bucket& Pace::bucketOf(std::uint64_t key, Clock::time_point now) {
  Bucket& bucket = buckets_.try_emplace(key, Bucket{limits_.at_once, 0, now}).first->second;
  bucket.left = leftAt(bucket, now);
  bucket.recent = faded(bucket.recent, now - bucket.at);
  bucket.at = now;
  return bucket;
}

void Pace::count(std::uint64_t key, Clock::time_point now) {
  if (buckets_.size() > drop_above_) dropFull(now);
  bucketOf(key, now).recent += 1;
}

bool Pace::asksMore(std::uint64_t key, std::uint64_t other, Clock::time_point now) const {
  return recentOf(key, now) > recentOf(other, now);
}

Pace::Clock::duration Pace::admit(std::uint64_t key, bool hold, Clock::time_point now) {
  Bucket& bucket = bucketOf(key, now);
  if (bucket.left >= 1) {
    bucket.left -= 1;
    return {};
  }
  if (!hold) {
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

double Pace::recentOf(std::uint64_t key, Clock::time_point now) const {
  const auto found = buckets_.find(key);
  return found == buckets_.end() ? 0 : faded(found->second.recent, now - found->second.at);
}

void Pace::dropFull(Clock::time_point now) {
  std::erase_if(buckets_, [&](const auto& one) { return leftAt(one.second, now) >= limits_.at_once; });
  drop_above_ = std::max<std::size_t>(64, 2 * buckets_.size());
}

}  // namespace ds01::net
