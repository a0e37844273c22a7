// The part of NVML's C interface that is called here, declared by us: nothing of NVIDIA's is needed to build, and the
// library is looked for only at run time, in the child process. Facts from NVIDIA's NVML API Reference; functions and
// structs are those of the versioned names (…_v2), whose form does not change. No function here needs privileges.
#pragma once

namespace ds01::inventory::nvml::abi {

// nvmlReturn_t: the values that mean something to us.
enum Return : int {
  kSuccess = 0,
  kNotSupported = 3,
  kNoPermission = 4,
  kNotFound = 6,
  kDriverNotLoaded = 9,
  kFunctionNotFound = 13,
  kGpuIsLost = 15,
  kResetRequired = 16,
  kUnknown = 999,
};

struct DeviceHandle;  // nvmlDevice_st, never defined
using Device = DeviceHandle*;

// nvmlMemory_t, in bytes.
struct Memory {
  unsigned long long total;
  unsigned long long free;
  unsigned long long used;
};

// nvmlDeviceAttributes_t
struct Attributes {
  unsigned multiprocessor_count;
  unsigned shared_copy_engine_count;
  unsigned shared_decoder_count;
  unsigned shared_encoder_count;
  unsigned shared_jpeg_count;
  unsigned shared_ofa_count;
  unsigned gpu_instance_slice_count;
  unsigned compute_instance_slice_count;
  unsigned long long memory_size_mb;
};

inline constexpr unsigned kTextSize = 96;  // enough for names, UUIDs and versions, with the NUL
inline constexpr unsigned kEnabled = 1;    // NVML_DEVICE_MIG_ENABLE, NVML_FEATURE_ENABLED

using Init = Return (*)();
using Shutdown = Return (*)();
using ErrorString = const char* (*)(Return);
using SystemText = Return (*)(char*, unsigned);
using Count = Return (*)(unsigned*);
using HandleByIndex = Return (*)(unsigned, Device*);
using DeviceText = Return (*)(Device, char*, unsigned);
using DeviceNumber = Return (*)(Device, unsigned*);
using MemoryInfo = Return (*)(Device, Memory*);
using MigMode = Return (*)(Device, unsigned* current, unsigned* pending);
using MigHandle = Return (*)(Device, unsigned, Device*);
using GetAttributes = Return (*)(Device, Attributes*);
using RemappedRows = Return (*)(Device, unsigned* correctable, unsigned* uncorrectable, unsigned* pending,
                                unsigned* failed);

}  // namespace ds01::inventory::nvml::abi
