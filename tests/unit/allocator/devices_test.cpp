// Requests that name their devices.
#include <gtest/gtest.h>

#include "unit/allocator/scene.h"

namespace ds01::allocator::test {
namespace {

Refusal refusal(Scene& scene, const GpuRequest& request, const Limits& limits = unlimited()) {
  auto answer = scene.ask("a", request, limits);
  if (answer) throw std::runtime_error("was granted");
  return answer.error();
}

TEST(PlaceDevices, SlotsIndicesAndUuidsInTheOrderOfTheRequest) {
  EXPECT_EQ(Scene(siteMachine()).ask("a", devices({"3", "0"}))->uuids, (std::vector<std::string>{"GPU-3", "GPU-0"}));
  Scene scene(siteMachine());
  EXPECT_EQ(scene.slots(scene.ask("a", devices({"1:0"}))), "1:0");
  EXPECT_EQ(scene.slots(scene.ask("a", devices({"1.1"}))), "1:1");
  EXPECT_EQ(scene.slots(scene.ask("a", devices({"MIG-1:2"}))), "1:2");
  EXPECT_EQ(scene.slots(scene.ask("a", devices({"GPU-0"}))), "0");
  EXPECT_EQ(scene.slots(scene.ask("a", devices({"3"}))), "3");
}

TEST(PlaceDevices, UnknownNamesAreRefusedWithTheKnownOnes) {
  Scene scene(siteMachine());
  for (const std::string name :
       {"9", "1:3", "1.0.0", "", "-1", "00", "0x0", " 0", "0:0", "all", "GPU-00", "1:0 ", ".", "1."}) {
    EXPECT_EQ(refusal(scene, devices({name})).code, RefusalCode::NoSuchDevice) << name;
  }
  EXPECT_EQ(
      refusal(scene, devices({"9"})).text,
      "There is no GPU \"9\". The slots are 0 (full), 1:0 (2g.20gb), 1:1 (2g.20gb), 1:2 (2g.20gb), 2:0 (3g.40gb), "
      "2:1 (3g.40gb), 3 (full).");
  EXPECT_EQ(refusal(scene, devices({})).text,
            "The request names no GPU. Name a slot (--gpus device=SLOT) or ask for a number (--gpus 1).");
}

TEST(PlaceDevices, WhatTheUserWroteIsMadeFitForASentence) {
  Scene scene(siteMachine());
  const std::string text = refusal(scene, devices({"\x1b[31m\"\n" + std::string(100, 'x')})).text;
  EXPECT_TRUE(text.starts_with("There is no GPU \"?[31m??xxx")) << text;
  EXPECT_NE(text.find("xxx...\". The slots"), std::string::npos) << text;
}

TEST(PlaceDevices, AGpuCutByMigNamesItsInstances) {
  Scene scene(siteMachine());
  const Refusal refused = refusal(scene, devices({"1"}));
  EXPECT_EQ(refused.code, RefusalCode::NoSuchDevice);
  EXPECT_EQ(refused.text,
            "GPU 1 is cut into MIG slices and cannot be had as a whole. Name one of its slices: 1:0 (2g.20gb), 1:1 "
            "(2g.20gb), 1:2 (2g.20gb).");
}

TEST(PlaceDevices, NamedTwiceInWhateverWayIsRefused) {
  Scene scene(siteMachine());
  EXPECT_EQ(refusal(scene, devices({"0", "0"})).code, RefusalCode::NoSuchDevice);
  EXPECT_EQ(refusal(scene, devices({"0", "GPU-0"})).text,
            "The request names a GPU twice: \"GPU-0\". Name each slot once.");
  EXPECT_EQ(refusal(scene, devices({"1:0", "1.0"})).code, RefusalCode::NoSuchDevice);
}

TEST(PlaceDevices, OneMigSliceAndNothingBesideIt) {
  Scene scene(siteMachine());
  EXPECT_EQ(refusal(scene, devices({"1:0", "1:1"})).code, RefusalCode::NeverSatisfiable);
  EXPECT_EQ(refusal(scene, devices({"1:0", "2:1"})).text,
            "You hold no GPU and asked for slots 1:0, 2:1; a CUDA process can use only one MIG slice, so a container "
            "gets only one. Ask for --gpus 2: slots 0, 3 are free.");
  EXPECT_EQ(refusal(scene, devices({"0", "1:0"})).text,
            "You hold no GPU and asked for slots 0, 1:0; a CUDA process cannot use a MIG slice beside a whole GPU. Ask "
            "for --gpus 2: slots 0, 3 are free.");
}

TEST(PlaceDevices, HeldByAnother) {
  Scene scene(siteMachine());
  scene.hold("b", "secret-name", devices({"1:0"}));
  const Refusal refused = refusal(scene, devices({"1:0"}));
  EXPECT_EQ(refused.code, RefusalCode::DeviceHeld);
  EXPECT_EQ(refused.text,
            "You hold no GPU and asked for slot 1:0; held: 1:0 by b since 2026-11-23 08:00 UTC. Ask for --gpus "
            "device=1:1: it is of the same kind and free.");
}

TEST(PlaceDevices, HeldByOneself) {
  Scene scene(machine({{"full"}, {"full"}}));
  scene.hold("a", "train", devices({"0"}), quota(1));
  // A second one does not fit the quota, so that is the answer, whoever holds the slot.
  EXPECT_EQ(refusal(scene, devices({"0"}), quota(1)).code, RefusalCode::Quota);
  const Refusal refused = refusal(scene, devices({"0"}));
  EXPECT_EQ(refused.code, RefusalCode::DeviceHeld);
  EXPECT_EQ(
      refused.text,
      "You hold 1 GPU's worth (slot 0 in train) and asked for slot 0; held: 0 by you in train since 2026-11-23 "
      "08:00 UTC. Remove train (docker rm -f train), or ask for --gpus device=1: it is of the same kind and free.");
}

TEST(PlaceDevices, AllOrNothing) {
  Scene scene(machine({{"full"}, {"full"}, {"full"}}));
  scene.hold("b", "x", devices({"1"}));
  EXPECT_EQ(refusal(scene, devices({"0", "1"})).code, RefusalCode::DeviceHeld);
  EXPECT_EQ(scene.ledger.heldBy(scene.uid("a")), GpuEq{});
  EXPECT_EQ(scene.slots(scene.ask("a", devices({"0", "2"}))), "0,2");
}

TEST(PlaceDevices, AProfileMustAgree) {
  Scene scene(siteMachine());
  GpuRequest request = devices({"1:0"});
  request.profile = "2g.20gb";
  EXPECT_EQ(scene.slots(scene.ask("a", request)), "1:0");
  request.profile = "3g.40gb";
  EXPECT_EQ(
      refusal(scene, request).text,
      "Slot 1:0 is of kind 2g.20gb, but the label ds01.request.profile asks for \"3g.40gb\". Leave one of the two "
      "out.");
}

}  // namespace
}  // namespace ds01::allocator::test
