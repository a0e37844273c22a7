// How fast one key (a uid) may ask while others wait for answers: a flood of one user takes turns in order (turns.h),
// but each of its requests still costs processors, which the others' work then lacks. Pure: time comes in.
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

  // Counts a request; for how long it must wait, in order of asking. `beside_others`: somebody else is being answered.
  // `now` never goes back.
  Clock::duration admit(std::uint64_t key, bool beside_others, Clock::time_point now);

  std::size_t keys() const { return buckets_.size(); }

 private:
  struct Bucket {
    double left = 0;  // negative: so many wait
    Clock::time_point at;
  };

  void dropFull(Clock::time_point now);
  double leftAt(const Bucket& bucket, Clock::time_point now) const;

  Limits limits_;
  std::size_t drop_above_ = 64;
  std::unordered_map<std::uint64_t, Bucket> buckets_;
};

}  // namespace ds01::net
