// What we make of what the driver says; literal readings.
#include "inventory/readings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ds01::inventory {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

GpuReading h100(std::int64_t index, std::string uuid) {
  GpuReading gpu;
  gpu.index = index;
  gpu.uuid = std::move(uuid);
  gpu.model = "NVIDIA H100 80GB HBM3";
  gpu.memory_mib = 81559;
  gpu.device_nodes = {"/dev/nvidia" + std::to_string(index)};
  return gpu;
}

MigReading instance(std::int64_t number, std::string uuid, std::string profile, std::int64_t slices) {
  MigReading mig;
  mig.number = number;
  mig.uuid = std::move(uuid);
  mig.name = "NVIDIA H100 80GB HBM3 MIG " + profile;
  mig.gpu_slices = mig.compute_slices = slices;
  mig.memory_mib = 9856 * slices;
  mig.device_nodes = {"/dev/nvidia-caps/nvidia-cap" + std::to_string(30 + number)};
  return mig;
}

TEST(MigProfile, IsInTheNameOfTheInstance) {
  EXPECT_EQ(migProfile(instance(0, "MIG-a", "1g.10gb", 1), 81559), "1g.10gb");
  EXPECT_EQ(migProfile(instance(0, "MIG-a", "1g.10gb+me", 1), 81559), "1g.10gb+me");
}

TEST(MigProfile, FollowsFromSlicesAndMemoryWhenTheNameHasNone) {
  const auto profile = [](std::int64_t slices, std::int64_t memory_mib, std::int64_t gpu_mib) {
    MigReading mig;
    mig.gpu_slices = mig.compute_slices = slices;
    mig.memory_mib = memory_mib;
    return migProfile(mig, gpu_mib);
  };
  // As nvidia-smi names them: A100 40 GB, A100 80 GB, H100 80 GB, A30.
  EXPECT_EQ(profile(1, 4864, 40960), "1g.5gb");
  EXPECT_EQ(profile(2, 9984, 40960), "2g.10gb");
  EXPECT_EQ(profile(3, 20096, 40960), "3g.20gb");
  EXPECT_EQ(profile(7, 40192, 40960), "7g.40gb");
  EXPECT_EQ(profile(1, 9728, 81920), "1g.10gb");
  EXPECT_EQ(profile(1, 9856, 81559), "1g.10gb");
  EXPECT_EQ(profile(1, 19968, 81559), "1g.20gb");
  EXPECT_EQ(profile(3, 40320, 81559), "3g.40gb");
  EXPECT_EQ(profile(1, 5836, 24576), "1g.6gb");
  EXPECT_EQ(profile(4, 23936, 24576), "4g.24gb");
  EXPECT_EQ(profile(1, 0, 24576), "");
  MigReading part;
  part.gpu_slices = 3;
  part.compute_slices = 1;
  part.memory_mib = 40320;
  EXPECT_EQ(migProfile(part, 81559), "1c.3g.40gb");
}

