#include "ship/accelerators.h"

#include <dlfcn.h>
#include <fmt/format.h>

#include <memory>

namespace dragoman {
namespace {

// The few declarations of NVML that are used; its binary interface is stable under these names.
using NvmlDevice = void*;
struct NvmlMemory {
  unsigned long long total, free, used;
};
constexpr int kNvmlSuccess = 0;
constexpr unsigned kTextBytes = 96;

class Nvml {
 public:
  explicit Nvml(void* library) : library_(library) {}
  ~Nvml() {
    if (started_) Function<int (*)()>("nvmlShutdown")();
    ::dlclose(library_);
  }
  Nvml(const Nvml&) = delete;
  Nvml& operator=(const Nvml&) = delete;

  bool Start() {
    const auto init = Function<int (*)()>("nvmlInit_v2");
    started_ =
        init != nullptr && Function<int (*)()>("nvmlShutdown") != nullptr && init() == kNvmlSuccess;
    return started_;
  }
  std::string DriverVersion() {
    const auto ask = Function<int (*)(char*, unsigned)>("nvmlSystemGetDriverVersion");
    char text[kTextBytes] = {};
    return ask != nullptr && ask(text, kTextBytes - 1) == kNvmlSuccess ? text : "unknown";
  }
  unsigned Count() {
    const auto ask = Function<int (*)(unsigned*)>("nvmlDeviceGetCount_v2");
    unsigned count = 0;
    return ask != nullptr && ask(&count) == kNvmlSuccess ? count : 0;
  }
  bool Describe(unsigned index, Accelerator* device) {
    const auto open = Function<int (*)(unsigned, NvmlDevice*)>("nvmlDeviceGetHandleByIndex_v2");
    NvmlDevice handle = nullptr;
    if (open == nullptr || open(index, &handle) != kNvmlSuccess) return false;
    device->index = static_cast<int>(index);
    device->name = "unknown";
    char text[kTextBytes] = {};
    const auto name = Function<int (*)(NvmlDevice, char*, unsigned)>("nvmlDeviceGetName");
    if (name != nullptr && name(handle, text, kTextBytes - 1) == kNvmlSuccess) device->name = text;
    const auto memory = Function<int (*)(NvmlDevice, void*)>("nvmlDeviceGetMemoryInfo");
    if (NvmlMemory info{}; memory != nullptr && memory(handle, &info) == kNvmlSuccess) {
      device->total_bytes = info.total;
      device->free_bytes = info.free;
    }
    const auto capability =
        Function<int (*)(NvmlDevice, int*, int*)>("nvmlDeviceGetCudaComputeCapability");
    int major = 0;
    int minor = 0;
    if (capability != nullptr && capability(handle, &major, &minor) == kNvmlSuccess) {
      device->compute_capability = fmt::format("{}.{}", major, minor);
    }
    return true;
  }

 private:
  template <typename Pointer>
  Pointer Function(const char* name) {
    return reinterpret_cast<Pointer>(::dlsym(library_, name));
  }
  void* library_;
  bool started_ = false;
};

}  // namespace

AcceleratorReport FindAccelerators(const std::string& library) {
  AcceleratorReport report;
  void* handle = ::dlopen(library.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (handle == nullptr) {
    report.detail = "none: no NVIDIA driver on this machine (" + library + " is not there)";
    return report;
  }
  Nvml nvml(handle);
  if (!nvml.Start()) {
    report.detail = "none: the NVIDIA driver is installed but did not start";
    return report;
  }
  report.driver_version = nvml.DriverVersion();
  const unsigned count = nvml.Count();
  for (unsigned i = 0; i < count; ++i) {
    Accelerator device;
    if (nvml.Describe(i, &device)) report.devices.push_back(std::move(device));
  }
  if (report.devices.empty()) report.detail = "none: the NVIDIA driver lists no device";
  return report;
}

OrderedJson ToJson(const AcceleratorReport& report) {
  OrderedJson devices = OrderedJson::array();
  for (const Accelerator& device : report.devices) {
    devices.push_back(OrderedJson{{"index", device.index},
                                  {"name", device.name},
                                  {"compute_capability", device.compute_capability},
                                  {"total_bytes", device.total_bytes},
                                  {"free_bytes", device.free_bytes}});
  }
  return OrderedJson{{"driver_version", report.driver_version}, {"devices", std::move(devices)}};
}

}  // namespace dragoman
