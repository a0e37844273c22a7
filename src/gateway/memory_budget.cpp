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
  return found == by_uid_.end() ? 0 : found->second;
}

std::optional<Denial> MemoryBudget::take(std::uint32_t uid, std::size_t bytes) {
  const std::size_t held = bytesOf(uid);
  if (bytes > limits_.bytes_per_uid - held) {
    return Denial{
        503, "memory_budget",
        fmt::format("this needs {} MiB of this service's memory, and your other requests hold {} of the {} MiB "
                    "that one user may; try again when one of them has ended",
                    (bytes + kMiB - 1) / kMiB, held / kMiB, limits_.bytes_per_uid / kMiB)};
  }
  if (uid != 0 && bytes > limits_.bytes_of_users - of_users_) {
    return Denial{503, "memory_budget",
                  "the large requests of all users hold as much of this service's memory as they may; try again in a "
                  "moment"};
  }
  by_uid_[uid] = held + bytes;
  if (uid != 0) of_users_ += bytes;
  return std::nullopt;
}

void MemoryBudget::give(std::uint32_t uid, std::size_t bytes) {
  if (bytes == 0) return;
  const auto found = by_uid_.find(uid);
  found->second -= bytes;
  if (found->second == 0) by_uid_.erase(found);
  if (uid != 0) of_users_ -= bytes;
}

}  // namespace ds01::gateway
