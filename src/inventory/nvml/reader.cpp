#include "inventory/nvml/reader.h"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

namespace ds01::inventory::nvml {
namespace {

constexpr unsigned kMostGpus = 1024;
constexpr unsigned kMostInstances = 64;
constexpr unsigned long long kMib = 1ULL << 20;

// NVML ends its texts with a NUL within the size; a text that fills it has none.
template <typename Call>
abi::Return textFrom(Call call, std::string& text) {
  std::array<char, abi::kTextSize> buffer{};
  const abi::Return code = call(buffer.data(), abi::kTextSize);
  if (code == abi::kSuccess) text.assign(buffer.begin(), std::ranges::find(buffer, '\0'));
  return code;
}

}  // namespace

Reader::~Reader() {
  close();
}

Status Reader::open() {
  if (open_ && boundGpus(paths_) != bound_) close();
  if (open_) return {};
  bound_ = boundGpus(paths_);
  if (const abi::Return code = calls_.init(); code != abi::kSuccess) {
    return fail(ErrorCode::Unavailable, fmt::format("nvmlInit: {}", textOf(calls_, code)));
  }
  open_ = true;
  return {};
}

void Reader::close() {
  if (std::exchange(open_, false)) calls_.shutdown();
}

Result<Readings> Reader::read() {
  if (Status opened = open(); !opened) return fail(opened.error());
  Readings readings;
  keep_open_ = false;
  textFrom([&](char* text, unsigned size) { return calls_.driver_version(text, size); }, readings.driver);
  unsigned count = 0;
  if (const abi::Return code = calls_.count(&count); code != abi::kSuccess) {
    close();
    return fail(ErrorCode::Unavailable, fmt::format("nvmlDeviceGetCount: {}", textOf(calls_, code)));
  }
  for (unsigned i = 0; i < std::min(count, kMostGpus); ++i) readings.gpus.push_back(readGpu(i, readings.remarks));
  if (!keep_open_) close();
  return readings;
}

GpuReading Reader::readGpu(unsigned index, std::vector<std::string>& remarks) {
  GpuReading gpu;
  gpu.index = index;
  abi::Device device = nullptr;
  abi::Return code = calls_.by_index(index, &device);
  if (code == abi::kSuccess) code = describe(device, gpu, remarks);
  if (code == abi::kSuccess) return gpu;
  // What was read before the call that failed may be half of the truth.
  GpuReading lost;
  lost.index = index;
  lost.trouble = code == abi::kGpuIsLost ? "the driver has lost this GPU: it has fallen off the bus"
                                         : fmt::format("the driver answers: {}", textOf(calls_, code));
  return lost;
}

abi::Return Reader::describe(abi::Device device, GpuReading& gpu, std::vector<std::string>& remarks) {
  abi::Return code = textFrom([&](char* text, unsigned size) { return calls_.uuid(device, text, size); }, gpu.uuid);
  if (code != abi::kSuccess) return code;
  code = textFrom([&](char* text, unsigned size) { return calls_.name(device, text, size); }, gpu.model);
  if (code != abi::kSuccess) return code;
  unsigned minor = 0;
  if (code = calls_.minor(device, &minor); code != abi::kSuccess) return code;
  // Of a GPU that is cut by MIG only privileged callers may know the whole memory; its instances say theirs.
  abi::Memory memory{};
  code = calls_.memory(device, &memory);
  if (code != abi::kSuccess && code != abi::kNoPermission) return code;
  gpu.memory_mib = static_cast<std::int64_t>(memory.total / kMib);
  gpu.device_nodes = gpuNodes(paths_, minor, remarks);
  unsigned persistence = abi::kEnabled;
  if (calls_.persistence(device, &persistence) == abi::kSuccess && persistence != abi::kEnabled) keep_open_ = true;
  gpu.trouble = troubleOf(device, static_cast<unsigned>(gpu.index), remarks);

  unsigned mode = 0;
  unsigned pending = 0;
  if (!calls_.mig() || (code = calls_.mig_mode(device, &mode, &pending)) == abi::kNotSupported) return abi::kSuccess;
  if (code != abi::kSuccess) return code;
  if (mode != pending) {
    remarks.push_back(fmt::format("GPU {}: MIG mode is to be switched {} when the GPU is reset", gpu.index,
                                  pending == abi::kEnabled ? "on" : "off"));
  }
  if (mode != abi::kEnabled) return abi::kSuccess;
  gpu.mig = true;
  return readInstances(device, minor, gpu, remarks);
}

abi::Return Reader::readInstances(abi::Device device, unsigned minor, GpuReading& gpu,
                                  std::vector<std::string>& remarks) {
  unsigned most = 0;
  if (const abi::Return code = calls_.most_instances(device, &most); code != abi::kSuccess) return code;
  gpu.slices = most;
  for (unsigned i = 0; i < std::min(most, kMostInstances); ++i) {
    abi::Device handle = nullptr;
    abi::Return code = calls_.instance(device, i, &handle);
    if (code == abi::kNotFound) continue;
    MigReading mig;
    mig.number = i;
    if (code == abi::kSuccess) code = readInstance(handle, minor, mig, remarks);
    if (code == abi::kNotFound) continue;  // removed while we looked
    if (code != abi::kSuccess) return code;
    gpu.instances.push_back(std::move(mig));
  }
  return abi::kSuccess;
}

abi::Return Reader::readInstance(abi::Device instance, unsigned minor, MigReading& mig,
                                 std::vector<std::string>& remarks) {
  abi::Return code = textFrom([&](char* text, unsigned size) { return calls_.uuid(instance, text, size); }, mig.uuid);
  if (code != abi::kSuccess) return code;
  // Only for the profile in it, which the attributes give too.
  textFrom([&](char* text, unsigned size) { return calls_.name(instance, text, size); }, mig.name);
  abi::Attributes attributes{};
  if (code = calls_.attributes(instance, &attributes); code != abi::kSuccess) return code;
  mig.gpu_slices = attributes.gpu_instance_slice_count;
  mig.compute_slices = attributes.compute_instance_slice_count;
  mig.memory_mib = static_cast<std::int64_t>(attributes.memory_size_mb);
  unsigned gpu_instance = 0;
  unsigned compute_instance = 0;
  if (code = calls_.gpu_instance(instance, &gpu_instance); code != abi::kSuccess) return code;
  if (code = calls_.compute_instance(instance, &compute_instance); code != abi::kSuccess) return code;
  mig.device_nodes = instanceNodes(paths_, minor, gpu_instance, compute_instance, remarks);
  return abi::kSuccess;
}

// Only what makes a GPU unfit for anybody. A remapping that waits for a reset does not: the driver keeps what is
// damaged out of use until then.
std::string Reader::troubleOf(abi::Device device, unsigned index, std::vector<std::string>& remarks) {
  if (!calls_.remapped_rows) return {};
  unsigned correctable = 0;
  unsigned uncorrectable = 0;
  unsigned pending = 0;
  unsigned failed = 0;
  const abi::Return code = calls_.remapped_rows(device, &correctable, &uncorrectable, &pending, &failed);
  if (code != abi::kSuccess) return {};  // GPUs before Ampere
  if (pending != 0) {
    remarks.push_back(fmt::format("GPU {}: damaged memory rows are to be remapped; reset it when it is free", index));
  }
  return failed != 0 ? "damaged memory rows could not be remapped; the GPU must be replaced" : std::string{};
}

}  // namespace ds01::inventory::nvml
