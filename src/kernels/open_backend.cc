// The list of backends, and opening one by its name.
#include <fmt/format.h>

#include "kernels/cpu/cpu_backend.h"
#include "kernels/cpu/kernel_table.h"
#include "kernels/kernels.h"
#include "kernels/reference/reference_backend.h"

namespace dragoman {
namespace {

struct CpuVariant {
  CpuIsa isa;
  const char* name;
  const char* description;
};
// Best last.
constexpr CpuVariant kCpuVariants[] = {
    {CpuIsa::kGeneric, "cpu:generic", "any machine of this architecture"},
    {CpuIsa::kAvx2, "cpu:avx2", "x86-64 with AVX2, FMA and F16C"},
    {CpuIsa::kAvxVnni, "cpu:avxvnni", "x86-64 with AVX2, FMA, F16C and AVX-VNNI"},
    {CpuIsa::kAvx512, "cpu:avx512", "x86-64 with AVX-512 F, BW, CD, DQ and VL"},
    {CpuIsa::kNeonDot, "cpu:neondot", "64-bit ARM with dot products"},
};

const KernelTable& BestKernelTable() {
  const KernelTable* best = nullptr;
  for (const CpuVariant& variant : kCpuVariants) {
    if (const KernelTable* table = FindKernelTable(variant.isa)) best = table;
  }
  return *best;
}

}  // namespace

std::vector<BackendInfo> ListBackends() {
  std::vector<BackendInfo> backends;
  for (const CpuVariant& variant : kCpuVariants) {
    const bool usable = FindKernelTable(variant.isa) != nullptr;
    backends.push_back({variant.name, variant.description, usable});
  }
  backends.push_back({"reference", "scalar code in double precision, for checking", true});
  return backends;
}

Result<std::unique_ptr<Backend>> OpenBackend(const std::string& device, int threads,
                                             const BackendOptions& options) {
  if (threads < 0) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("expected 0 or more threads, found {}", threads));
  }
  if (options.kv_type != BlockType::kF32 && options.kv_type != BlockType::kF16 &&
      options.kv_type != BlockType::kQ8_0) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("expected a key-value cache of f32, f16 or q8_0, found {}",
                            TraitsOf(options.kv_type).name));
  }
  if (device == "auto" || device == "cpu")
    return CreateCpuBackend(BestKernelTable(), threads, options);
  if (device == "reference") return CreateReferenceBackend(threads, options);
  std::string known = "auto, cpu";
  for (const CpuVariant& variant : kCpuVariants) {
    known += fmt::format(", {}", variant.name);
    if (device != variant.name) continue;
    if (const KernelTable* table = FindKernelTable(variant.isa)) {
      return CreateCpuBackend(*table, threads, options);
    }
    return Fail(ErrorCode::kDevice, fmt::format("device \"{}\" needs {}, which this machine lacks",
                                                device, variant.description));
  }
  return Fail(ErrorCode::kInvalidArgument,
              fmt::format("unknown device \"{}\"; expected one of: {}, reference", device, known));
}

}  // namespace dragoman
