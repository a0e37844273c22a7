// The device files of a GPU and of its MIG instances, as the driver lists them in /proc.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace ds01::inventory::nvml {

// Where the driver's files are; tests have their own.
struct HostPaths {
  std::filesystem::path proc = "/proc";
  std::filesystem::path dev = "/dev";
};

// Only files that exist: dockerd refuses a container whose device it does not find. What is missing is said in
// `remarks`. `paths.dev` is looked into, and the names given back begin with /dev all the same.
std::vector<std::string> gpuNodes(const HostPaths& paths, std::uint32_t minor, std::vector<std::string>& remarks);

// The capability files of a MIG instance (/dev/nvidia-caps/nvidia-capN), whose numbers stand in
// /proc/driver/nvidia/capabilities/gpuMINOR/mig/giG/access and below it in ciC/access, "DeviceFileMinor: N".
std::vector<std::string> instanceNodes(const HostPaths& paths, std::uint32_t minor, std::uint32_t gpu_instance,
                                       std::uint32_t compute_instance, std::vector<std::string>& remarks);

// Names of the GPUs that the kernel's driver has now (PCI addresses): a change means that NVML must be opened anew.
std::vector<std::string> boundGpus(const HostPaths& paths);

}  // namespace ds01::inventory::nvml
