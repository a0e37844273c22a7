// What the bodies that are held whole may cost, per user and in all: a flood of large ones, or of clients that read no
// answers, is refused at a number that is known before. Of each user a first part is kept back from what all share, so
// that whoever floods together takes the others' large requests only. Root has a share of its own, so that it can
// always look and clean up. Counts only; single thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <utility>

#include "model/denial.h"

namespace ds01::gateway {

struct MemoryLimits {
  std::size_t bytes_per_uid = 128UL << 20U;
  std::size_t shared_by_users = 512UL << 20U;  // root's are not among them
  // The first bytes of a user come from no share, as long as no more users than this hold some at once: a body of 256
  // KiB, or a list of 300 containers.
  std::size_t kept_per_uid = 4UL << 20U;
  std::size_t kept_uids = 64;

  constexpr std::size_t ofUsers() const { return shared_by_users + kept_uids * kept_per_uid; }  // at most
};

class MemoryBudget {
 public:
  explicit MemoryBudget(MemoryLimits limits) : limits_(limits) {}
  MemoryBudget(const MemoryBudget&) = delete;
  MemoryBudget& operator=(const MemoryBudget&) = delete;
  ~MemoryBudget() = default;

  // One request's part, given back when it is destroyed. The budget outlives it.
  class Charge {
   public:
    Charge(MemoryBudget& budget, std::uint32_t uid) : budget_(budget), uid_(uid) {}
    Charge(const Charge&) = delete;
    Charge& operator=(const Charge&) = delete;
    ~Charge() { budget_.give(uid_, bytes_); }

    // Until this holds `bytes`. The denial, a 503, says whose limit is in the way; then it holds what it held.
    std::optional<Denial> growTo(std::size_t bytes);
    std::size_t bytes() const { return bytes_; }

   private:
    MemoryBudget& budget_;
    std::uint32_t uid_;
    std::size_t bytes_ = 0;
  };

  std::size_t bytesOf(std::uint32_t uid) const;
  std::size_t bytesShared() const { return shared_; }

 private:
  struct Held {
    std::size_t bytes = 0;
    std::size_t kept = 0;  // as many of these are not of the share
    std::size_t shared() const { return bytes > kept ? bytes - kept : 0; }
  };
  std::optional<Denial> take(std::uint32_t uid, std::size_t bytes);
  void give(std::uint32_t uid, std::size_t bytes);

  const MemoryLimits limits_;
  std::size_t shared_ = 0;
  std::size_t keeping_ = 0;               // users for whom something is kept
  std::map<std::uint32_t, Held> by_uid_;  // nobody has 0 bytes
};

// What a body of so many bytes costs while it is looked at. Small ones are free: the caps on connections bound them,
// and nobody's large ones can stand in the way of ordinary work.
inline constexpr std::size_t kFreeBodyBytes = 16UL * 1024;
// A request's: text, parsed form and new text together; the worst that was found is {"a":{"a":…
inline constexpr std::size_t kRequestCost = 16;
// An answer's, whose form is the Engine's; users choose labels, names and environment in it.
inline constexpr std::size_t kAnswerCost = 8;

constexpr std::size_t costOf(std::size_t body_bytes, std::size_t factor) {
  return body_bytes <= kFreeBodyBytes ? 0 : body_bytes * factor;
}

}  // namespace ds01::gateway
