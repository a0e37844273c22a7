// The ledger: which slot is held by whom, and the one place where slots are given and taken back. Pure data in memory,
// used by one thread; the daemon keeps its image on disk (file/) and compares it with the Engine.
//
// Invariants (checked by `violations()`, asserted in tests, counted in production): no slot is in two leases; no lease
// holds a slot that the inventory never had; the sum per user was within quota when the last lease was granted; a
// release gives back exactly the weight that was taken.
#pragma once

#include <cstdint>
#include <expected>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "allocator/foreign.h"
#include "allocator/pool.h"
#include "base/result.h"
#include "model/gpu.h"
#include "model/lease.h"
#include "model/limits.h"

namespace ds01::allocator {

enum class RefusalCode {
  NoSuchDevice,       // device= names nothing we have (400)
  DeviceHeld,         // device= names a slot that is held (409)
  PerContainerCap,    // max_gpu_slots_per_container (409)
  Quota,              // max_gpu_equivalents or aggregate.gpu_limit (409)
  FullGpuNotAllowed,  // allow_full_gpu is false and only a whole GPU would do (403)
  NeverSatisfiable,   // the machine has not that many, or not that profile (409)
  NoneFree,           // others hold them all; waiting helps (409)
  OutOfOrder,         // what would do is sick; an administrator must look at it (503)
  InventoryStale,     // nobody knows now which GPUs there are (503)
};

// Numbers of a refusal, for the sentence, the event and `ds01 explain`.
struct Refusal {
  RefusalCode code = RefusalCode::NoneFree;
  GpuEq held = {};                             // what the user holds now
  GpuEq asked = {};                            // what this request would add
  std::optional<GpuEq> limit = {};             // the cap that binds, with Quota in GPU equivalents
  std::string limit_key = {};                  // "max_gpu_equivalents", "aggregate.gpu_limit", "max_gpu_slots", …
  std::vector<std::string> held_by_user = {};  // "slot 1:0 (container train)"
  std::string text = {};                       // for the user: held, asked, limit, and what would work now
  std::string remedy = {};                     // of that, what would work; empty if nothing would
  std::int64_t free_slots = 0;                 // of the machine, now
  std::int64_t all_slots = 0;
};

enum class GpusForAll { One, Available };
struct Budget;  // place.h
struct Misfit;  // place.h

// The smaller of max_gpu_equivalents and aggregate.gpu_limit; unset: unlimited.
std::optional<GpuEq> quotaOf(const Limits& limits);

struct ReserveRequest {
  LeaseId id;  // new: an id that the ledger has already is refused; with `resume` that of a parked lease
  std::uint32_t uid = 0;
  std::string login;
  std::string group;
  std::string container_name;
  DecisionId decision;
  GpuRequest gpu;
  Limits limits;
  GpusForAll gpus_for_all = GpusForAll::One;
  bool stale_inventory_will_do = false;  // what was last seen is given, if anything was
  TimePoint now;
  Lease::Delivery delivery = Lease::Delivery::Fixed;
  bool resume = false;  // as Ledger::resumption() made it
};

// A parked lease asks for slots again.
struct ResumeRequest {
  LeaseId id;
  DecisionId decision;
  Limits limits;  // of its owner, as of now
  bool stale_inventory_will_do = false;
  TimePoint now;
};

enum class SlotState { Free, Reserved, Held, Foreign, Stale, Sick };
std::string_view toString(SlotState state);  // "free", "reserved", …

struct SlotView {
  GpuSlot slot;
  SlotState state = SlotState::Free;
  // Valid until the ledger changes.
  const Lease* lease = nullptr;  // whoever holds it, in any state but free and foreign
  const GpuUse* use = nullptr;   // who uses it past its lease, or without there being one
};

class Ledger {
 public:
  explicit Ledger(Inventory inventory);
  Ledger(Ledger&&) = default;
  Ledger& operator=(Ledger&&) = default;
  Ledger(const Ledger&) = delete;
  Ledger& operator=(const Ledger&) = delete;
  ~Ledger() = default;

  // What the machine has changed. Leases keep what they hold: a slot that is gone while it is leased is shown as stale
  // and is the same one again when it comes back; a sick one is not given away. Ends markStale().
  void setInventory(Inventory inventory);
  // Nobody knows for now whether the inventory is still true: nothing is granted unless the request says that this will
  // do, all slots are shown as stale, leases stay as they are. `why` is a sentence's end for people ("the NVIDIA driver
  // does not answer").
  void markStale(std::string why);
  // Empty while the inventory is true.
  const std::string& staleReason() const { return stale_reason_; }

  // Decides and, if granted, holds the slots at once. Placement: MIG first for one GPU, whole GPUs for two and more;
  // the physical GPU with the fewest free slots that fits; ties by least recently used, then index.
  std::expected<Lease, Refusal> reserve(const ReserveRequest& request);
  // What reserve() would answer now; holds nothing.
  std::expected<Lease, Refusal> preview(const ReserveRequest& request) const;

