// The integer product with NEON's dot products (sdot, from ARMv8.2 on).
#include "kernels/cpu/int8_product.h"

#if defined(__aarch64__)

#include <arm_neon.h>
#if defined(__linux__)
#include <sys/auxv.h>
#endif

#include "kernels/cpu/int8_includes.h"

#if defined(__clang__)
DRAGOMAN_TARGET_BEGIN("dotprod")
#else
DRAGOMAN_TARGET_BEGIN("arch=armv8.2-a+dotprod")
#endif

namespace dragoman {
namespace int8_neondot {

#include "kernels/cpu/int8_neon_lanes-inl.h"

// Twelve integer and twelve float sums stay in registers, every load of activations serves two
// products.
constexpr int kMaxChunkTokens = 6;
constexpr size_t kPanelTiles = 2;
constexpr bool kPackedNibbles = false;
// The dot product is the same for all types.
template <class Codes>
constexpr int SumsOf() {
  return 0;
}

// In assembly, because clang 14 offers its intrinsic only to whole files for such machines.
DRAGOMAN_ALWAYS_INLINE Ints AddDot(Ints sums, Bytes codes, Bytes x) {
  __asm__("sdot %0.4s, %1.16b, %2.16b" : "+w"(sums) : "w"(codes), "w"(x));
  return sums;
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
        dots[tile][t] = AddDot(dots[tile][t], w[tile], four);
      }
    }
  }
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
#include "kernels/cpu/int8_group-inl.h"
//
#include "kernels/cpu/int8_product-inl.h"

}  // namespace int8_neondot

DRAGOMAN_TARGET_END

namespace {

bool HasDotProducts() {
#if defined(__linux__)
  constexpr unsigned long kDotProducts = 1ul << 20;  // HWCAP_ASIMDDP
  return (getauxval(AT_HWCAP) & kDotProducts) != 0;
#elif defined(__ARM_FEATURE_DOTPROD)
  return true;
#else
  return false;
#endif
}

}  // namespace

const Int8Kernels* FindInt8NeonDot() {
  static const bool usable = HasDotProducts();
  if (!usable) return nullptr;  // before any code of this target runs
  static const Int8Kernels kernels = int8_neondot::MakeInt8Kernels("neondot");
  return &kernels;
}

}  // namespace dragoman

#else

namespace dragoman {
const Int8Kernels* FindInt8NeonDot() { return nullptr; }
}  // namespace dragoman

#endif
