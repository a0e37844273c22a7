#include "allocator/foreign.h"

#include <algorithm>

#include <fmt/format.h>

namespace ds01::allocator {
namespace {

constexpr std::string_view kVisible = "NVIDIA_VISIBLE_DEVICES=";
constexpr std::string_view kLeaseDevice = "ds01.io/lease=";
// Of /dev/nvidia0 and its like (linux/Documentation/admin-guide/devices.txt: 195).
constexpr std::string_view kMajor = "195";

std::vector<std::string_view> split(std::string_view text, char at) {
  std::vector<std::string_view> parts;
  while (true) {
    const std::size_t end = text.find(at);
    std::string_view part = text.substr(0, end);
    while (part.starts_with(' ')) part.remove_prefix(1);
    while (part.ends_with(' ')) part.remove_suffix(1);
    if (!part.empty()) parts.push_back(part);
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

// "all", "none", "void", an index or a UUID; the lists of NVIDIA_VISIBLE_DEVICES and DeviceIDs.
void addDevice(GpuClaim& claim, std::string_view name) {
  if (name == "all") claim.all = true;
  if (name.empty() || name == "all" || name == "none" || name == "void") return;
  claim.devices.emplace_back(name);
}

bool isNvidia(const DeviceRequestView& request) {
  return request.driver == "nvidia" || request.driver.empty() || request.gpu;
}

void addRequest(GpuClaim& claim, const DeviceRequestView& request) {
  if (request.driver == "cdi") {
    for (const std::string& id : request.ids) {
      const std::size_t equals = id.find('=');
      if (id.starts_with(kLeaseDevice)) {
        claim.leases.emplace_back(id.substr(kLeaseDevice.size()));
      } else if (id.starts_with("nvidia.com/") && equals != std::string::npos) {
        addDevice(claim, std::string_view(id).substr(equals + 1));
      }
    }
    return;
  }
  if (!isNvidia(request)) return;
  if (request.count < 0) claim.all = true;
  // moby asks for the first ones (daemon/nvidia_linux.go).
  for (std::int64_t i = 0; i < std::min<std::int64_t>(request.count, 1024); ++i)
    claim.devices.push_back(fmt::format("{}", i));
  for (const std::string& ids : request.ids) {
    for (const std::string_view id : split(ids, ',')) addDevice(claim, id);
  }
}

// Whether NVIDIA_VISIBLE_DEVICES means something: under runc and its like nobody reads it.
bool heedsEnvironment(std::string_view runtime) {
  static constexpr std::string_view kPlain[] = {"runc", "io.containerd.runc.v2", "io.containerd.runtime.v1.linux",
                                                "crun", "runsc"};
  return std::ranges::find(kPlain, runtime) == std::end(kPlain);
}

void addEnvironment(GpuClaim& claim, const std::vector<std::string>& env) {
  const std::string* visible = nullptr;
  bool cuda_image = false;
  for (const std::string& line : env) {
    if (line.starts_with(kVisible)) visible = &line;
    cuda_image = cuda_image || line.starts_with("CUDA_VERSION=");
  }
  // Images from before the variable get all GPUs (nvidia-container-runtime).
  if (visible == nullptr) {
    claim.all = claim.all || cuda_image;
    return;
  }
  for (const std::string_view name : split(std::string_view(*visible).substr(kVisible.size()), ',')) {
    addDevice(claim, name);
  }
}

// "c 195:* rmw": with it a container makes the device file itself.
void addRule(GpuClaim& claim, std::string_view rule) {
  const std::vector<std::string_view> words = split(rule, ' ');
  if (words.size() < 2 || words[0] == "b") return;
  const std::size_t colon = words[1].find(':');
  const std::string_view major = words[1].substr(0, colon);
  const std::string_view minor = colon == std::string_view::npos ? "*" : words[1].substr(colon + 1);
  if (words[0] != "a" && major != "*" && major != kMajor) return;
  if (words[0] == "a" || minor == "*") {
    claim.all = true;
  } else {
    claim.nodes.push_back(fmt::format("/dev/nvidia{}", minor));
  }
}

// Without empty and dot segments; absolute.
std::string plainPath(std::string_view path) {
  std::string out;
  for (const std::string_view segment : split(path, '/')) {
    if (segment == "..") {
      out.resize(out.empty() ? 0 : out.rfind('/'));
    } else if (segment != ".") {
      out.append("/").append(segment);
    }
  }
  return out.empty() ? "/" : out;
}

void addNode(GpuClaim& claim, const std::string& path) {
  std::string node = plainPath(path);
  const std::string by_number = fmt::format("/dev/char/{}:", kMajor);
  if (node.starts_with(by_number)) node = "/dev/nvidia" + node.substr(by_number.size());
  claim.nodes.push_back(std::move(node));
}

bool isBelow(std::string_view path, std::string_view folder) {
  return folder == "/" || (path.starts_with(folder) && path.size() > folder.size() && path[folder.size()] == '/');
}

bool names(const GpuClaim& claim, std::string_view file) {
  return std::ranges::any_of(claim.nodes, [&](const std::string& node) { return node == file || isBelow(file, node); });
}

// An instance is reached through the file of its GPU together with those of its own; the GPU's alone opens nothing.
bool nodesLeadTo(const GpuClaim& claim, const GpuSlot& slot) {
  if (claim.nodes.empty()) return false;
  const bool physical = names(claim, fmt::format("/dev/nvidia{}", slot.gpu));
  if (physical && (slot.whole() || slot.device_nodes.empty())) return true;
  return !slot.device_nodes.empty() &&
         std::ranges::all_of(slot.device_nodes, [&](const std::string& file) { return names(claim, file); });
}

bool sameUuid(std::string_view name, std::string_view uuid) {
  // NVIDIA's tools take the beginning of a UUID, in any case.
  static constexpr std::size_t kShortest = 5;
  if (name.size() < kShortest || name.size() > uuid.size()) return false;
  return std::ranges::equal(name, uuid.substr(0, name.size()), [](char a, char b) {
    const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
    return lower(a) == lower(b);
  });
}

// The index of a GPU that is cut by MIG stands for all its instances.
bool isNameOf(std::string_view name, const GpuSlot& slot) {
  return name == slot.slot || name == fmt::format("{}", slot.gpu) || sameUuid(name, slot.uuid);
}

}  // namespace

GpuClaim claimOf(const ContainerView& container, std::string_view default_runtime) {
  GpuClaim claim;
  const auto monitoring = container.labels.find("ds01.monitoring");
  if (monitoring != container.labels.end() && monitoring->second == "true") return claim;
  claim.all = container.privileged;
  for (const DeviceRequestView& request : container.device_requests) addRequest(claim, request);
  if (heedsEnvironment(container.runtime.empty() ? default_runtime : std::string_view(container.runtime))) {
    addEnvironment(claim, container.env);
  }
  for (const std::string& path : container.devices) addNode(claim, path);
  for (const std::string& rule : container.device_rules) addRule(claim, rule);
  return claim;
}

bool mayReachGpu(const GpuClaim& claim) {
  if (claim.all || !claim.devices.empty() || !claim.leases.empty()) return true;
  return std::ranges::any_of(claim.nodes, [](const std::string& node) {
    return node.starts_with("/dev/nvidia") || node == "/dev" || node == "/";
  });
}

std::vector<SlotIndex> claimedSlots(const GpuClaim& claim, const Inventory& inventory) {
  const auto& slots = inventory.slots;
  // A GPU that is cut by MIG has a UUID that is not in the inventory: its instances are. Which ones is not known.
  const bool some_cut_gpu = std::ranges::any_of(claim.devices, [&](const std::string& name) {
    const auto known = [&](const GpuSlot& slot) { return isNameOf(name, slot); };
    return name.starts_with("GPU-") && std::ranges::none_of(slots, known);
  });
  std::vector<SlotIndex> out;
  for (SlotIndex i = 0; i < slots.size(); ++i) {
    const GpuSlot& slot = slots[i];
    const auto is_named = [&](const std::string& name) { return isNameOf(name, slot); };
    const bool claimed = claim.all || (some_cut_gpu && !slot.whole()) || nodesLeadTo(claim, slot) ||
                         std::ranges::any_of(claim.devices, is_named);
    if (claimed) out.push_back(i);
  }
  return out;
}

}  // namespace ds01::allocator
