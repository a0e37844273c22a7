// Leases that come back from disk, and the ledger's look at itself.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "allocator/codec.h"
#include "allocator/ledger.h"
#include "unit/allocator/scene.h"

namespace ds01::allocator {

// Breaks what the public interface cannot break.
struct LedgerPeer {
  static Lease& lease(Ledger& ledger, const LeaseId& id) { return ledger.leases_.at(id); }
  static void forgetContainer(Ledger& ledger, const ContainerId& id) { ledger.by_container_.erase(id); }
  static void charge(Ledger& ledger, std::uint32_t uid, GpuEq weight) { ledger.accounts_[uid].held += weight; }
  static void forgetAccount(Ledger& ledger, std::uint32_t uid) { ledger.accounts_.erase(uid); }
  static void unlist(Ledger& ledger, std::uint32_t uid) { ledger.accounts_.at(uid).leases.clear(); }
  static void setLimit(Ledger& ledger, std::uint32_t uid, GpuEq limit) {
    ledger.accounts_.at(uid).limit_at_grant = limit;
  }
  static void unmark(Ledger& ledger, std::string_view uuid) { ledger.pool_.giveBack(*ledger.pool_.byUuid(uuid)); }
  static void mark(Ledger& ledger, std::string_view uuid, const Lease& lease) {
    ledger.pool_.hold(*ledger.pool_.byUuid(uuid), lease);
  }
};

namespace test {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

Lease leaseOf(const std::string& id, std::vector<std::string> uuids, std::uint32_t uid = 7) {
  Lease lease;
  lease.id = LeaseId(id);
  lease.uid = uid;
  lease.login = "x";
  lease.weight = GpuEq::whole(static_cast<std::int64_t>(uuids.size()));
  lease.uuids = std::move(uuids);
  return lease;
}

Lease boundLease(const std::string& id, std::vector<std::string> uuids, const std::string& container) {
  Lease lease = leaseOf(id, std::move(uuids));
  lease.state = Lease::State::Bound;
  lease.container = ContainerId(container);
  return lease;
}

TEST(Restore, TakesBackWhatLeasesGave) {
  Scene scene(siteMachine());
  scene.hold("a", "train", count(2));
  scene.hold("b", "eval", count(1));
  ASSERT_TRUE(scene.ask("a", count(1)));
  Ledger fresh(siteMachine());
  ASSERT_TRUE(fresh.restore(scene.ledger.leases()));
  EXPECT_EQ(encodeState(fresh.leases()), encodeState(scene.ledger.leases()));
  EXPECT_EQ(fresh.heldBy(scene.uid("a")), scene.ledger.heldBy(scene.uid("a")));
  EXPECT_NE(fresh.findByContainer(ContainerId("c-train")), nullptr);
  EXPECT_THAT(fresh.violations(), IsEmpty());
}

TEST(Restore, AddsToWhatIsThere) {
  Ledger ledger(siteMachine());
  ASSERT_TRUE(ledger.restore({leaseOf("L1", {"GPU-0"})}));
  ASSERT_TRUE(ledger.restore({leaseOf("L2", {"GPU-3"})}));
  EXPECT_EQ(ledger.heldBy(7), GpuEq::whole(2));
  EXPECT_THAT(ledger.violations(), IsEmpty());
}

TEST(Restore, ConflictsLeaveTheLedgerAsItWas) {
  const std::vector<std::vector<Lease>> bad = {
      {leaseOf("L2", {"GPU-3"}), leaseOf("L3", {"GPU-3"})},                    // one slot, two leases
      {leaseOf("L2", {"GPU-3"}), leaseOf("L3", {"GPU-0"})},                    // held already
      {leaseOf("L2", {"GPU-3", "GPU-3"})},                                     // twice in one lease
      {leaseOf("L2", {"GPU-3"}), leaseOf("L2", {"MIG-1:0"})},                  // one id
      {leaseOf("L1", {"GPU-3"})},                                              // an id the ledger has
      {boundLease("L2", {"GPU-3"}, "c"), boundLease("L3", {"MIG-1:0"}, "c")},  // one container
      {boundLease("L2", {"GPU-3"}, "c0")},                                     // a container that has a lease
      {leaseOf("L2", {"GPU-gone"}), leaseOf("L3", {"GPU-gone"})},              // one stale slot
      {leaseOf("L2", {"GPU-stale"})},                                          // held already, stale
  };
  for (const std::vector<Lease>& leases : bad) {
    Ledger ledger(siteMachine());
    ASSERT_TRUE(ledger.restore({boundLease("L1", {"GPU-0"}, "c0"), leaseOf("L0", {"GPU-stale"})}));
    const std::string before = encodeState(ledger.leases());
    const Status status = ledger.restore(leases);
    ASSERT_FALSE(status);
    EXPECT_EQ(status.error().code(), ErrorCode::Conflict) << status.error().message();
    EXPECT_EQ(encodeState(ledger.leases()), before);
    EXPECT_THAT(ledger.violations(), IsEmpty());
    EXPECT_EQ(ledger.slots().size(), 8U);
  }
}

TEST(Restore, LeasesThatContradictThemselvesAreRefused) {
  Lease negative = leaseOf("L1", {"GPU-0"});
  negative.weight = GpuEq{-1};
  Lease half_bound = leaseOf("L1", {"GPU-0"});
  half_bound.container = ContainerId("c");
  Lease unbound = boundLease("L1", {"GPU-0"}, "");
  for (const Lease& lease :
       {leaseOf("", {"GPU-0"}), leaseOf("L1", {}), leaseOf("L1", {""}), negative, half_bound, unbound}) {
    Ledger ledger(siteMachine());
    const Status status = ledger.restore({leaseOf("L9", {"GPU-3"}), lease});
    ASSERT_FALSE(status);
    EXPECT_EQ(status.error().code(), ErrorCode::InvalidArgument);
    EXPECT_TRUE(ledger.leases().empty());
  }
}

TEST(Restore, SlotsTheInventoryLacksAreStaleAndStayCharged) {
  Ledger ledger(siteMachine());
  Lease lease = leaseOf("L1", {"GPU-0", "GPU-gone"});
  ASSERT_TRUE(ledger.restore({lease}));
  EXPECT_EQ(ledger.heldBy(7), GpuEq::whole(2));
  const std::vector<SlotView> slots = ledger.slots();
  ASSERT_EQ(slots.size(), 8U);
  EXPECT_EQ(slots[0].state, SlotState::Reserved);
  EXPECT_EQ(slots[7].state, SlotState::Stale);
  EXPECT_EQ(slots[7].slot.uuid, "GPU-gone");
  EXPECT_EQ(slots[7].slot.weight, GpuEq::whole(1));
  ASSERT_NE(slots[7].lease, nullptr);
  EXPECT_EQ(slots[7].lease->id.str(), "L1");
  EXPECT_EQ(ledger.slotByUuid("GPU-gone"), nullptr);
  EXPECT_THAT(ledger.violations(), IsEmpty());

  ASSERT_TRUE(ledger.release(LeaseId("L1")));
  EXPECT_EQ(ledger.slots().size(), 7U);
  EXPECT_EQ(ledger.heldBy(7), GpuEq{});
  EXPECT_THAT(ledger.violations(), IsEmpty());
}

TEST(Restore, StaleSlotsAreNotGivenAwayAndCountInTheQuota) {
  Scene scene(siteMachine());
  ASSERT_TRUE(scene.ledger.restore({leaseOf("L-old", {"GPU-gone"}, scene.uid("a"))}));
  EXPECT_EQ(scene.ask("a", count(1, "full"), quota(1)).error().code, RefusalCode::Quota);
  EXPECT_EQ(scene.ask("b", devices({"GPU-gone"})).error().code, RefusalCode::NoSuchDevice);
}

TEST(Restore, MoreThanTheQuotaIsTakenBack) {
  Scene scene(siteMachine());
  ASSERT_TRUE(scene.ledger.restore({leaseOf("L-old", {"GPU-0", "GPU-3"}, scene.uid("a"))}));
  EXPECT_THAT(scene.ledger.violations(), IsEmpty());
  EXPECT_EQ(scene.ask("a", count(1), quota(1)).error().code, RefusalCode::Quota);
}

class Violations : public testing::Test {
 protected:
  void SetUp() override {
    train_ = scene_.hold("a", "train", devices({"0"}), quota(2));
    eval_ = scene_.hold("b", "eval", devices({"3"}));
    ASSERT_THAT(scene_.ledger.violations(), IsEmpty());
  }

