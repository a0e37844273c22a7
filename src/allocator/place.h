// Placement: which slots a request gets, or what stands in the way. Reads the pool and changes nothing, so the same
// code answers "what would work instead?".
//
// One slot: MIG instances before whole GPUs; then the physical GPU with the fewest free slots, so that whole GPUs and
// untouched ones stay free for those who need them; then the GPU that was given back longest ago (never used first);
// then index. Within a GPU the smallest instance, then instance order. Two and more: whole GPUs, longest unused first.
//
// Obstacles that waiting cannot remove are found before those that it can.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "allocator/ledger.h"
#include "allocator/pool.h"
#include "model/lease.h"
#include "model/limits.h"

namespace ds01::allocator {

// What one user may still take, beside what is held already.
struct Budget {
  GpuEq held;
  std::int64_t held_slots = 0;
  std::optional<GpuEq> limit;             // the smallest that applies
  std::string_view limit_key;             // its key in the configuration
  std::optional<std::int64_t> max_slots;  // over all containers
  std::optional<std::int64_t> per_container;
  bool allow_full = true;

  bool fits(GpuEq weight, std::int64_t slots) const {
    return (!limit || held + weight <= *limit) && (!max_slots || held_slots + slots <= *max_slots);
  }
};

Budget budgetOf(const Limits& limits, GpuEq held, std::int64_t held_slots);

// What exactly is wrong, where the code alone does not say it.
enum class Problem {
  None,
  BadCount,         // fewer than one
  NoGpus,           // the inventory is empty
  TooFewWhole,      // the machine has fewer whole GPUs than asked for
  UnknownProfile,   // no slot has this profile
  ProfileNeedsOne,  // several slots of a MIG profile
  NoDeviceNamed,    // device= without names
  UnknownDevice,    // `subject` is no slot, index or UUID
  CutGpu,           // `subject` is the index of a GPU that is cut by MIG; `slots` are its instances
  SameDeviceTwice,  // `subject` was named before
  SeveralMig,       // several MIG instances in one container
  MigAndWhole,      // a MIG instance and a whole GPU in one container
  WrongProfile,     // device= and ds01.request.profile contradict each other at `subject`
  LeaseKnown,       // the id of what should be a new lease is taken
  NotParked,        // the lease that asks for slots again is not parked, or there is none
};

struct Misfit {
  RefusalCode code = RefusalCode::NoneFree;
  Problem problem = Problem::None;
  GpuEq asked = {};              // the least that the request would add
  std::int64_t asked_slots = 1;  // and in how many slots
  // NoneFree: all that would do, held or kept or free; DeviceHeld, OutOfOrder: those in the way; CutGpu.
  std::vector<SlotIndex> slots = {};
  std::string subject = {};  // as the user wrote it
};

// What placement is to take for granted beside the pool.
struct Assumed {
  // Count as given back; the caller has taken their weight out of the budget.
  std::span<const Lease* const> gone = {};
  // Not to be had, though free: for those who came first. Null: none.
  const SlotSet* kept = nullptr;
};

// Whether this request may have the slot.
bool available(const Pool& pool, SlotIndex index, const Assumed& assumed);

// Slots in the order in which the container shall see them.
std::expected<std::vector<SlotIndex>, Misfit> place(const Pool& pool, const GpuRequest& request,
                                                    GpusForAll gpus_for_all, const Budget& budget,
                                                    const Assumed& assumed = {});

GpuEq weightOf(const Pool& pool, std::span<const SlotIndex> slots);

}  // namespace ds01::allocator
