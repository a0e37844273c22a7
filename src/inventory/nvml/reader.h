// Asks NVML what there is. In the child process only; every call may take long or never come back.
#pragma once

#include "base/result.h"
#include "inventory/nvml/device_nodes.h"
#include "inventory/nvml/library.h"
#include "inventory/readings.h"

namespace ds01::inventory::nvml {

// Opens the driver, reads, and lets it go again, so that an administrator can reset a GPU or switch MIG while ds01d
// runs, and a GPU that has come is seen. If a GPU is without persistence mode the driver stays open between readings as
// long as the same GPUs are there: opening it would wake that GPU each time.
class Reader {
 public:
  Reader(Calls calls, HostPaths paths) : calls_(calls), paths_(std::move(paths)) {}
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;
  ~Reader();

  // Unavailable if the driver cannot be opened or its GPUs not counted. What is wrong with one GPU is in its reading.
  Result<Readings> read();

 private:
  Status open();
  void close();
  GpuReading readGpu(unsigned index, std::vector<std::string>& remarks);
  abi::Return describe(abi::Device device, GpuReading& gpu, std::vector<std::string>& remarks);
  abi::Return readInstances(abi::Device device, unsigned minor, GpuReading& gpu, std::vector<std::string>& remarks);
  abi::Return readInstance(abi::Device instance, unsigned minor, MigReading& mig, std::vector<std::string>& remarks);
  std::string troubleOf(abi::Device device, unsigned index, std::vector<std::string>& remarks);

  Calls calls_;
  HostPaths paths_;
  bool open_ = false;
  bool keep_open_ = false;          // as the last reading found it
  std::vector<std::string> bound_;  // when it was opened
};

}  // namespace ds01::inventory::nvml
