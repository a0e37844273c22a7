#include "inventory/build.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <set>
#include <string_view>

#include <fmt/format.h>

namespace ds01::inventory {
namespace {

constexpr std::int64_t kMostGpus = 1024;
constexpr std::int64_t kMostSlices = 64;
constexpr std::int64_t kMostMemoryMib = 1LL << 30;
constexpr std::size_t kMostNodes = 32;
constexpr std::size_t kLongestNode = 128;

struct Profile {
  std::int64_t slices = 0;
  std::int64_t gigabytes = 0;
};

// Takes a positive whole number without leading zeros off the front; 0 if there is none.
std::int64_t takeNumber(std::string_view& text) {
  std::int64_t value = 0;
  if (text.empty() || text[0] < '1' || text[0] > '9') return 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failure != std::errc()) return 0;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return value;
}

bool takeText(std::string_view& text, std::string_view expected) {
  if (!text.starts_with(expected)) return false;
  text.remove_prefix(expected.size());
  return true;
}

// "Ng.XXgb" and attributes behind a plus, as nvidia-smi prints them. A compute instance ("1c.3g.40gb") is not one.
std::optional<Profile> parseProfile(std::string_view text) {
  Profile profile;
  profile.slices = takeNumber(text);
  if (profile.slices == 0 || !takeText(text, "g.")) return std::nullopt;
  profile.gigabytes = takeNumber(text);
  if (profile.gigabytes == 0 || profile.gigabytes > kMostMemoryMib / 1024 || !takeText(text, "gb")) return std::nullopt;
  if (text.empty()) return profile;
  const bool attributes = text.size() > 1 && text[0] == '+' && std::ranges::all_of(text, [](char c) {
                            return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '+' || c == '-';
                          });
  return attributes ? std::optional(profile) : std::nullopt;
}

// "/dev/nvidia-caps/nvidia-cap21": what a container is given must not lead elsewhere, so no dots at the front of a
// part.
bool plainNode(std::string_view path) {
  if (!path.starts_with("/dev/") || path.size() > kLongestNode || path.ends_with('/')) return false;
  char before = 0;
  for (const char c : path) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                       c == '_' || c == '.' || c == '/';
    if (!plain || (before == '/' && (c == '/' || c == '.'))) return false;
    before = c;
  }
  return true;
}

class Builder {
 public:
  void add(const GpuSpec& gpu, std::size_t position) {
    const std::string where = fmt::format("gpus[{}]", position);
    const auto fault = [&](std::string message) {
      faults_.push_back({where, gpu.line, gpu.column, std::move(message)});
    };
    if (gpu.index < 0 || gpu.index >= kMostGpus) fault(fmt::format("index {} is not one from 0 to 1023", gpu.index));
    if (const auto [known, added] = indices_.emplace(gpu.index, where); !added) {
      fault(fmt::format("index {} is that of {} too", gpu.index, known->second));
    }
    if (gpu.model.empty()) fault("model is missing");
    if (gpu.memory_mib <= 0 || gpu.memory_mib > kMostMemoryMib) {
      fault(fmt::format("memory_mib {} is not that of a GPU", gpu.memory_mib));
    }
    const bool slices_fit = gpu.slices > 0 && gpu.slices <= kMostSlices;
    if (!slices_fit) fault(fmt::format("slices {} is not a number from 1 to {}", gpu.slices, kMostSlices));
    checkUuid(gpu.uuid, "GPU-", where, gpu.line, gpu.column);
    checkNodes(gpu.device_nodes, where, gpu.line, gpu.column);
    if (!gpu.mig) {
      slots_.push_back({.slot = fmt::format("{}", gpu.index),
                        .uuid = gpu.uuid,
                        .model = gpu.model,
                        .profile = "full",
                        .gpu = static_cast<std::int32_t>(gpu.index),
                        .weight = GpuEq::whole(1),
                        .memory_mib = gpu.memory_mib,
                        .device_nodes = gpu.device_nodes,
                        .sick = gpu.sick});
    } else if (slices_fit) {
      addInstances(gpu, where);
    }
  }

