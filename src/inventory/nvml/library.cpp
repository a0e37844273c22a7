#include "inventory/nvml/library.h"

#include <dlfcn.h>
#include <fmt/format.h>

namespace ds01::inventory::nvml {
namespace {

constexpr const char* kLibrary = "libnvidia-ml.so.1";

class Symbols {
 public:
  explicit Symbols(void* library) : library_(library) {}

  template <typename Function>
  void optional(Function& target, const char* name) {
    // dlsym() gives functions as object pointers; POSIX promises that the conversion works.
    target = reinterpret_cast<Function>(::dlsym(library_, name));
  }
  template <typename Function>
  void required(Function& target, const char* name) {
    optional(target, name);
    if (!target && missing_.empty()) missing_ = name;
  }
  const std::string& missing() const { return missing_; }

 private:
  void* library_;  // never closed
  std::string missing_;
};

}  // namespace

Result<Calls> loadLibrary() {
  void* const library = ::dlopen(kLibrary, RTLD_NOW | RTLD_LOCAL);
  if (!library) {
    const char* reason = ::dlerror();
    return fail(ErrorCode::NotFound, reason ? reason : kLibrary);
  }
  Symbols symbols(library);
  Calls calls;
  symbols.required(calls.init, "nvmlInit_v2");
  symbols.required(calls.shutdown, "nvmlShutdown");
  symbols.required(calls.error_string, "nvmlErrorString");
  symbols.required(calls.driver_version, "nvmlSystemGetDriverVersion");
  symbols.required(calls.count, "nvmlDeviceGetCount_v2");
  symbols.required(calls.by_index, "nvmlDeviceGetHandleByIndex_v2");
  symbols.required(calls.uuid, "nvmlDeviceGetUUID");
  symbols.required(calls.name, "nvmlDeviceGetName");
  symbols.required(calls.minor, "nvmlDeviceGetMinorNumber");
  symbols.required(calls.memory, "nvmlDeviceGetMemoryInfo");
  symbols.required(calls.persistence, "nvmlDeviceGetPersistenceMode");
  symbols.optional(calls.mig_mode, "nvmlDeviceGetMigMode");
  symbols.optional(calls.most_instances, "nvmlDeviceGetMaxMigDeviceCount");
  symbols.optional(calls.instance, "nvmlDeviceGetMigDeviceHandleByIndex");
  symbols.optional(calls.gpu_instance, "nvmlDeviceGetGpuInstanceId");
  symbols.optional(calls.compute_instance, "nvmlDeviceGetComputeInstanceId");
  symbols.optional(calls.attributes, "nvmlDeviceGetAttributes_v2");
  symbols.optional(calls.remapped_rows, "nvmlDeviceGetRemappedRows");
  if (!symbols.missing().empty()) {
    return fail(ErrorCode::Malformed, fmt::format("{} has no function {}", kLibrary, symbols.missing()));
  }
  return calls;
}

std::string textOf(const Calls& calls, abi::Return code) {
  const char* text = calls.error_string(code);
  return text ? text : fmt::format("error {}", static_cast<int>(code));
}

}  // namespace ds01::inventory::nvml
