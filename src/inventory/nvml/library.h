// libnvidia-ml.so.1, loaded by dlopen. In the child process only: the library may hang, crash, start threads and open
// the driver.
#pragma once

#include <string>

#include "base/result.h"
#include "inventory/nvml/abi.h"

namespace ds01::inventory::nvml {

// What is called. Those marked so are missing from old drivers and are then null.
struct Calls {
  abi::Init init = nullptr;
  abi::Shutdown shutdown = nullptr;
  abi::ErrorString error_string = nullptr;
  abi::SystemText driver_version = nullptr;
  abi::Count count = nullptr;
  abi::HandleByIndex by_index = nullptr;
  abi::DeviceText uuid = nullptr;
  abi::DeviceText name = nullptr;
  abi::DeviceNumber minor = nullptr;
  abi::MemoryInfo memory = nullptr;
  abi::DeviceNumber persistence = nullptr;
  abi::MigMode mig_mode = nullptr;               // may be null, and with it all of MIG
  abi::DeviceNumber most_instances = nullptr;    // may be null
  abi::MigHandle instance = nullptr;             // may be null
  abi::DeviceNumber gpu_instance = nullptr;      // may be null
  abi::DeviceNumber compute_instance = nullptr;  // may be null
  abi::GetAttributes attributes = nullptr;       // may be null
  abi::RemappedRows remapped_rows = nullptr;     // may be null

  bool mig() const { return mig_mode && most_instances && instance && gpu_instance && compute_instance && attributes; }
};

// Searched as the dynamic linker does (ld.so(8)). NotFound if it cannot be loaded, Malformed if it lacks what every
// version has. It stays loaded: NVML does not survive dlclose().
Result<Calls> loadLibrary();

// "Driver Not Loaded"
std::string textOf(const Calls& calls, abi::Return code);

}  // namespace ds01::inventory::nvml
