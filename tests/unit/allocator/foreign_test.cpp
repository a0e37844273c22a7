// What a container may use by its configuration, and what that means for the slots.
#include "allocator/foreign.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/allocator/scene.h"

namespace ds01::allocator::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

ContainerView plain() {
  ContainerView view;
  view.id = ContainerId("c-foreign");
  view.status = "running";
  view.runtime = "runc";
  return view;
}

DeviceRequestView request(std::string driver, std::int64_t count, std::vector<std::string> ids, bool gpu = true) {
  return {std::move(driver), count, std::move(ids), gpu};
}

// Slot names on siteMachine(): 0 whole; 1 cut into 3; 2 cut into 2; 3 whole.
std::vector<std::string> slotsOf(const ContainerView& view, Inventory inventory = siteMachine(),
                                 std::string_view default_runtime = "runc") {
  std::vector<std::string> names;
  for (const SlotIndex i : claimedSlots(claimOf(view, default_runtime), inventory)) {
    names.push_back(inventory.slots[i].slot);
  }
  return names;
}

const std::vector<std::string> kAll{"0", "1:0", "1:1", "1:2", "2:0", "2:1", "3"};

std::vector<std::string> requested(DeviceRequestView one) {
  ContainerView view = plain();
  view.device_requests = {std::move(one)};
  return slotsOf(view);
}

std::vector<std::string> underRuntime(std::string runtime, std::vector<std::string> env,
                                      std::string_view default_runtime = "runc") {
  ContainerView view = plain();
  view.runtime = std::move(runtime);
  view.env = std::move(env);
  return slotsOf(view, siteMachine(), default_runtime);
}

TEST(GpuClaim, APlainContainerClaimsNothing) {
  ContainerView view = plain();
  view.env = {"PATH=/bin", "NVIDIA_VISIBLE_DEVICES=all", "CUDA_VERSION=12"};  // runc reads none of it
  view.devices = {"/dev/fuse", "/dev/nvidia-uvm", "/dev/nvidiactl"};
  view.device_rules = {"c 10:229 rwm", "b 195:0 rwm"};
  view.device_requests = {request("other", -1, {}, false)};
  EXPECT_TRUE(slotsOf(view).empty());
}

TEST(GpuClaim, Privileged) {
  ContainerView view = plain();
  view.privileged = true;
  EXPECT_EQ(slotsOf(view), kAll);
}

TEST(GpuClaim, DeviceRequestsByCount) {
  EXPECT_EQ(requested(request("", -1, {})), kAll);
  EXPECT_EQ(requested(request("nvidia", -1, {})), kAll);
  EXPECT_THAT(requested(request("", 1, {})), ElementsAre("0"));
  EXPECT_THAT(requested(request("", 2, {})), ElementsAre("0", "1:0", "1:1", "1:2"));
  EXPECT_EQ(requested(request("nvidia", 1'000'000'000'000, {})), kAll);
}

TEST(GpuClaim, DeviceRequestsByName) {
  EXPECT_THAT(requested(request("nvidia", 0, {"3"})), ElementsAre("3"));
  EXPECT_THAT(requested(request("nvidia", 0, {"0", "2:1"})), ElementsAre("0", "2:1"));
  EXPECT_THAT(requested(request("", 0, {"0,3"})), ElementsAre("0", "3"));
  EXPECT_THAT(requested(request("", 0, {"1"})), ElementsAre("1:0", "1:1", "1:2"));
  EXPECT_THAT(requested(request("", 0, {"GPU-3"})), ElementsAre("3"));
  EXPECT_THAT(requested(request("", 0, {"gpu-3"})), ElementsAre("3"));
  EXPECT_THAT(requested(request("", 0, {"MIG-1:2"})), ElementsAre("1:2"));
  EXPECT_THAT(requested(request("", 0, {"all"})), testing::Eq(kAll));
  EXPECT_THAT(requested(request("", 0, {"none", "void", "", "9"})), IsEmpty());
}

TEST(GpuClaim, TheUuidOfACutGpuMeansInstancesAndWhichIsNotKnown) {
  EXPECT_THAT(requested(request("", 0, {"GPU-of-the-second"})), ElementsAre("1:0", "1:1", "1:2", "2:0", "2:1"));
  // One that is known means itself only.
  EXPECT_THAT(requested(request("", 0, {"GPU-0"})), ElementsAre("0"));
}

TEST(GpuClaim, Cdi) {
  EXPECT_THAT(requested(request("cdi", 0, {"nvidia.com/gpu=3"}, false)), ElementsAre("3"));
  EXPECT_THAT(requested(request("cdi", 0, {"nvidia.com/gpu=all"}, false)), testing::Eq(kAll));
  EXPECT_THAT(requested(request("cdi", 0, {"nvidia.com/mig=1:0"}, false)), ElementsAre("1:0"));
  EXPECT_THAT(requested(request("cdi", 0, {"vendor.com/net=0"}, false)), IsEmpty());
  ContainerView view = plain();
  view.device_requests = {request("cdi", 0, {"ds01.io/lease=L1"}, false)};
  EXPECT_THAT(claimOf(view, "runc").leases, ElementsAre(LeaseId("L1")));
}

