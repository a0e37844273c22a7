#include "inventory/readings.h"

#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "inventory/build.h"

namespace ds01::inventory {
namespace {

// A GPU that has fallen off the bus has no name any more; which one it was is known by where it was.
GpuReading remembered(GpuReading reading, const Readings& before) {
  if (!reading.uuid.empty()) return reading;
  const auto known = std::ranges::find(before.gpus, reading.index, &GpuReading::index);
  if (known == before.gpus.end() || known->uuid.empty()) return reading;
  GpuReading was = *known;
  was.trouble = reading.trouble;
  return was;
}

GpuSpec specOf(const GpuReading& reading, std::vector<std::string>& remarks) {
  GpuSpec spec{.index = reading.index,
               .uuid = reading.uuid,
               .model = reading.model,
               .memory_mib = reading.memory_mib,
               .mig = std::nullopt,
               .device_nodes = reading.device_nodes,
               .sick = reading.trouble};
  if (reading.slices > 0) spec.slices = reading.slices;
  if (!reading.mig) return spec;
  spec.mig.emplace();
  std::int64_t memory_mib = 1;  // at least; of what the driver does not say, the instances' memory is the least
  for (const MigReading& instance : reading.instances) {
    std::string profile = migProfile(instance, reading.memory_mib);
    if (instance.compute_slices < instance.gpu_slices) {
      remarks.push_back(fmt::format("MIG instance {}:{} ({}) is only a part of its GPU instance and is not given away",
                                    reading.index, instance.number, profile));
      continue;
    }
    memory_mib += instance.memory_mib;
    spec.mig->push_back({.profile = std::move(profile),
                         .uuid = instance.uuid,
                         .memory_mib = instance.memory_mib,
                         .device_nodes = instance.device_nodes,
                         .number = instance.number});
  }
  spec.memory_mib = std::max(spec.memory_mib, memory_mib);
  return spec;
}

}  // namespace

std::string migProfile(const MigReading& instance, std::int64_t gpu_memory_mib) {
  static constexpr std::string_view kMark = " MIG ";
  if (const std::size_t mark = instance.name.rfind(kMark); mark != std::string::npos) {
    return instance.name.substr(mark + kMark.size());
  }
  if (gpu_memory_mib <= 0 || instance.memory_mib <= 0) return {};
  const std::int64_t eighths = (instance.memory_mib * 8 + gpu_memory_mib - 1) / gpu_memory_mib;
  const std::int64_t gpu_gib = (gpu_memory_mib + 1023) / 1024;
  const std::int64_t gigabytes = (eighths * gpu_gib + 4) / 8;
  std::string profile = fmt::format("{}g.{}gb", instance.gpu_slices, gigabytes);
  if (instance.compute_slices >= instance.gpu_slices) return profile;
  return fmt::format("{}c.{}", instance.compute_slices, profile);
}

Interpretation interpret(const Readings& now, const Readings& before) {
  Interpretation result{.inventory = {}, .remarks = now.remarks, .remembered = now};
  std::vector<GpuSpec> specs;
  for (GpuReading& reading : result.remembered.gpus) {
    reading = remembered(std::move(reading), before);
    GpuSpec spec = specOf(reading, result.remarks);
    specs.push_back(spec);
    // Also beside those before it: two with one UUID are both wrong, but the first may be in use.
    if (const auto built = build(specs); !built) {
      const Fault& fault = built.error().front();
      result.remarks.push_back(
          fmt::format("GPU {} is not used: {}", reading.index,
                      reading.trouble.empty() || !reading.uuid.empty() ? fault.message : reading.trouble));
      specs.pop_back();
    }
  }
  if (auto built = build(specs)) result.inventory = *std::move(built);
  return result;
}

}  // namespace ds01::inventory
