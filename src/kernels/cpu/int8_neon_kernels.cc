// The integer product with the NEON that every 64-bit ARM has: products of bytes are added in 16
// bits, as many as fit, and then widened.
#include "kernels/cpu/int8_product.h"

#if defined(__aarch64__)

#include <arm_neon.h>

#include "kernels/cpu/int8_includes.h"

namespace dragoman {
namespace int8_neon {

#include "kernels/cpu/int8_neon_lanes-inl.h"

constexpr int kMaxChunkTokens = 6;
constexpr size_t kPanelTiles = 1;
constexpr bool kPackedNibbles = false;

// Products that can be added in 16 bits.
constexpr int ProductsIn16Bits(int bits) { return bits <= 5 ? 8 : bits == 6 ? 4 : 2; }
static_assert(8 * 31 * 127 < 32768 && 4 * 63 * 127 < 32768 && 2 * 128 * 127 < 32768);
template <class Codes>
constexpr int SumsOf() {
  return ProductsIn16Bits(Codes::kBits);
}

// Sums of two rows each, of pairs of columns -> a sum per row.
DRAGOMAN_ALWAYS_INLINE Ints Widen(int16x8_t low, int16x8_t high) {
  return vpaddq_s32(vpaddlq_s16(low), vpaddlq_s16(high));
}

// dots += kSteps steps of four columns.
template <int kTokens, size_t kTiles, int kSteps, int kProducts, Nibbles>
DRAGOMAN_ALWAYS_INLINE void DotSteps(const uint8_t* const (&codes)[kTiles], const int8_t* x,
                                     Ints (&dots)[kTiles][kTokens]) {
  static_assert(kTiles == 1);
  constexpr int kTogether = kProducts < kSteps ? kProducts : kSteps;
  DRAGOMAN_UNROLL
  for (int first = 0; first < kSteps; first += kTogether) {
    int16x8_t low[kTokens], high[kTokens];
    DRAGOMAN_UNROLL
    for (int step = first; step < first + kTogether; ++step) {
      const int8x16_t w = Signed(LoadBytes(codes[0] + static_cast<size_t>(step) * kVectorElems));
      DRAGOMAN_UNROLL
      for (int t = 0; t < kTokens; ++t) {
        const int8x16_t four = Signed(FourColumns(x + (step * kTokens + t) * 4));
        const int8x8_t w_low = vget_low_s8(w), four_low = vget_low_s8(four);
        low[t] = step == first ? vmull_s8(w_low, four_low) : vmlal_s8(low[t], w_low, four_low);
        high[t] = step == first ? vmull_high_s8(w, four) : vmlal_high_s8(high[t], w, four);
      }
    }
    DRAGOMAN_UNROLL
    for (int t = 0; t < kTokens; ++t) dots[0][t] = AddInts(dots[0][t], Widen(low[t], high[t]));
  }
}

// Two products fit in 16 bits, whatever the codes.
DRAGOMAN_ALWAYS_INLINE Ints AddDot(Ints sums, Bytes codes, Bytes x) {
  const int16x8_t low = vmull_s8(vget_low_s8(Signed(codes)), vget_low_s8(Signed(x)));
  return vpadalq_s16(sums, vmlal_high_s8(low, Signed(codes), Signed(x)));
}

// Products of 16 columns that lie as four steps of a row per lane.
template <class Codes>
DRAGOMAN_ALWAYS_INLINE Ints DotFourSteps(const Bytes (&codes)[4], const int8_t* x) {
  static_assert(ProductsIn16Bits(Codes::kBits) >= 4);
  const int8x16_t first = Signed(FourColumns(x));
  int16x8_t low = vmull_s8(vget_low_s8(Signed(codes[0])), vget_low_s8(first));
  int16x8_t high = vmull_high_s8(Signed(codes[0]), first);
  DRAGOMAN_UNROLL
  for (size_t step = 1; step < 4; ++step) {
    const int8x16_t w = Signed(codes[step]), four = Signed(FourColumns(x + 4 * step));
    low = vmlal_s8(low, vget_low_s8(w), vget_low_s8(four));
    high = vmlal_high_s8(high, w, four);
  }
  return Widen(low, high);
}

// In this order.
#include "kernels/cpu/int8_codes-inl.h"
//
#include "kernels/cpu/int8_row_dots-inl.h"
//
#include "kernels/cpu/int8_rows-inl.h"
//
#include "kernels/cpu/int8_group-inl.h"
//
#include "kernels/cpu/int8_product-inl.h"

}  // namespace int8_neon

const Int8Kernels* FindInt8Neon() {
  static const Int8Kernels kernels = int8_neon::MakeInt8Kernels("neon");
  return &kernels;
}

}  // namespace dragoman

#else

namespace dragoman {
const Int8Kernels* FindInt8Neon() { return nullptr; }
}  // namespace dragoman

#endif
