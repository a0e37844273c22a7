// A machine whose NVIDIA driver is the fake libnvidia-ml.so.1 (fake_nvml.cpp): its scenario, its /proc and its /dev.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "support/temp_dir.h"

namespace ds01::test {

class NvmlMachine {
 public:
  // Sets LD_LIBRARY_PATH and DS01_FAKE_NVML of this process, which its children inherit.
  explicit NvmlMachine(std::string_view scenario);

  // Whole, or not at all: whoever reads meanwhile sees the old or the new one.
  void become(std::string_view scenario) const;
  // No library: LD_LIBRARY_PATH leads nowhere.
  static void removeLibrary();

  const TempDir& files() const { return files_; }  // proc/… and dev/… are made here

  std::string childProgram() const;
  std::vector<std::string> childArguments(int interval_ms) const;

 private:
  TempDir files_;
};

}  // namespace ds01::test
