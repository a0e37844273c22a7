// A ledger with people who ask it for GPUs; what the allocator's tests share.
#pragma once

#include <expected>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "allocator/ledger.h"

namespace ds01::allocator::test {

// Each GPU is a list of profiles: {"full"} or {"2g.20gb", "2g.20gb"}. UUIDs are "GPU-<index>" and "MIG-<slot>".
Inventory machine(const std::vector<std::vector<std::string>>& gpus);

// 0 whole; 1 cut into 3 × 2g.20gb; 2 cut into 2 × 3g.40gb; 3 whole.
Inventory siteMachine();

GpuRequest count(std::int64_t number, std::string profile = {});
GpuRequest all(std::string profile = {});
GpuRequest devices(std::vector<std::string> names);

// No limits at all, group "student".
Limits unlimited();
// As unlimited(), with both quotas.
Limits quota(double gpus);

class Scene {
 public:
  explicit Scene(Inventory inventory) : ledger(std::move(inventory)) {}

  // Logins get uids in the order in which they first ask. Each request is a minute later than the one before; the first
  // at 2026-11-23T08:00:00Z.
  std::expected<Lease, Refusal> ask(const std::string& login, const GpuRequest& gpu, const Limits& limits = unlimited(),
                                    GpusForAll gpus_for_all = GpusForAll::One, const std::string& container = {});
  // As ask(), granted, and bound to a container of this name. Throws if it was refused.
  Lease hold(const std::string& login, const std::string& container, const GpuRequest& gpu,
             const Limits& limits = unlimited());
  // Slot names of a granted lease ("0,1:0"), or "refused: " and the text.
  std::string slots(const std::expected<Lease, Refusal>& answer) const;
  std::uint32_t uid(const std::string& login);

  Ledger ledger;

 private:
  std::vector<std::string> logins_;
  int asked_ = 0;
};

}  // namespace ds01::allocator::test