  std::expected<Inventory, std::vector<Fault>> take() {
    if (!faults_.empty()) return std::unexpected(std::move(faults_));
    std::ranges::stable_sort(slots_, {}, &GpuSlot::gpu);
    return Inventory{std::move(slots_)};
  }

 private:
  void addInstances(const GpuSpec& gpu, const std::string& gpu_where) {
    std::int64_t used = 0;
    std::set<std::int64_t> numbers;
    for (std::size_t i = 0; i < gpu.mig->size(); ++i) {
      const MigSpec& mig = (*gpu.mig)[i];
      const std::string where = fmt::format("{}.mig[{}]", gpu_where, i);
      const auto fault = [&](std::string message) {
        faults_.push_back({where, mig.line, mig.column, std::move(message)});
      };
      checkUuid(mig.uuid, "MIG-", where, mig.line, mig.column);
      checkNodes(mig.device_nodes, where, mig.line, mig.column);
      const std::int64_t number = mig.number.value_or(static_cast<std::int64_t>(i));
      if (!numbers.insert(number).second) fault(fmt::format("there are two instances {}:{}", gpu.index, number));
      const std::optional<Profile> profile = parseProfile(mig.profile);
      if (!profile || profile->slices > gpu.slices) {
        fault(fmt::format("profile \"{}\" is not one of this GPU; expected one such as 2g.20gb, with 1 to {} slices",
                          mig.profile, gpu.slices));
        continue;
      }
      // Said once, at the instance that is too much.
      if (used <= gpu.slices && used + profile->slices > gpu.slices) {
        fault(fmt::format("the instances up to this one take {} slices, and the GPU has {}", used + profile->slices,
                          gpu.slices));
      }
      used += profile->slices;
      const std::int64_t memory_mib = mig.memory_mib.value_or(profile->gigabytes * 1024);
      if (memory_mib <= 0 || memory_mib > gpu.memory_mib) {
        fault(fmt::format("its memory of {} MiB is not part of the GPU's {} MiB", memory_mib, gpu.memory_mib));
      }
      std::vector<std::string> nodes = gpu.device_nodes;
      nodes.insert(nodes.end(), mig.device_nodes.begin(), mig.device_nodes.end());
      slots_.push_back({.slot = fmt::format("{}:{}", gpu.index, number),
                        .uuid = mig.uuid,
                        .model = gpu.model,
                        .profile = mig.profile,
                        .gpu = static_cast<std::int32_t>(gpu.index),
                        .weight = GpuEq{profile->slices * GpuEq::whole(1).micro / gpu.slices},
                        .memory_mib = memory_mib,
                        .device_nodes = std::move(nodes),
                        .sick = gpu.sick});
    }
  }

  void checkNodes(const std::vector<std::string>& nodes, const std::string& where, int line, int column) {
    if (nodes.size() > kMostNodes) {
      faults_.push_back({where, line, column, fmt::format("more than {} device nodes", kMostNodes)});
    }
    for (const std::string& node : nodes) {
      if (plainNode(node)) continue;
      faults_.push_back(
          {where, line, column, fmt::format("device node \"{}\" is not a plain path such as /dev/nvidia0", node)});
    }
  }

  void checkUuid(const std::string& uuid, std::string_view prefix, const std::string& where, int line, int column) {
    const auto fault = [&](std::string message) { faults_.push_back({where, line, column, std::move(message)}); };
    const bool plain = std::ranges::all_of(uuid, [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '/';
    });
    if (!uuid.starts_with(prefix) || uuid.size() == prefix.size() || !plain) {
      fault(fmt::format("UUID \"{}\" does not have the form {}…", uuid, prefix));
    } else if (const auto [known, added] = uuids_.emplace(uuid, where); !added) {
      fault(fmt::format("UUID {} is that of {} too", uuid, known->second));
    }
  }

  std::vector<GpuSlot> slots_;
  std::vector<Fault> faults_;
  std::map<std::int64_t, std::string> indices_;  // to where it was first seen
  std::map<std::string, std::string> uuids_;
};

}  // namespace

std::expected<Inventory, std::vector<Fault>> build(const std::vector<GpuSpec>& gpus) {
  Builder builder;
  for (std::size_t i = 0; i < gpus.size(); ++i) builder.add(gpus[i], i);
  return builder.take();
}

}  // namespace ds01::inventory
