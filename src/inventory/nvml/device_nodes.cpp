#include "inventory/nvml/device_nodes.h"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <optional>
#include <string_view>
#include <system_error>

#include <fmt/format.h>

namespace ds01::inventory::nvml {
namespace {

void addIfThere(const HostPaths& paths, const std::string& name, std::vector<std::string>& nodes,
                std::vector<std::string>& remarks) {
  std::error_code ignored;
  if (std::filesystem::exists(paths.dev / name, ignored)) {
    nodes.push_back("/dev/" + name);
  } else {
    remarks.push_back(
        fmt::format("/dev/{} does not exist, so no container is given it by name; nvidia-smi or "
                    "nvidia-modprobe, run as root, makes it",
                    name));
  }
}

std::optional<std::uint32_t> capabilityMinor(const std::filesystem::path& file) {
  static constexpr std::string_view kKey = "DeviceFileMinor:";
  std::ifstream in(file);
  for (std::string line; std::getline(in, line);) {
    std::string_view text = line;
    if (!text.starts_with(kKey)) continue;
    text.remove_prefix(kKey.size());
    while (text.starts_with(' ')) text.remove_prefix(1);
    std::uint32_t minor = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), minor);
    if (error == std::errc{} && end == text.data() + text.size()) return minor;
  }
  return std::nullopt;
}

}  // namespace

std::vector<std::string> gpuNodes(const HostPaths& paths, std::uint32_t minor, std::vector<std::string>& remarks) {
  std::vector<std::string> nodes;
  addIfThere(paths, fmt::format("nvidia{}", minor), nodes, remarks);
  return nodes;
}

std::vector<std::string> instanceNodes(const HostPaths& paths, std::uint32_t minor, std::uint32_t gpu_instance,
                                       std::uint32_t compute_instance, std::vector<std::string>& remarks) {
  std::vector<std::string> nodes;
  const std::filesystem::path instance =
      paths.proc / fmt::format("driver/nvidia/capabilities/gpu{}/mig/gi{}", minor, gpu_instance);
  for (const std::filesystem::path& file :
       {instance / "access", instance / fmt::format("ci{}", compute_instance) / "access"}) {
    if (const auto capability = capabilityMinor(file)) {
      addIfThere(paths, fmt::format("nvidia-caps/nvidia-cap{}", *capability), nodes, remarks);
    } else {
      remarks.push_back(fmt::format("{} names no device file", file.native()));
    }
  }
  return nodes;
}

std::vector<std::string> boundGpus(const HostPaths& paths) {
  std::vector<std::string> names;
  std::error_code error;
  for (std::filesystem::directory_iterator entry(paths.proc / "driver/nvidia/gpus", error), end; !error && entry != end;
       entry.increment(error)) {
    names.push_back(entry->path().filename());
  }
  std::ranges::sort(names);
  return names;
}

}  // namespace ds01::inventory::nvml
