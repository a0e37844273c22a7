// The environment variables by which the NVIDIA runtime hands out GPUs (nvidia-container-toolkit, and its hook
// libnvidia-container). Which libraries come along (NVIDIA_DRIVER_CAPABILITIES), LD_* and CUDA_* are the user's own.
#pragma once

#include <algorithm>
#include <array>
#include <string_view>

namespace ds01::admission {

inline constexpr std::string_view kVisibleDevices = "NVIDIA_VISIBLE_DEVICES";
// What else NVIDIA's runtime obeys by a fixed name.
inline constexpr std::array<std::string_view, 3> kOtherChoices{"NVIDIA_MIG_CONFIG_DEVICES",
                                                               "NVIDIA_MIG_MONITOR_DEVICES", "NVIDIA_IMEX_CHANNELS"};

inline std::string_view environmentKey(std::string_view variable) {
  return variable.substr(0, variable.find('='));
}

// Any mixture of upper and lower case: some runtimes and wrappers in images normalise it.
inline bool choosesGpus(std::string_view key) {
  static constexpr std::array<std::string_view, 2> kExact{kVisibleDevices, "NVIDIA_IMEX_CHANNELS"};
  static constexpr std::array<std::string_view, 2> kPrefixes{"NVIDIA_MIG_", "DOCKER_RESOURCE_"};
  const auto same = [](char a, char b) { return (a >= 'a' && a <= 'z' ? static_cast<char>(a - 'a' + 'A') : a) == b; };
  const auto equals = [&](std::string_view text, std::string_view upper) {
    return std::ranges::equal(text, upper, same);
  };
  return std::ranges::any_of(kExact, [&](std::string_view name) { return equals(key, name); }) ||
         std::ranges::any_of(kPrefixes,
                             [&](std::string_view name) { return equals(key.substr(0, name.size()), name); });
}

}  // namespace ds01::admission
