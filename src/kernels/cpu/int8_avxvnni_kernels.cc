// The integer product with AVX-VNNI: the dot product of AVX-512's VNNI in vectors of eight rows.
#include "kernels/cpu/int8_product.h"

#if defined(__x86_64__)

#include <cpuid.h>
#include <immintrin.h>

#include "kernels/cpu/int8_includes.h"

DRAGOMAN_TARGET_BEGIN("avx2,fma,f16c,avxvnni")

namespace dragoman {
namespace int8_avxvnni {

#include "kernels/cpu/int8_avx2_lanes-inl.h"

constexpr bool kSignedEightBits = false;
constexpr int kMaxChunkTokens = 6;
constexpr size_t kPanelTiles = 1;
constexpr bool kPackedNibbles = false;
// The dot product is the same for all types.
template <class Codes>
constexpr int SumsOf() {
  return 0;
}

// dots += kSteps steps of four columns.
template <int kTokens, size_t kTiles, int kSteps, int, Nibbles>
DRAGOMAN_ALWAYS_INLINE void DotSteps(const uint8_t* const (&codes)[kTiles], const int8_t* x,
                                     Ints (&dots)[kTiles][kTokens]) {
  DRAGOMAN_UNROLL
  for (int step = 0; step < kSteps; ++step) {
    Bytes w[kTiles];
    DRAGOMAN_UNROLL
    for (size_t tile = 0; tile < kTiles; ++tile) {
      w[tile] = LoadBytes(codes[tile] + static_cast<size_t>(step) * kVectorElems);
    }
    DRAGOMAN_UNROLL
    for (int t = 0; t < kTokens; ++t) {
      const Bytes four = FourColumns(x + (step * kTokens + t) * 4);
      DRAGOMAN_UNROLL
      for (size_t tile = 0; tile < kTiles; ++tile) {
        dots[tile][t] = _mm256_dpbusd_avx_epi32(dots[tile][t], w[tile], four);
      }
    }
  }
}

// sums += sums of four products.
DRAGOMAN_ALWAYS_INLINE Ints AddDot(Ints sums, Bytes codes, Bytes x) {
  return _mm256_dpbusd_avx_epi32(sums, codes, x);
}

// In this order.
#include "kernels/cpu/int8_codes-inl.h"
//
#include "kernels/cpu/int8_row_dots-inl.h"
//
#include "kernels/cpu/int8_step_dots-inl.h"
//
#include "kernels/cpu/int8_rows-inl.h"
//
#include "kernels/cpu/int8_product-inl.h"

}  // namespace int8_avxvnni

DRAGOMAN_TARGET_END

namespace {

// Bit 4 of EAX of leaf 7, subleaf 1; older compilers cannot ask for it by name.
bool HasAvxVnni() {
  unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
  return __get_cpuid_count(7, 1, &eax, &ebx, &ecx, &edx) != 0 && (eax >> 4 & 1) != 0;
}

}  // namespace

const Int8Kernels* FindInt8AvxVnni() {
  // F16C came before AVX2; not every compiler can ask for it by name.
  static const bool usable =
      __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && HasAvxVnni();
  if (!usable) return nullptr;  // before any code of this target runs
  static const Int8Kernels kernels = int8_avxvnni::MakeInt8Kernels("avxvnni");
  return &kernels;
}

}  // namespace dragoman

#else

namespace dragoman {
const Int8Kernels* FindInt8AvxVnni() { return nullptr; }
}  // namespace dragoman

#endif
