// How fast one key (a uid) may ask beside others who ask less: a flood of one user takes turns in order (turns.h), but
// each of its requests still costs processors, which the others' work then lacks. Pure: time comes in.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <unordered_map>

namespace ds01::net {

class Pace {
 public:
  using Clock = std::chrono::steady_clock;

  struct Limits {
    double per_second = 500;
    double at_once = 1000;  // before that counts, after a pause
  };

  explicit Pace(const Limits& limits) : limits_(limits) {}

  // Counts a request. `now` never goes back.
  void count(std::uint64_t key, Clock::time_point now);
  // `key` has asked more than `other` of late.
  bool asksMore(std::uint64_t key, std::uint64_t other, Clock::time_point now) const;
  // For how long the request that has been counted must wait, in order of asking. `hold`: it is one of somebody who
  // asks more than another who is being answered.
  Clock::duration admit(std::uint64_t key, bool hold, Clock::time_point now);

  std::size_t keys() const { return buckets_.size(); }

 private:
  struct Bucket {
    double left = 0;    // negative: so many wait
    double recent = 0;  // requests, of which those a second ago count for a third
    Clock::time_point at;
  };

  void dropFull(Clock::time_point now);
  Bucket& bucketOf(std::uint64_t key, Clock::time_point now);
  double leftAt(const Bucket& bucket, Clock::time_point now) const;
  double recentOf(std::uint64_t key, Clock::time_point now) const;

  Limits limits_;
  std::size_t drop_above_ = 64;
  std::unordered_map<std::uint64_t, Bucket> buckets_;
};

}  // namespace ds01::net
