// A libnvidia-ml.so.1 that reports the GPUs of a file, for tests: a real shared library with NVML's functions, found by
// the dynamic linker through LD_LIBRARY_PATH like the real one. The file is named by DS01_FAKE_NVML and is read at each
// call, so a test changes the machine by writing it anew (rename a complete file into place). Lines:
//
//   driver VERSION
//   persistence off
//   gpu uuid=GPU-a minor=0 memory=81920 model=NVIDIA H100 80GB HBM3        in index order
//   mig gpu=0 number=0 uuid=MIG-a gi=7 ci=0 gslices=1 cslices=1 memory=9728 name=NVIDIA H100 80GB HBM3 MIG 1g.10gb
//   slices gpu=0 most=7                      MIG is on for this GPU
//   fail FUNCTION CODE [GPU]                 of all GPUs, or of the one with this index
//   rows gpu=0 pending=1 failed=1
//   hang FUNCTION · crash FUNCTION
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include <unistd.h>

#include "inventory/nvml/abi.h"

namespace {

using ds01::inventory::nvml::abi::Attributes;
using ds01::inventory::nvml::abi::Device;
using ds01::inventory::nvml::abi::Memory;
using ds01::inventory::nvml::abi::Return;
namespace abi = ds01::inventory::nvml::abi;

using Values = std::map<std::string, std::string>;

// "key=value key=value last=to the end of the line"
Values valuesOf(std::istream& line, const std::string& last) {
  Values values;
  std::string word;
  while (line >> word) {
    const std::size_t equals = word.find('=');
    std::string value = word.substr(equals + 1);
    if (word.substr(0, equals) == last) {
      std::string rest;
      std::getline(line, rest);
      value += rest;
    }
    values[word.substr(0, equals)] = value;
  }
  return values;
}

unsigned number(const Values& values, const std::string& key) {
  const auto found = values.find(key);
  return found == values.end() ? 0 : static_cast<unsigned>(std::stoul(found->second));
}

struct Fault {
  int code = 0;
  int gpu = -1;
};

struct Machine {
  std::string driver = "0.0";
  bool persistence = true;
  std::vector<Values> gpus;
  std::vector<Values> instances;
  std::map<unsigned, unsigned> slices;
  std::map<unsigned, Values> rows;
  std::multimap<std::string, Fault> faults;
  std::vector<std::string> hangs;
  std::vector<std::string> crashes;
};

Machine load() {
  Machine machine;
  const char* path = std::getenv("DS01_FAKE_NVML");
  std::ifstream file(path ? path : "");
  for (std::string text; std::getline(file, text);) {
    std::istringstream line(text);
    std::string what;
    std::string word;
    line >> what;
    if (what == "driver") line >> machine.driver;
    if (what == "persistence") machine.persistence = false;
    if (what == "gpu") machine.gpus.push_back(valuesOf(line, "model"));
    if (what == "mig") machine.instances.push_back(valuesOf(line, "name"));
    if (what == "slices") {
      const Values values = valuesOf(line, "");
      machine.slices[number(values, "gpu")] = number(values, "most");
    }
    if (what == "rows") {
      const Values values = valuesOf(line, "");
      machine.rows[number(values, "gpu")] = values;
    }
    if (what == "hang" && line >> word) machine.hangs.push_back(word);
    if (what == "crash" && line >> word) machine.crashes.push_back(word);
    if (what == "fail") {
      Fault fault;
      line >> word >> fault.code;
      if (!(line >> fault.gpu)) fault.gpu = -1;
      machine.faults.emplace(word, fault);
    }
  }
  return machine;
}

// A handle is the place of the GPU, counted from 1, and 1000 times that of the instance.
constexpr std::size_t kInstance = 1000;

Device handleOf(std::size_t gpu, std::size_t instance = 0) {
  return reinterpret_cast<Device>(gpu + 1 + instance * kInstance);
}

struct Call {
  explicit Call(const char* function, Device device = nullptr) : machine(load()), name(function) {
    const auto handle = reinterpret_cast<std::size_t>(device);
    if (handle > 0) gpu = static_cast<int>(handle % kInstance) - 1;
    if (handle > kInstance) instance = static_cast<int>(handle / kInstance) - 1;
    for (const std::string& hang : machine.hangs) {
      while (hang == name) ::pause();
    }
    for (const std::string& crash : machine.crashes) {
      if (crash == name) std::raise(SIGSEGV);
    }
  }

  Return fault() const { return faultOf(gpu); }
  Return faultOf(int index) const {
    const auto [begin, end] = machine.faults.equal_range(name);
    for (auto fault = begin; fault != end; ++fault) {
      if (fault->second.gpu < 0 || fault->second.gpu == index) return static_cast<Return>(fault->second.code);
    }
    if (index >= static_cast<int>(machine.gpus.size())) return abi::kGpuIsLost;
    return abi::kSuccess;
  }
  const Values& values() const {
    return instance >= 0 ? machine.instances.at(static_cast<std::size_t>(instance))
                         : machine.gpus.at(static_cast<std::size_t>(gpu));
  }

  Machine machine;
  std::string name;
  int gpu = -1;
  int instance = -1;
};

Return put(const std::string& value, char* text, unsigned size) {
  std::strncpy(text, value.c_str(), size);
  return abi::kSuccess;
}

}  // namespace