TEST(Interpret, TakesWholeGpusAndInstances) {
  Readings readings;
  GpuReading cut = h100(1, "GPU-b");
  cut.mig = true;
  cut.slices = 7;
  cut.instances = {instance(0, "MIG-a", "1g.10gb", 1), instance(2, "MIG-c", "3g.40gb", 3)};
  readings.gpus = {h100(0, "GPU-a"), cut};
  const Interpretation told = interpret(readings, {});
  EXPECT_THAT(told.remarks, IsEmpty());
  ASSERT_EQ(told.inventory.slots.size(), 3U);
  EXPECT_EQ(told.inventory.slots[0].slot, "0");
  EXPECT_EQ(told.inventory.slots[0].memory_mib, 81559);
  EXPECT_THAT(told.inventory.slots[0].device_nodes, ElementsAre("/dev/nvidia0"));
  EXPECT_EQ(told.inventory.slots[1].slot, "1:0");
  EXPECT_EQ(told.inventory.slots[1].weight.micro, 142'857);
  EXPECT_THAT(told.inventory.slots[1].device_nodes, ElementsAre("/dev/nvidia1", "/dev/nvidia-caps/nvidia-cap30"));
  // Its number in nvidia-smi, not its place.
  EXPECT_EQ(told.inventory.slots[2].slot, "1:2");
  EXPECT_EQ(told.inventory.slots[2].profile, "3g.40gb");
}

TEST(Interpret, TheMemoryOfAGpuThatIsCutNeedNotBeKnown) {
  Readings readings;
  readings.gpus = {h100(0, "GPU-a"), h100(1, "GPU-b")};
  for (GpuReading& gpu : readings.gpus) {
    gpu.mig = true;
    gpu.slices = 7;
    gpu.memory_mib = 0;
  }
  readings.gpus[0].instances = {instance(0, "MIG-a", "1g.10gb", 1), instance(1, "MIG-b", "3g.40gb", 3)};
  const Interpretation told = interpret(readings, {});
  EXPECT_THAT(told.remarks, IsEmpty());
  ASSERT_EQ(told.inventory.slots.size(), 2U);
  EXPECT_EQ(told.inventory.slots[1].memory_mib, 29568);
}

TEST(Interpret, MigModeWithoutInstancesHasNothingToGive) {
  Readings readings;
  readings.gpus = {h100(0, "GPU-a")};
  readings.gpus[0].mig = true;
  readings.gpus[0].slices = 7;
  EXPECT_THAT(interpret(readings, {}).inventory.slots, IsEmpty());
}

TEST(Interpret, PartsOfAGpuInstanceAreLeftOut) {
  Readings readings;
  GpuReading cut = h100(0, "GPU-a");
  cut.mig = true;
  cut.slices = 7;
  cut.instances = {instance(0, "MIG-a", "1c.3g.40gb", 1), instance(1, "MIG-b", "2g.20gb", 2)};
  cut.instances[0].gpu_slices = 3;
  readings.gpus = {cut};
  const Interpretation told = interpret(readings, {});
  ASSERT_EQ(told.inventory.slots.size(), 1U);
  EXPECT_EQ(told.inventory.slots[0].slot, "0:1");
  EXPECT_THAT(told.remarks, ElementsAre(HasSubstr("MIG instance 0:0 (1c.3g.40gb) is only a part")));
}

TEST(Interpret, AGpuThatContradictsItselfDoesNotTakeTheOthersWithIt) {
  Readings readings;
  readings.gpus = {h100(0, "GPU-a"), h100(1, "GPU-a"), h100(2, "nonsense"), h100(3, "GPU-d")};
  readings.remarks = {"from the driver"};
  const Interpretation told = interpret(readings, {});
  ASSERT_EQ(told.inventory.slots.size(), 2U);
  EXPECT_EQ(told.inventory.slots[0].uuid, "GPU-a");
  EXPECT_EQ(told.inventory.slots[1].uuid, "GPU-d");
  EXPECT_THAT(told.remarks, ElementsAre("from the driver", HasSubstr("GPU 1 is not used: UUID GPU-a"),
                                        HasSubstr("GPU 2 is not used: UUID \"nonsense\"")));
}

TEST(Interpret, ALostGpuIsWhatItWasAndSick) {
  Readings before;
  before.gpus = {h100(0, "GPU-a"), h100(1, "GPU-b")};
  Readings now = before;
  now.gpus[1] = {};
  now.gpus[1].index = 1;
  now.gpus[1].trouble = "the driver has lost this GPU";
  const Interpretation told = interpret(now, interpret(before, {}).remembered);
  ASSERT_EQ(told.inventory.slots.size(), 2U);
  EXPECT_EQ(told.inventory.slots[1].uuid, "GPU-b");
  EXPECT_EQ(told.inventory.slots[1].sick, "the driver has lost this GPU");
  // And at the next reading too, and well again when it is back.
  EXPECT_EQ(interpret(now, told.remembered).inventory, told.inventory);
  EXPECT_TRUE(interpret(before, told.remembered).inventory.slots[1].healthy());
}

TEST(Interpret, AGpuThatWasLostFromTheStartIsLeftOut) {
  Readings now;
  now.gpus = {h100(0, "GPU-a"), {}};
  now.gpus[1].index = 1;
  now.gpus[1].trouble = "the driver has lost this GPU";
  const Interpretation told = interpret(now, {});
  EXPECT_EQ(told.inventory.slots.size(), 1U);
  EXPECT_THAT(told.remarks, ElementsAre("GPU 1 is not used: the driver has lost this GPU"));
}

}  // namespace
}  // namespace ds01::inventory
