#include "cdi/spec.h"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ds01::cdi {
namespace {

namespace json = boost::json;
using testing::HasSubstr;

GpuSlot wholeGpu() {
  GpuSlot slot;
  slot.slot = "1";
  slot.uuid = "GPU-1";
  slot.profile = "full";
  slot.device_nodes = {"/dev/nvidia1"};
  return slot;
}
GpuSlot instance() {
  GpuSlot slot;
  slot.slot = "0:1";
  slot.uuid = "MIG-7";
  slot.profile = "2g.20gb";
  slot.device_nodes = {"/dev/nvidia0", "/dev/nvidia-caps/nvidia-cap21", "/dev/nvidia-caps/nvidia-cap22"};
  return slot;
}

Lease leaseOn(const GpuSlot& slot) {
  Lease lease;
  lease.id = LeaseId("L0123456789abcdef");
  lease.uuids = {slot.uuid};
  return lease;
}

// As nvidia-ctk cdi generate writes it, shortened.
json::object vendor() {
  return json::parse(R"({
    "cdiVersion": "0.5.0", "kind": "nvidia.com/gpu",
    "devices": [
      {"name": "0:1", "containerEdits": {"deviceNodes": [
        {"path": "/dev/nvidia0"}, {"path": "/dev/nvidia-caps/nvidia-cap21"}, {"path": "/dev/nvidia-caps/nvidia-cap22"}]}},
      {"name": "1", "containerEdits": {
        "deviceNodes": [{"path": "/dev/nvidia1", "major": 195, "minor": 1}, {"path": "/dev/dri/card1"}],
        "hooks": [{"hookName": "createContainer", "path": "/usr/bin/nvidia-ctk", "args": ["nvidia-ctk", "dri"]}]}},
      {"name": "all", "containerEdits": {"deviceNodes": [{"path": "/dev/nvidia0"}, {"path": "/dev/nvidia1"}]}}],
    "containerEdits": {
      "env": ["NVIDIA_VISIBLE_DEVICES=void", "NVIDIA_CTK=1"],
      "deviceNodes": [{"path": "/dev/nvidiactl", "permissions": "rwm"}, {"path": "/dev/nvidia-modeset"}, {"path": "/dev/nvidia3"}],
      "hooks": [{"hookName": "createContainer", "path": "/usr/bin/nvidia-ctk", "args": ["nvidia-ctk", "ldcache"]}],
      "mounts": [{"hostPath": "/usr/lib/libcuda.so.1", "containerPath": "/usr/lib/libcuda.so.1", "options": ["ro"]}]}})")
      .as_object();
}

json::object editsOf(const Entry& entry) {
  return json::parse(entry.text).at("devices").at(0).at("containerEdits").as_object();
}

std::vector<std::string> pathsIn(const json::object& edits) {
  std::vector<std::string> paths;
  if (!edits.contains("deviceNodes")) return paths;
  for (const json::value& node : edits.at("deviceNodes").as_array()) {
    EXPECT_EQ(node.at("permissions"), "rw") << json::serialize(node);
    paths.emplace_back(node.at("path").as_string());
  }
  return paths;
}

TEST(Entry, HasTheNodesAndTheUuidsWhereNvidiaSaysNothing) {
  const EntryFacts facts{.nodes = {"/dev/nvidia1", "/dev/nvidiactl"}};
  const GpuSlot slot = wholeGpu();
  const Entry entry = entryFor(leaseOn(slot), {&slot, 1}, facts);
  EXPECT_EQ(
      entry.text,
      R"({"cdiVersion":"0.6.0","kind":"ds01.io/lease","devices":[{"name":"L0123456789abcdef",)"
      R"("annotations":{"ds01.io/uuids":"GPU-1"},"containerEdits":{"env":["NVIDIA_VISIBLE_DEVICES=GPU-1"],)"
      R"("deviceNodes":[{"path":"/dev/nvidia1","permissions":"rw"},{"path":"/dev/nvidiactl","permissions":"rw"}]}}]})"
      "\n");
  EXPECT_EQ(entry.warning, "");
}

TEST(Entry, OfASimulatedGpuIsTheEnvironmentAlone) {
  GpuSlot slot = wholeGpu();
  slot.device_nodes.clear();
  const json::object edits = editsOf(entryFor(leaseOn(slot), {&slot, 1}, {}));
  EXPECT_EQ(json::serialize(edits), R"({"env":["NVIDIA_VISIBLE_DEVICES=GPU-1"]})");
}