extern "C" {

Return nvmlInit_v2() {
  return Call("nvmlInit_v2").fault();
}

Return nvmlShutdown() {
  return Call("nvmlShutdown").fault();
}

const char* nvmlErrorString(Return code) {
  switch (code) {
    case abi::kDriverNotLoaded:
      return "Driver Not Loaded";
    case abi::kGpuIsLost:
      return "GPU is lost";
    default:
      return "Unknown Error";
  }
}

Return nvmlSystemGetDriverVersion(char* text, unsigned size) {
  return put(Call("nvmlSystemGetDriverVersion").machine.driver, text, size);
}

Return nvmlDeviceGetCount_v2(unsigned* count) {
  const Call call("nvmlDeviceGetCount_v2");
  *count = static_cast<unsigned>(call.machine.gpus.size());
  return call.fault();
}

Return nvmlDeviceGetHandleByIndex_v2(unsigned index, Device* device) {
  const Call call("nvmlDeviceGetHandleByIndex_v2");
  *device = handleOf(index);
  return call.faultOf(static_cast<int>(index));
}

Return nvmlDeviceGetUUID(Device device, char* text, unsigned size) {
  const Call call("nvmlDeviceGetUUID", device);
  return call.fault() != abi::kSuccess ? call.fault() : put(call.values().at("uuid"), text, size);
}

Return nvmlDeviceGetName(Device device, char* text, unsigned size) {
  const Call call("nvmlDeviceGetName", device);
  const char* key = call.instance >= 0 ? "name" : "model";
  return call.fault() != abi::kSuccess ? call.fault() : put(call.values().at(key), text, size);
}

Return nvmlDeviceGetMinorNumber(Device device, unsigned* minor) {
  const Call call("nvmlDeviceGetMinorNumber", device);
  *minor = number(call.values(), "minor");
  return call.fault();
}

Return nvmlDeviceGetMemoryInfo(Device device, Memory* memory) {
  const Call call("nvmlDeviceGetMemoryInfo", device);
  if (call.fault() == abi::kSuccess) {
    memory->total = static_cast<unsigned long long>(number(call.values(), "memory")) << 20;
  }
  return call.fault();
}

Return nvmlDeviceGetPersistenceMode(Device device, unsigned* mode) {
  const Call call("nvmlDeviceGetPersistenceMode", device);
  *mode = call.machine.persistence ? abi::kEnabled : 0;
  return call.fault();
}

Return nvmlDeviceGetMigMode(Device device, unsigned* current, unsigned* pending) {
  const Call call("nvmlDeviceGetMigMode", device);
  *current = *pending = call.machine.slices.contains(static_cast<unsigned>(call.gpu)) ? abi::kEnabled : 0;
  return call.fault();
}

Return nvmlDeviceGetMaxMigDeviceCount(Device device, unsigned* count) {
  const Call call("nvmlDeviceGetMaxMigDeviceCount", device);
  *count = call.machine.slices.at(static_cast<unsigned>(call.gpu));
  return call.fault();
}

Return nvmlDeviceGetMigDeviceHandleByIndex(Device device, unsigned index, Device* instance) {
  const Call call("nvmlDeviceGetMigDeviceHandleByIndex", device);
  if (call.fault() != abi::kSuccess) return call.fault();
  for (std::size_t i = 0; i < call.machine.instances.size(); ++i) {
    const Values& values = call.machine.instances[i];
    if (number(values, "gpu") != static_cast<unsigned>(call.gpu) || number(values, "number") != index) continue;
    *instance = handleOf(static_cast<std::size_t>(call.gpu), i + 1);
    return abi::kSuccess;
  }
  return abi::kNotFound;
}

Return nvmlDeviceGetGpuInstanceId(Device device, unsigned* id) {
  const Call call("nvmlDeviceGetGpuInstanceId", device);
  *id = number(call.values(), "gi");
  return call.fault();
}

Return nvmlDeviceGetComputeInstanceId(Device device, unsigned* id) {
  const Call call("nvmlDeviceGetComputeInstanceId", device);
  *id = number(call.values(), "ci");
  return call.fault();
}

Return nvmlDeviceGetAttributes_v2(Device device, Attributes* attributes) {
  const Call call("nvmlDeviceGetAttributes_v2", device);
  attributes->gpu_instance_slice_count = number(call.values(), "gslices");
  attributes->compute_instance_slice_count = number(call.values(), "cslices");
  attributes->memory_size_mb = number(call.values(), "memory");
  return call.fault();
}

Return nvmlDeviceGetRemappedRows(Device device, unsigned* correctable, unsigned* uncorrectable, unsigned* pending,
                                 unsigned* failed) {
  const Call call("nvmlDeviceGetRemappedRows", device);
  *correctable = *uncorrectable = 0;
  const auto rows = call.machine.rows.find(static_cast<unsigned>(call.gpu));
  *pending = rows == call.machine.rows.end() ? 0 : number(rows->second, "pending");
  *failed = rows == call.machine.rows.end() ? 0 : number(rows->second, "failed");
  return call.fault();
}

}  // extern "C"
