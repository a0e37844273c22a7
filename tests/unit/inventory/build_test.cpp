#include "inventory/build.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ds01::inventory {
namespace {

using ::testing::HasSubstr;

GpuSpec gpu(std::int64_t index) {
  GpuSpec spec;
  spec.index = index;
  spec.uuid = "GPU-" + std::to_string(index);
  spec.model = "NVIDIA A100-SXM4-80GB";
  spec.memory_mib = 81920;
  return spec;
}

MigSpec mig(std::string profile, std::string uuid) {
  MigSpec spec;
  spec.profile = std::move(profile);
  spec.uuid = std::move(uuid);
  return spec;
}

std::string onlyFault(const std::vector<GpuSpec>& gpus) {
  const auto built = build(gpus);
  if (built) return "none";
  return built.error().size() == 1 ? built.error()[0].where + ": " + built.error()[0].message : "several";
}

TEST(Build, MakesOneSlotOfAWholeGpu) {
  const auto inventory = build({gpu(3)});
  ASSERT_TRUE(inventory);
  ASSERT_EQ(inventory->slots.size(), 1U);
  const GpuSlot& slot = inventory->slots[0];
  EXPECT_EQ(slot.slot, "3");
  EXPECT_EQ(slot.uuid, "GPU-3");
  EXPECT_EQ(slot.profile, "full");
  EXPECT_EQ(slot.gpu, 3);
  EXPECT_EQ(slot.weight, GpuEq::whole(1));
  EXPECT_EQ(slot.memory_mib, 81920);
  EXPECT_TRUE(slot.whole());
}

TEST(Build, WeighsInstancesByTheSlicesOfTheirGpuRoundedDown) {
  GpuSpec seven = gpu(0);
  seven.mig = {mig("1g.10gb", "MIG-a"), mig("2g.20gb", "MIG-b"), mig("3g.40gb+me", "MIG-c")};
  GpuSpec four = gpu(1);
  four.slices = 4;
  four.mig = {mig("1g.6gb", "MIG-d"), mig("1g.6gb+me.all", "MIG-e")};
  const auto inventory = build({seven, four});
  ASSERT_TRUE(inventory);
  ASSERT_EQ(inventory->slots.size(), 5U);
  EXPECT_EQ(inventory->slots[0].weight.micro, 142'857);
  EXPECT_EQ(inventory->slots[1].weight.micro, 285'714);
  EXPECT_EQ(inventory->slots[2].weight.micro, 428'571);
  EXPECT_EQ(inventory->slots[3].weight.micro, 250'000);
  EXPECT_EQ(inventory->slots[1].slot, "0:1");
  EXPECT_EQ(inventory->slots[4].slot, "1:1");
  EXPECT_EQ(inventory->slots[1].memory_mib, 20480);
  EXPECT_EQ(inventory->slots[2].profile, "3g.40gb+me");
}

TEST(Build, GivesAnInstanceTheMemoryThatIsSaid) {
  GpuSpec spec = gpu(0);
  spec.mig = {mig("1g.10gb", "MIG-a")};
  (*spec.mig)[0].memory_mib = 9728;
  EXPECT_EQ(build({spec})->slots[0].memory_mib, 9728);
}

TEST(Build, HasNothingToGiveOfAGpuInMigModeWithoutInstances) {
  GpuSpec spec = gpu(0);
  spec.mig.emplace();
  const auto inventory = build({spec, gpu(1)});
  ASSERT_TRUE(inventory);
  ASSERT_EQ(inventory->slots.size(), 1U);
  EXPECT_EQ(inventory->slots[0].slot, "1");
}

TEST(Build, OrdersByIndexThenInstance) {
  GpuSpec cut = gpu(1);
  cut.mig = {mig("3g.40gb", "MIG-b"), mig("3g.40gb", "MIG-a")};
  const auto inventory = build({gpu(2), cut, gpu(0)});
  ASSERT_TRUE(inventory);
  std::vector<std::string> names;
  for (const GpuSlot& slot : inventory->slots) names.push_back(slot.slot);
  EXPECT_THAT(names, ::testing::ElementsAre("0", "1:0", "1:1", "2"));
}

TEST(Build, TakesNoGpusAtAll) {
  EXPECT_TRUE(build({}));
}

TEST(Build, RefusesAnIndexOrUuidTwice) {
  GpuSpec other = gpu(1);
  other.index = 0;
  EXPECT_THAT(onlyFault({gpu(0), other}), HasSubstr("gpus[1]: index 0 is that of gpus[0] too"));
  other = gpu(1);
  other.uuid = "GPU-0";
  EXPECT_THAT(onlyFault({gpu(0), other}), HasSubstr("gpus[1]: UUID GPU-0 is that of gpus[0] too"));
  other = gpu(1);
  other.mig = {mig("1g.10gb", "MIG-a"), mig("1g.10gb", "MIG-a")};
  EXPECT_THAT(onlyFault({other}), HasSubstr("gpus[0].mig[1]: UUID MIG-a is that of gpus[0].mig[0] too"));
}

TEST(Build, RefusesUuidsOfTheWrongKind) {
  for (const std::string uuid : {"MIG-1", "GPU-", "gpu-1", "", "GPU-a b", "GPU-a,GPU-b"}) {
    GpuSpec spec = gpu(0);
    spec.uuid = uuid;
    EXPECT_THAT(onlyFault({spec}), HasSubstr("does not have the form GPU-")) << uuid;
  }
  GpuSpec spec = gpu(0);
  spec.mig = {mig("1g.10gb", "GPU-1")};
  EXPECT_THAT(onlyFault({spec}), HasSubstr("does not have the form MIG-"));
}

TEST(Build, RefusesProfilesThatAreNone) {
  for (const std::string profile : {"", "full", "2g", "2g.20", "g.20gb", "0g.10gb", "02g.20gb", "8g.80gb", "2g.20gb+",
                                    "2g.20gbx", "1c.3g.40gb", "-1g.10gb", "99999999999999999999g.1gb", "2G.20GB"}) {
    GpuSpec spec = gpu(0);
    spec.mig = {mig(profile, "MIG-a")};
    EXPECT_THAT(onlyFault({spec}), HasSubstr("expected one such as 2g.20gb, with 1 to 7 slices")) << profile;
  }
}

TEST(Build, RefusesMoreSlicesThanTheGpuHas) {
  GpuSpec spec = gpu(0);
  spec.mig = {mig("4g.40gb", "MIG-a"), mig("3g.40gb", "MIG-b"), mig("1g.10gb", "MIG-c"), mig("1g.10gb", "MIG-d")};
  EXPECT_THAT(onlyFault({spec}), HasSubstr("gpus[0].mig[2]: the instances up to this one take 8 slices"));
}

TEST(Build, RefusesMemoryThatCannotBe) {
  GpuSpec spec = gpu(0);
  spec.memory_mib = 0;
  EXPECT_THAT(onlyFault({spec}), HasSubstr("memory_mib 0"));
  spec = gpu(0);
  spec.memory_mib = 10240;
  spec.mig = {mig("2g.20gb", "MIG-a")};
  EXPECT_THAT(onlyFault({spec}), HasSubstr("20480 MiB"));
}

TEST(Build, SaysAllFaultsAtOnceWithTheirPlace) {
  GpuSpec bad = gpu(-1);
  bad.uuid = "x";
  bad.model.clear();
  bad.slices = 0;
  bad.line = 7;
  bad.column = 5;
  const auto built = build({bad});
  ASSERT_FALSE(built);
  EXPECT_EQ(built.error().size(), 4U);
  for (const Fault& fault : built.error()) {
    EXPECT_EQ(fault.line, 7);
    EXPECT_EQ(fault.column, 5);
  }
}

TEST(Build, GivesInstancesTheNodesAndTheSicknessOfTheirGpu) {
  GpuSpec whole = gpu(0);
  whole.device_nodes = {"/dev/nvidia0"};
  GpuSpec cut = gpu(1);
  cut.device_nodes = {"/dev/nvidia1"};
  cut.sick = "Xid 79";
  cut.mig = {mig("1g.10gb", "MIG-a"), mig("1g.10gb", "MIG-b")};
  (*cut.mig)[1].device_nodes = {"/dev/nvidia-caps/nvidia-cap21", "/dev/nvidia-caps/nvidia-cap22"};
  const auto inventory = build({whole, cut});
  ASSERT_TRUE(inventory);
  using Nodes = std::vector<std::string>;
  EXPECT_EQ(inventory->slots[0].device_nodes, Nodes{"/dev/nvidia0"});
  EXPECT_TRUE(inventory->slots[0].healthy());
  EXPECT_EQ(inventory->slots[1].device_nodes, Nodes{"/dev/nvidia1"});
  EXPECT_EQ(inventory->slots[2].device_nodes,
            (Nodes{"/dev/nvidia1", "/dev/nvidia-caps/nvidia-cap21", "/dev/nvidia-caps/nvidia-cap22"}));
  EXPECT_EQ(inventory->slots[2].sick, "Xid 79");
}

TEST(Build, RefusesDeviceNodesThatAreNotPlainlyBelowDev) {
  for (const char* node : {"", "nvidia0", "/etc/shadow", "/dev/../etc/shadow", "/dev//nvidia0", "/dev/", "/dev/./x",
                           "/dev/nvidia 0", "/dev/nvidia0:rw", "/dev/.hidden", "/dev/x/"}) {
    GpuSpec spec = gpu(0);
    spec.device_nodes = {"/dev/nvidia0", node};
    EXPECT_THAT(onlyFault({spec}), HasSubstr("gpus[0]: device node")) << node;
    GpuSpec cut = gpu(0);
    cut.mig = {mig("1g.10gb", "MIG-a")};
    (*cut.mig)[0].device_nodes = {node};
    EXPECT_THAT(onlyFault({cut}), HasSubstr("gpus[0].mig[0]: device node")) << node;
  }
  GpuSpec many = gpu(0);
  many.device_nodes.assign(33, "/dev/nvidia0");
  EXPECT_THAT(onlyFault({many}), HasSubstr("more than 32 device nodes"));
}

}  // namespace
}  // namespace ds01::inventory