TEST(GpuClaim, TheEnvironmentUnderARuntimeThatHeedsIt) {
  EXPECT_THAT(underRuntime("nvidia", {"NVIDIA_VISIBLE_DEVICES=0,1:1"}), ElementsAre("0", "1:1"));
  EXPECT_EQ(underRuntime("nvidia", {"NVIDIA_VISIBLE_DEVICES=all"}), kAll);
  EXPECT_THAT(underRuntime("nvidia", {"NVIDIA_VISIBLE_DEVICES=void"}), IsEmpty());
  EXPECT_THAT(underRuntime("nvidia", {"NVIDIA_VISIBLE_DEVICES="}), IsEmpty());
  EXPECT_THAT(underRuntime("nvidia", {"PATH=/bin"}), IsEmpty());
  EXPECT_EQ(underRuntime("nvidia", {"CUDA_VERSION=9.0"}), kAll);
  EXPECT_THAT(underRuntime("nvidia-legacy", {"NVIDIA_VISIBLE_DEVICES=3"}), ElementsAre("3"));
  EXPECT_THAT(underRuntime("", {"NVIDIA_VISIBLE_DEVICES=3"}, "nvidia"), ElementsAre("3"));
  EXPECT_THAT(underRuntime("", {"NVIDIA_VISIBLE_DEVICES=3"}, "runc"), IsEmpty());
  // The last one counts.
  EXPECT_THAT(underRuntime("nvidia", {"NVIDIA_VISIBLE_DEVICES=all", "NVIDIA_VISIBLE_DEVICES=0"}), ElementsAre("0"));
}

TEST(GpuClaim, DeviceFiles) {
  ContainerView view = plain();
  view.devices = {"/dev/nvidia3"};
  EXPECT_THAT(slotsOf(view), ElementsAre("3"));
  view.devices = {"/dev/../dev//nvidia3"};
  EXPECT_THAT(slotsOf(view), ElementsAre("3"));
  view.devices = {"/dev/char/195:3"};
  EXPECT_THAT(slotsOf(view), ElementsAre("3"));
  view.devices = {"/dev/"};
  EXPECT_EQ(slotsOf(view), kAll);
  view.devices = {"/dev/nvidia30"};
  EXPECT_THAT(slotsOf(view), IsEmpty());
}

TEST(GpuClaim, AnInstanceNeedsAllOfItsFiles) {
  Inventory inventory = machine({{"full"}, {"3g.40gb", "3g.40gb"}});
  inventory.slots[0].device_nodes = {"/dev/nvidia0"};
  inventory.slots[1].device_nodes = {"/dev/nvidia1", "/dev/nvidia-caps/nvidia-cap21", "/dev/nvidia-caps/nvidia-cap22"};
  inventory.slots[2].device_nodes = {"/dev/nvidia1", "/dev/nvidia-caps/nvidia-cap30", "/dev/nvidia-caps/nvidia-cap31"};
  ContainerView view = plain();
  view.devices = {"/dev/nvidia1"};
  EXPECT_THAT(slotsOf(view, inventory), IsEmpty());
  view.devices = {"/dev/nvidiactl", "/dev/nvidia1", "/dev/nvidia-caps/nvidia-cap30", "/dev/nvidia-caps/nvidia-cap31"};
  EXPECT_THAT(slotsOf(view, inventory), ElementsAre("1:1"));
  view.devices = {"/dev/nvidia1", "/dev/nvidia-caps"};
  EXPECT_THAT(slotsOf(view, inventory), ElementsAre("1:0", "1:1"));
}

TEST(GpuClaim, DeviceRules) {
  ContainerView view = plain();
  view.device_rules = {"c 195:3 rw"};
  EXPECT_THAT(slotsOf(view), ElementsAre("3"));
  for (const char* const rule : {"c 195:* rwm", "a *:* rwm", "c *:* rw", "a"}) {
    view.device_rules = {rule};
    const bool whole_rule = std::string_view(rule) != "a";
    EXPECT_EQ(slotsOf(view), whole_rule ? kAll : std::vector<std::string>{}) << rule;
  }
}

TEST(GpuClaim, WhoOnlyLooksClaimsNothing) {
  ContainerView view = plain();
  view.privileged = true;
  view.labels = {{"ds01.monitoring", "true"}};
  EXPECT_TRUE(claimOf(view, "nvidia").none());
  view.labels = {{"ds01.monitoring", "yes"}};
  EXPECT_EQ(slotsOf(view), kAll);
}

