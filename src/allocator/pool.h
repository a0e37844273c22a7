// The slots of the inventory and who holds them: all that placement looks at. Knows nothing of quotas.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "model/gpu.h"
#include "model/lease.h"

namespace ds01::allocator {

struct GpuUse;  // foreign.h

// Slots are addressed by their place in the inventory.
using SlotIndex = std::size_t;

// Some of the slots of one pool.
class SlotSet {
 public:
  bool contains(SlotIndex index) const { return index < in_.size() && in_[index]; }
  void add(std::span<const SlotIndex> slots) {
    for (const SlotIndex index : slots) {
      if (index >= in_.size()) in_.resize(index + 1);
      in_[index] = true;
    }
  }

 private:
  std::vector<bool> in_;
};

class Pool {
 public:
  struct Gpu {
    std::int32_t index = 0;
    std::vector<SlotIndex> slots;    // in inventory order
    std::uint64_t last_release = 0;  // grows with each release anywhere; 0: nothing was ever given back here
  };

  explicit Pool(Inventory inventory);
  // As `before`, with nothing held: which GPU was given back when is remembered by its index.
  Pool(Inventory inventory, const Pool& before);

  const Inventory& inventory() const { return inventory_; }
  std::size_t size() const { return inventory_.slots.size(); }
  const GpuSlot& slot(SlotIndex index) const { return inventory_.slots[index]; }
  const std::vector<Gpu>& gpus() const { return gpus_; }  // ordered by physical index

  // Null if nobody holds it. Points into the owner of the leases (the ledger).
  const Lease* holder(SlotIndex index) const { return holders_[index]; }

  // The first running container that may use the slot and is not that of its lease; null: there is none. Points into
  // the ledger.
  const GpuUse* foreignUse(SlotIndex index) const;

  // Whether the slot can be given away, or could if the leases in `without` were gone, and their containers with them.
  // The one place that decides it. What is sick cannot, nor what somebody uses past its lease.
  bool free(SlotIndex index, std::span<const Lease* const> without = {}) const;

  std::optional<SlotIndex> byUuid(std::string_view uuid) const;
  // "0" or "1:0", also "1.0".
  std::optional<SlotIndex> bySlotName(std::string_view name) const;

  // `lease` must stay where it is until it is given back.
  void hold(SlotIndex index, const Lease& lease) { holders_[index] = &lease; }
  void giveBack(SlotIndex index);
  // `use` must stay where it is until it is taken out.
  void addUse(SlotIndex index, const GpuUse& use) { uses_[index].push_back(&use); }
  void dropUse(const GpuUse& use);

 private:
  Inventory inventory_;
  std::vector<const Lease*> holders_;
  std::vector<std::vector<const GpuUse*>> uses_;
  std::vector<Gpu> gpus_;
  std::vector<std::size_t> gpu_of_slot_;  // position in gpus_
  std::map<std::string, SlotIndex, std::less<>> by_uuid_;
  std::map<std::string, SlotIndex, std::less<>> by_name_;
  std::uint64_t releases_ = 0;
};

}  // namespace ds01::allocator
