// Compiles the vector kernels once per instruction set and hands out their tables.
#include "hwy/detect_targets.h"

// Three variants are enough: what every machine of the architecture has, AVX2 and AVX-512.
#undef HWY_DISABLED_TARGETS
#define HWY_DISABLED_TARGETS (HWY_SSSE3 | HWY_SSE4 | HWY_AVX3_DL)

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/simd_kernels.cc"
#include "hwy/foreach_target.h"
// Must follow foreach_target.h.
#include "hwy/highway.h"
#include "kernels/cpu/attention-inl.h"
#include "kernels/cpu/elementwise-inl.h"
#include "kernels/cpu/kernel_table.h"
#include "kernels/cpu/machine-inl.h"
#include "kernels/cpu/matmul-inl.h"

HWY_BEFORE_NAMESPACE();
namespace dragoman {
namespace HWY_NAMESPACE {

KernelTable MakeTable(std::string_view name) {
  KernelTable table{};
  table.name = name;
  table.embed_row = EmbedRow;
  table.rms_norm = RmsNorm;
  table.mat_mul = MatMul;
  table.rope = Rope;
  table.attend = Attend;
  table.encode_f16 = EncodeF16;
  table.gelu_mul = GeluMul;
  table.add = Add;
  table.top_logits = TopLogits;
  table.read_memory = ReadMemory;
  table.multiply_add = MultiplyAdd;
  return table;
}

}  // namespace HWY_NAMESPACE
}  // namespace dragoman
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace dragoman {
namespace {

// MakeTable is itself compiled for its instruction set: it runs only once the machine is known to
// have it.
#if HWY_TARGETS & (HWY_AVX2 | HWY_AVX3)
bool Supports(int64_t target) { return (hwy::SupportedTargets() & target) != 0; }
#endif

KernelTable WithInt8(KernelTable table, const Int8Kernels* int8) {
  table.int8 = int8;
  return table;
}

const KernelTable* FindGeneric() {
  static const KernelTable table =
      WithInt8(HWY_STATIC_DISPATCH(MakeTable)("cpu:generic"), FindInt8Neon());
  return &table;
}

const KernelTable* FindAvx2() {
#if HWY_TARGETS & HWY_AVX2
  if (!Supports(HWY_AVX2)) return nullptr;
  static const KernelTable table = WithInt8(N_AVX2::MakeTable("cpu:avx2"), FindInt8Avx2());
  return &table;
#else
  return nullptr;
#endif
}

const KernelTable* FindAvxVnni() {
#if HWY_TARGETS & HWY_AVX2
  if (!Supports(HWY_AVX2) || FindInt8AvxVnni() == nullptr) return nullptr;
  static const KernelTable table = WithInt8(N_AVX2::MakeTable("cpu:avxvnni"), FindInt8AvxVnni());
  return &table;
#else
  return nullptr;
#endif
}

const KernelTable* FindAvx512() {
#if HWY_TARGETS & HWY_AVX3
  if (!Supports(HWY_AVX3)) return nullptr;
  // The first machines with AVX-512 have no VNNI.
  const Int8Kernels* with_vnni = FindInt8Avx512();
  static const KernelTable table =
      WithInt8(N_AVX3::MakeTable("cpu:avx512"), with_vnni != nullptr ? with_vnni : FindInt8Avx2());
  return &table;
#else
  return nullptr;
#endif
}

const KernelTable* FindNeonDot() {
  if (FindInt8NeonDot() == nullptr) return nullptr;
  static const KernelTable table =
      WithInt8(HWY_STATIC_DISPATCH(MakeTable)("cpu:neondot"), FindInt8NeonDot());
  return &table;
}

}  // namespace

const KernelTable* FindKernelTable(CpuIsa isa) {
  switch (isa) {
    case CpuIsa::kGeneric:
      return FindGeneric();
    case CpuIsa::kAvx2:
      return FindAvx2();
    case CpuIsa::kAvxVnni:
      return FindAvxVnni();
    case CpuIsa::kAvx512:
      return FindAvx512();
    case CpuIsa::kNeonDot:
      return FindNeonDot();
  }
  return nullptr;
}

}  // namespace dragoman
#endif  // HWY_ONCE
