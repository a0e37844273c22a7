#include "support/fake_nvml/nvml_machine.h"

#include <cstdlib>
#include <filesystem>

namespace ds01::test {

NvmlMachine::NvmlMachine(std::string_view scenario) {
  files_.makeDir("proc");
  files_.makeDir("dev");
  become(scenario);
  ::setenv("LD_LIBRARY_PATH", DS01_FAKE_NVML_DIR, 1);
  ::setenv("DS01_FAKE_NVML", files_.file("scenario").c_str(), 1);
}

void NvmlMachine::become(std::string_view scenario) const {
  std::filesystem::rename(files_.write("scenario.new", scenario), files_.file("scenario"));
}

void NvmlMachine::removeLibrary() {
  ::setenv("LD_LIBRARY_PATH", "/nonexistent", 1);
}

std::string NvmlMachine::childProgram() const {
  return DS01_NVML_CHILD;
}

std::vector<std::string> NvmlMachine::childArguments(int interval_ms) const {
  return {"nvml_child", std::to_string(interval_ms), files_.file("proc"), files_.file("dev")};
}

}  // namespace ds01::test