TEST(Entry, TakesLibrariesAndHooksFromNvidiasDescriptionAndNoOtherGpu) {
  const EntryFacts facts{.nodes = {"/dev/nvidia1", "/dev/nvidiactl", "/dev/nvidia-uvm"}, .vendor = vendor()};
  const GpuSlot slot = wholeGpu();
  const Entry entry = entryFor(leaseOn(slot), {&slot, 1}, facts);
  EXPECT_EQ(entry.warning, "");
  const json::object edits = editsOf(entry);
  EXPECT_EQ(pathsIn(edits), (std::vector<std::string>{"/dev/nvidiactl", "/dev/nvidia-modeset", "/dev/nvidia1",
                                                      "/dev/dri/card1", "/dev/nvidia-uvm"}));
  EXPECT_EQ(edits.at("deviceNodes").at(2).at("minor"), 1);
  EXPECT_EQ(edits.at("mounts").as_array().size(), 1U);
  EXPECT_EQ(edits.at("hooks").as_array().size(), 2U);
  EXPECT_EQ(json::serialize(edits.at("env")), R"(["NVIDIA_CTK=1","NVIDIA_VISIBLE_DEVICES=void"])");
}

TEST(Entry, OfAnInstanceHasItsCapsFiles) {
  const GpuSlot slot = instance();
  const Entry entry = entryFor(leaseOn(slot), {&slot, 1}, {.nodes = slot.device_nodes, .vendor = vendor()});
  EXPECT_EQ(entry.warning, "");
  EXPECT_EQ(pathsIn(editsOf(entry)),
            (std::vector<std::string>{"/dev/nvidiactl", "/dev/nvidia-modeset", "/dev/nvidia0",
                                      "/dev/nvidia-caps/nvidia-cap21", "/dev/nvidia-caps/nvidia-cap22"}));
}

// After a change of MIG the description is old until somebody makes a new one: its "0:1" may be another's instance.
TEST(Entry, ADescriptionThatContradictsTheInventoryGivesNoDevice) {
  GpuSlot slot = instance();
  slot.device_nodes[2] = "/dev/nvidia-caps/nvidia-cap40";
  const Entry entry = entryFor(leaseOn(slot), {&slot, 1}, {.nodes = slot.device_nodes, .vendor = vendor()});
  EXPECT_THAT(entry.warning, HasSubstr("its device 0:1 has the files"));
  EXPECT_THAT(entry.warning, HasSubstr("nvidia-cap22"));
  const std::vector<std::string> paths = pathsIn(editsOf(entry));
  EXPECT_EQ(std::ranges::count(paths, "/dev/nvidia-caps/nvidia-cap22"), 0);
  EXPECT_EQ(std::ranges::count(paths, "/dev/nvidia-caps/nvidia-cap40"), 1);

  slot.slot = "3:0";
  EXPECT_THAT(entryFor(leaseOn(slot), {&slot, 1}, {.nodes = {}, .vendor = vendor()}).warning,
              HasSubstr("no device MIG-7 or 3:0"));
}

TEST(Entry, AUuidInTheDescriptionGoesBeforeAnIndex) {
  json::object description = vendor();
  description["devices"].as_array().insert(
      description["devices"].as_array().begin(),
      json::parse(R"({"name":"GPU-1","containerEdits":{"deviceNodes":[{"path":"/dev/nvidia1"}],"env":["BY=uuid"]}})"));
  const GpuSlot slot = wholeGpu();
  const Entry entry = entryFor(leaseOn(slot), {&slot, 1}, {.nodes = {}, .vendor = std::move(description)});
  EXPECT_THAT(entry.text, HasSubstr("BY=uuid"));
}

TEST(Entry, DeclaresTheNewerVersionThatTheDescriptionNeeds) {
  json::object description = vendor();
  description["cdiVersion"] = "0.8.0";
  const GpuSlot slot = wholeGpu();
  const Entry entry = entryFor(leaseOn(slot), {&slot, 1}, {.nodes = {}, .vendor = std::move(description)});
  EXPECT_EQ(json::parse(entry.text).at("cdiVersion"), "0.8.0");
}

TEST(Names, LeadFromLeaseToFileAndBack) {
  const LeaseId lease("L0123456789abcdef");
  EXPECT_EQ(deviceName(lease), "ds01.io/lease=L0123456789abcdef");
  EXPECT_EQ(fileName(lease), "ds01.io-lease_L0123456789abcdef.json");
  EXPECT_EQ(leaseOf(fileName(lease)), lease);
  for (const char* name :
       {"nvidia.yaml", "ds01.io-lease_.json", "ds01.io-lease_L1.yaml", "ds01.io-lease_L1.json.new", ""}) {
    EXPECT_FALSE(leaseOf(name)) << name;
  }
}

TEST(UuidsIn, ReadsWhatWasWritten) {
  const GpuSlot slot = wholeGpu();
  Lease lease = leaseOn(slot);
  lease.uuids = {"GPU-1", "GPU-2"};
  EXPECT_EQ(uuidsIn(entryFor(lease, {&slot, 1}, {}).text).value(), lease.uuids);
  for (const char* text :
       {"", "{}", "[]", R"({"devices":[]})", R"({"devices":[7]})", R"({"devices":[{"annotations":{}}]})"}) {
    EXPECT_FALSE(uuidsIn(text)) << text;
  }
}

}  // namespace
}  // namespace ds01::cdi
