// How fast one key (a uid) may ask while others ask less: a flood of one user takes turns in order (turns.h), but each
// of its requests still costs processors, which others' work then waits for. Alone, nobody is held up, nor beside
// somebody who asks more. Pure: time comes in.
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
    double at_once = 1000;                     // before that counts, after a pause
    std::chrono::milliseconds together{1000};  // others ask too if the last of their requests is no older
  };

  explicit Pace(const Limits& limits) : limits_(limits) {}

  // Counts a request; for how long it must wait. Who asks beside others waits in order of asking. `now` never goes
  // back.
  Clock::duration admit(std::uint64_t key, Clock::time_point now);

  std::size_t keys() const { return buckets_.size(); }

 private:
  struct Bucket {
    double left = 0;    // negative: so many wait
    double recent = 0;  // requests, of which those a second ago count for a third
    Clock::time_point at;
  };
  struct Asked {
    std::uint64_t key = 0;
    Clock::time_point at;
    bool ever = false;
  };

  bool somebodyAsksLess(std::uint64_t key, double recent, Clock::time_point now);
  void dropFull(Clock::time_point now);
  double leftAt(const Bucket& bucket, Clock::time_point now) const;
  static double recentAt(const Bucket& bucket, Clock::time_point now);

  Limits limits_;
  Asked latest_;
  Asked latest_of_others_;  // than that one
  std::size_t drop_above_ = 64;
  std::unordered_map<std::uint64_t, Bucket> buckets_;
};

}  // namespace ds01::net