// --- slots ---

GpuUse useOf(const std::string& container, GpuClaim claim) {
  return {.container = ContainerId(container),
          .login = {},
          .since = std::chrono::sys_days{std::chrono::year{2026} / 11 / 23},
          .claim = std::move(claim)};
}

std::vector<SlotState> states(const Ledger& ledger) {
  std::vector<SlotState> out;
  for (const SlotView& view : ledger.slots()) out.push_back(view.state);
  return out;
}

TEST(ForeignUse, OccupiesFreeSlotsUntilItEnds) {
  Scene scene(machine({{"full"}, {"full"}}));
  scene.ledger.noteUse(useOf("c-root", {.devices = {"0"}}));
  EXPECT_THAT(states(scene.ledger), ElementsAre(SlotState::Foreign, SlotState::Free));
  EXPECT_EQ(scene.ledger.slots()[0].use->container, ContainerId("c-root"));
  EXPECT_EQ(scene.slots(scene.ask("alice", count(1))), "1");
  const auto refused = scene.ask("alice", count(1));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, RefusalCode::NoneFree);
  EXPECT_THAT(refused.error().text, HasSubstr("0 by a container outside of DS01 since 2026-11-23 00:00 UTC"));
  const auto by_name = scene.ask("alice", devices({"0"}));
  ASSERT_FALSE(by_name);
  EXPECT_EQ(by_name.error().code, RefusalCode::DeviceHeld);
  EXPECT_TRUE(scene.ledger.violations().empty());

  EXPECT_TRUE(scene.ledger.useEnded(ContainerId("c-root")));
  EXPECT_FALSE(scene.ledger.useEnded(ContainerId("c-root")));
  EXPECT_EQ(scene.slots(scene.ask("alice", devices({"0"}))), "0");
}

TEST(ForeignUse, OfItsOwnLeaseIsNone) {
  Scene scene(machine({{"full"}, {"full"}}));
  const Lease lease = scene.hold("alice", "train", count(1));
  scene.ledger.noteUse(useOf("c-train", {.devices = {"GPU-0"}}));
  EXPECT_THAT(states(scene.ledger), ElementsAre(SlotState::Held, SlotState::Free));
  EXPECT_TRUE(scene.ledger.foreignTo(ContainerId("c-train")).empty());
  // An admin's privileged container takes the rest as well.
  scene.ledger.noteUse(useOf("c-train", {.all = true}));
  EXPECT_THAT(states(scene.ledger), ElementsAre(SlotState::Held, SlotState::Foreign));
  EXPECT_FALSE(scene.ask("bob", count(1)));
  // A lease that ends while its container runs gives away nothing.
  scene.ledger.release(lease.id);
  EXPECT_THAT(states(scene.ledger), ElementsAre(SlotState::Foreign, SlotState::Foreign));
}

TEST(ForeignUse, OfALeasedSlotLeavesTheLease) {
  Scene scene(machine({{"full"}}));
  const Lease lease = scene.hold("alice", "train", count(1));
  scene.ledger.noteUse(useOf("c-root", {.all = true}));
  EXPECT_THAT(states(scene.ledger), ElementsAre(SlotState::Held));
  const std::vector<SlotView> taken = scene.ledger.foreignTo(ContainerId("c-root"));
  ASSERT_EQ(taken.size(), 1U);
  EXPECT_EQ(taken[0].lease->login, "alice");
  EXPECT_EQ(scene.ledger.heldBy(lease.uid), GpuEq::whole(1));
  scene.ledger.release(lease.id);
  EXPECT_THAT(states(scene.ledger), ElementsAre(SlotState::Foreign));
}

TEST(ForeignUse, IsFoundAgainInAnInventoryThatComesLater) {
  Scene scene((Inventory()));
  scene.ledger.noteUse(useOf("c-root", {.devices = {"1"}}));
  scene.ledger.setInventory(machine({{"full"}, {"full"}}));
  EXPECT_THAT(states(scene.ledger), ElementsAre(SlotState::Free, SlotState::Foreign));
}

TEST(ForeignUse, ThroughTheEntryOfALeaseMeansItsSlotsOfThatMoment) {
  Scene scene(machine({{"full"}, {"full"}}));
  const Lease lease = scene.hold("alice", "train", count(1));
  scene.ledger.noteUse(useOf("c-copy", {.leases = {lease.id}}));
  ASSERT_EQ(scene.ledger.foreignTo(ContainerId("c-copy")).size(), 1U);
  scene.ledger.release(lease.id);
  EXPECT_THAT(states(scene.ledger), ElementsAre(SlotState::Foreign, SlotState::Free));
}

}  // namespace
}  // namespace ds01::allocator::test
