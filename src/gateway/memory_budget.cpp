#include "gateway/memory_budget.h"

#include <fmt/format.h>

namespace ds01::gateway {

namespace {

constexpr std::size_t kMiB = 1UL << 20U;

}  // namespace

std::optional<Denial> MemoryBudget::Charge::growTo(std::size_t bytes) {
  if (bytes <= bytes_) return std::nullopt;
  if (std::optional<Denial> denial = budget_.take(uid_, bytes - bytes_)) return denial;
  bytes_ = bytes;
  return std::nullopt;
}

std::size_t MemoryBudget::bytesOf(std::uint32_t uid) const {
  const auto found = by_uid_.find(uid);
  return found == by_uid_.end() ? 0 : found->second.bytes;
}

std::optional<Denial> MemoryBudget::take(std::uint32_t uid, std::size_t bytes) {
  const auto found = by_uid_.find(uid);
  Held held;
  if (found != by_uid_.end()) {
    held = found->second;
  } else if (uid != 0 && keeping_ < limits_.kept_uids) {
    held.kept = limits_.kept_per_uid;
  }
  if (bytes > limits_.bytes_per_uid - held.bytes) {
    return Denial{
        503, "memory_budget",
        fmt::format("this needs {} MiB of this service's memory, and your other requests hold {} of the {} MiB "
                    "that one user may; try again when one of them has ended",
                    (bytes + kMiB - 1) / kMiB, held.bytes / kMiB, limits_.bytes_per_uid / kMiB)};
  }
  const std::size_t before = held.shared();
  held.bytes += bytes;
  const std::size_t more = uid == 0 ? 0 : held.shared() - before;
  if (more > limits_.shared_by_users - shared_) {
    return Denial{503, "memory_budget",
                  "the large requests of all users hold as much of this service's memory as they may; try again in a "
                  "moment"};
  }
  shared_ += more;
  if (found == by_uid_.end() && held.kept > 0) ++keeping_;
  by_uid_[uid] = held;
  return std::nullopt;
}

void MemoryBudget::give(std::uint32_t uid, std::size_t bytes) {
  if (bytes == 0) return;
  const auto found = by_uid_.find(uid);
  Held& held = found->second;
  const std::size_t before = held.shared();
  held.bytes -= bytes;
  if (uid != 0) shared_ -= before - held.shared();
  if (held.bytes > 0) return;
  if (held.kept > 0) --keeping_;
  by_uid_.erase(found);
}

}  // namespace ds01::gateway