  Scene scene_{siteMachine()};
  Lease train_;
  Lease eval_;
};

TEST_F(Violations, OneSlotInTwoLeases) {
  LedgerPeer::lease(scene_.ledger, eval_.id).uuids.emplace_back("GPU-0");
  EXPECT_THAT(scene_.ledger.violations(), Contains(HasSubstr("slot GPU-0 is in lease")));
}

TEST_F(Violations, AHeldSlotThatIsMarkedFree) {
  LedgerPeer::unmark(scene_.ledger, "GPU-0");
  EXPECT_THAT(scene_.ledger.violations(),
              ElementsAre(HasSubstr("slot GPU-0 of lease L0000000000000000 is not marked")));
}

TEST_F(Violations, AMarkedSlotWithoutLease) {
  LedgerPeer::mark(scene_.ledger, "MIG-1:0", LedgerPeer::lease(scene_.ledger, train_.id));
  EXPECT_THAT(scene_.ledger.violations(), ElementsAre("slot 1:0 is marked as held but is in no lease"));
}

TEST_F(Violations, ASlotNobodyEverHad) {
  LedgerPeer::lease(scene_.ledger, train_.id).uuids.emplace_back("GPU-never");
  EXPECT_THAT(scene_.ledger.violations(), Contains(HasSubstr("slot GPU-never of lease")));
}

TEST_F(Violations, SumsThatDoNotMatch) {
  LedgerPeer::charge(scene_.ledger, train_.uid, GpuEq{1});
  EXPECT_THAT(scene_.ledger.violations(),
              ElementsAre("uid 1000 is charged 1.000001 in 1 slots, but the leases hold 1 in 1"));
  LedgerPeer::forgetAccount(scene_.ledger, train_.uid);
  EXPECT_THAT(scene_.ledger.violations(), ElementsAre("uid 1000 holds 1 uncharged"));
}

TEST_F(Violations, AListOfLeasesThatLacksOne) {
  LedgerPeer::unlist(scene_.ledger, train_.uid);
  EXPECT_THAT(scene_.ledger.violations(), ElementsAre("the list of leases of uid 1000 is wrong"));
}

TEST_F(Violations, OverQuotaAtGrant) {
  LedgerPeer::setLimit(scene_.ledger, train_.uid, GpuEq{500'000});
  EXPECT_THAT(scene_.ledger.violations(), ElementsAre("uid 1000 was granted 1 with a limit of 0.5"));
}

TEST_F(Violations, ALowerLimitLaterIsNone) {
  EXPECT_FALSE(scene_.ask("a", count(1), quota(0.5)));
  EXPECT_THAT(scene_.ledger.violations(), IsEmpty());
}

TEST_F(Violations, AContainerThatIsNotFound) {
  LedgerPeer::forgetContainer(scene_.ledger, train_.container);
  EXPECT_THAT(scene_.ledger.violations(), ElementsAre("container c-train does not lead to lease L0000000000000000",
                                                      "1 containers are listed, but 2 leases are bound"));
}

}  // namespace
}  // namespace test
}  // namespace ds01::allocator
