// Single times of a benchmark, for the percentiles that a mean hides.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <vector>

#include <benchmark/benchmark.h>

namespace ds01::bench {

class Samples {
 public:
  explicit Samples(benchmark::State& state) : state_(state) {}
  Samples(const Samples&) = delete;
  Samples& operator=(const Samples&) = delete;

  // Times `work`, and tells the benchmark of it (UseManualTime).
  template <typename Work>
  void time(Work work) {
    const auto begin = std::chrono::steady_clock::now();
    work();
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
    state_.SetIterationTime(seconds.count());
    micros_.push_back(seconds.count() * 1e6);
  }

  // p50_us, p99_us and max_us, beside the mean.
  void report() {
    if (micros_.empty()) return;
    std::ranges::sort(micros_);
    state_.counters["p50_us"] = at(0.50);
    state_.counters["p99_us"] = at(0.99);
    state_.counters["max_us"] = micros_.back();
  }

 private:
  double at(double share) const {
    return micros_[std::min(micros_.size() - 1, static_cast<std::size_t>(share * static_cast<double>(micros_.size())))];
  }

  benchmark::State& state_;  // of the function that owns this
  std::vector<double> micros_;
};

}  // namespace ds01::bench