  // The same two for those who wait (queue.h) and are asked about often: slots in `kept` are not given, a refusal has
  // no sentence yet.
  std::expected<Lease, Misfit> tryReserve(const ReserveRequest& request, const SlotSet& kept);
  std::expected<Lease, Misfit> tryPreview(const ReserveRequest& request, const SlotSet& kept) const;
  // The sentence, before the ledger changes.
  Refusal refusal(const ReserveRequest& request, const Misfit& misfit, const SlotSet& kept) const;
  // What a parked lease asks for; unset if it is not parked.
  std::optional<ReserveRequest> resumption(const ResumeRequest& request) const;

  // Reserved → Bound. NotFound if there is no such lease, Conflict if it is bound to another container or the container
  // has another lease. Binding to the same container again renames it; an empty name leaves the one known.
  Status bind(const LeaseId& id, const ContainerId& container, std::string_view container_name);

  // Bound → Parked: gives the slots back and returns the lease as it was. Unset, and nothing changed, unless it is
  // bound.
  std::optional<Lease> park(const LeaseId& id);
  // Parked → Bound: as many slots of the same profile, with Delivery::Fixed the same ones; decided and refused as in
  // reserve(). The lease must be parked.
  std::expected<Lease, Refusal> resume(const ResumeRequest& request);
  // Since when the container of a bound lease does not run; unset: it runs. True if that is news.
  bool setStopped(const LeaseId& id, std::optional<TimePoint> since);
  // Containers that stopped later than now have stopped now: the clock was set back, and a hold that ended by the old
  // time would be longer by as much. True if there were any.
  bool stoppedByNow(TimePoint now);
  // The restart policy that is kept back from the Engine (Lease::restart). True if that is news.
  bool setRestart(const LeaseId& id, std::optional<RestartPolicy> wanted);

  // A container runs that may use GPUs by its own configuration, with a lease or without. Slots that are not its
  // lease's are not given away until useEnded(). What was said of the same container before is replaced.
  void noteUse(GpuUse use);
  // True if there was such a use.
  bool useEnded(const ContainerId& container);
  const GpuUse* findUse(const ContainerId& container) const;
  std::vector<ContainerId> users() const;
  // Of what a container uses: the slots that are not its own lease's, with their leases if they have one.
  std::vector<SlotView> foreignTo(const ContainerId& container) const;

  // Ends a lease in any state and returns it; unset if there is none (releasing twice is harmless).
  std::optional<Lease> release(const LeaseId& id);

  const Lease* find(const LeaseId& id) const;
  const Lease* findByContainer(const ContainerId& container) const;
  std::vector<Lease> leases() const;    // ordered by since, then id
  std::vector<SlotView> slots() const;  // in inventory order, then stale ones
  GpuEq heldBy(std::uint32_t uid) const;
  const Inventory& inventory() const;
  // Null if the inventory lacks it, also when it is leased (stale).
  const GpuSlot* slotByUuid(std::string_view uuid) const;

  // Takes back leases that were on disk, beside those the ledger has. A slot the inventory lacks stays leased and is
  // shown as stale. Conflict if two leases hold one slot, have one id or one container; InvalidArgument if a lease
  // contradicts itself. The ledger is then left as it was. Quotas are not asked: what is held is held.
  Status restore(std::vector<Lease> leases);

  // Sentences for the log; empty when all invariants hold. Looks at everything: not for each request.
  std::vector<std::string> violations() const;

 private:
  friend struct LedgerPeer;  // tests plant broken states with it

  struct Account {
    GpuEq held;
    std::int64_t slots = 0;
    std::vector<const Lease*> leases;  // those with slots; so that a refusal need not look through those of all users
    GpuEq held_at_grant;               // right after the last grant
    std::optional<GpuEq> limit_at_grant;
  };
  struct StaleSlot {
    GpuSlot slot;
    const Lease* lease = nullptr;
  };

  void enter(Lease lease);
  void markUse(const GpuUse& use);
  using KnownSlots = std::map<std::string, GpuSlot, std::less<>>;  // by UUID

  void mark(const Lease& lease, const KnownSlots& gone);
  void addStale(const Lease& lease, const KnownSlots& gone);
  SlotState stateOf(SlotIndex index) const;
  void charge(const Lease& lease);
  void discharge(const Lease& lease);
  Budget budgetFor(std::uint32_t uid, const Limits& limits) const;
  void noteGrant(std::uint32_t uid, const Budget& budget);
  Status acceptable(const std::vector<Lease>& leases) const;
  std::vector<const Lease*> leasesOf(std::uint32_t uid) const;
  void reportSlots(std::vector<std::string>& out) const;
  void reportAccounts(std::vector<std::string>& out) const;

  Pool pool_;
  std::map<LeaseId, Lease> leases_;  // pool_, stale_ and by_container_ point into it
  std::map<ContainerId, const Lease*> by_container_;
  std::map<std::uint32_t, Account> accounts_;            // of those who hold something
  std::map<std::string, StaleSlot, std::less<>> stale_;  // by UUID
  std::string stale_reason_;
  std::map<ContainerId, GpuUse> uses_;  // pool_ points into it
};

}  // namespace ds01::allocator
