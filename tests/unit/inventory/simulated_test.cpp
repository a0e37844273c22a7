#include "inventory/sim/simulated.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/temp_dir.h"

namespace ds01::inventory::sim {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

std::string messageFor(std::string_view text) {
  const test::TempDir dir;
  const std::string path = dir.write("gpus.yaml", text);
  const Result<Inventory> inventory = loadSimulated(path);
  if (inventory) return "loaded";
  EXPECT_EQ(inventory.error().code(), ErrorCode::Malformed);
  EXPECT_THAT(inventory.error().message(), HasSubstr(path + ":"));
  return inventory.error().message();
}

TEST(LoadSimulated, ReadsTheFileOfTheSite) {
  const Result<Inventory> inventory = loadSimulated(DS01_SOURCE_DIR "/tests/data/site/current/gpus-4xA100.yaml");
  ASSERT_TRUE(inventory) << inventory.error().message();
  std::vector<std::string> names;
  for (const GpuSlot& slot : inventory->slots) names.push_back(slot.slot);
  EXPECT_THAT(names, ::testing::ElementsAre("0", "1:0", "1:1", "1:2", "2:0", "2:1", "3"));
  EXPECT_EQ(inventory->slots[3].uuid, "MIG-00000000-0000-5000-8000-000000000012");
  EXPECT_EQ(inventory->slots[3].weight.micro, 285'714);
  EXPECT_EQ(inventory->slots[4].weight.micro, 428'571);
  EXPECT_EQ(inventory->slots[4].memory_mib, 40960);
}

TEST(LoadSimulated, ReadsTheShippedFile) {
  const Result<Inventory> inventory = loadSimulated(DS01_SOURCE_DIR "/config/sim/gpus-4.yaml");
  ASSERT_TRUE(inventory) << inventory.error().message();
  EXPECT_EQ(inventory->slots.size(), 7U);
}

TEST(LoadSimulated, ReadsDeviceNodes) {
  const test::TempDir dir;
  const std::string path =
      dir.write("gpus.yaml",
                "gpus:\n"
                "  - index: 0\n"
                "    uuid: GPU-a\n"
                "    model: A100\n"
                "    memory_mib: 40960\n"
                "    device_nodes: [/dev/nvidia0]\n"
                "    mig:\n"
                "      - {profile: 1g.5gb, uuid: MIG-a, device_nodes: [/dev/nvidia-caps/nvidia-cap3]}\n");
  const Result<Inventory> inventory = loadSimulated(path);
  ASSERT_TRUE(inventory) << inventory.error().message();
  EXPECT_THAT(inventory->slots[0].device_nodes, ::testing::ElementsAre("/dev/nvidia0", "/dev/nvidia-caps/nvidia-cap3"));
}

TEST(LoadSimulated, SaysThatThereIsNoFile) {
  const test::TempDir dir;
  const Result<Inventory> inventory = loadSimulated(dir.file("none.yaml"));
  ASSERT_FALSE(inventory);
  EXPECT_EQ(inventory.error().code(), ErrorCode::NotFound);
  EXPECT_FALSE(loadSimulated(dir.path()));
}

TEST(LoadSimulated, NamesLineAndColumnOfEachFault) {
  const std::string message = messageFor(
      "gpus:\n"
      "  - {index: 0, uuid: GPU-a, model: A100, memory_mib: 40960}\n"
      "  - {index: 1, uuid: GPU-a, model: A100, memory_mib: 40960}\n"
      "  - index: 1\n"
      "    uuid: GPU-b\n"
      "    model: A100\n"
      "    memory_mib: 40960\n"
      "    mig:\n"
      "      - {profile: 9g.9gb, uuid: MIG-a}\n");
  EXPECT_THAT(message, AllOf(HasSubstr(":3:5: error: gpus[1]: UUID GPU-a"), HasSubstr(":4:5: error: gpus[2]: index 1"),
                             HasSubstr(":9:9: error: gpus[2].mig[0]: profile")));
}

TEST(LoadSimulated, RefusesWrongTypesUnknownAndMissingKeys) {
  EXPECT_THAT(messageFor("gpus:\n  - {index: one, uuid: GPU-a, model: A, memory_mib: 4}\n"),
              HasSubstr(":2:13: error: gpus[0].index: expected a whole number, found one"));
  EXPECT_THAT(messageFor("gpus:\n  - {index: 0, uuid: GPU-a, model: A, memory_mib: 4096, slice: 4}\n"),
              HasSubstr("did you mean slices?"));
  EXPECT_THAT(messageFor("gpus:\n  - {index: 0, model: A, memory_mib: 4096}\n"), HasSubstr("uuid: is missing"));
  EXPECT_THAT(messageFor("gpus: 4\n"), HasSubstr("expected a list of mappings"));
  EXPECT_THAT(messageFor("[]\n"), HasSubstr("expected a mapping"));
  EXPECT_THAT(messageFor(""), HasSubstr("gpus: is missing"));
  EXPECT_THAT(messageFor("gpus: [\n"), HasSubstr("is not valid YAML"));
}

}  // namespace
}  // namespace ds01::inventory::sim
