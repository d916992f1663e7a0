// The integer product with AVX2: a vector holds eight rows of weights.
//
// vpmaddubsw adds two products of an unsigned and a signed byte into 16 bits and saturates. Codes
// of up to 6 bits cannot reach that, and several such sums are added before they are widened; codes
// of 8 bits are kept signed, and multiplied as their magnitudes with activations of their sign:
// then two products are 2 * 128 * 127 at most.
#include "kernels/cpu/int8_product.h"

#if defined(__x86_64__)

#include <immintrin.h>

#include "kernels/cpu/int8_includes.h"

DRAGOMAN_TARGET_BEGIN("avx2,fma,f16c")

namespace dragoman {
namespace int8_avx2 {

#include "kernels/cpu/int8_avx2_lanes-inl.h"

constexpr bool kSignedEightBits = true;
// Five tokens by two tiles: ten sums stay in registers, and every broadcast of activations serves
// two products.
constexpr int kMaxChunkTokens = 5;
constexpr size_t kPanelTiles = 2;
constexpr bool kPackedNibbles = false;
// Codes of fewer bits than 4 are multiplied as those of 4.
constexpr int DotBits(int bits) { return bits < 4 ? 4 : bits; }

// Sums of two products that can be added in 16 bits.
constexpr int SumsIn16Bits(int bits) { return bits <= 4 ? 8 : bits == 5 ? 4 : bits == 6 ? 2 : 1; }
static_assert(8 * 2 * 15 * 127 < 32768 && 4 * 2 * 31 * 127 < 32768 && 2 * 2 * 63 * 127 < 32768 &&
              2 * 128 * 127 < 32768);

// sums += sums of two products, in 16 bits. In assembly, because GCC 12 otherwise makes all
// products of a sub-block before it adds them, and keeps them in memory meanwhile.
DRAGOMAN_ALWAYS_INLINE void AddPairSums(Bytes codes, Bytes x, Bytes& sums) {
  const Bytes products = _mm256_maddubs_epi16(codes, x);
  __asm__("vpaddw %1, %0, %0" : "+x"(sums) : "x"(products));
}

DRAGOMAN_ALWAYS_INLINE Ints Widen(Bytes pair_sums) {
  return _mm256_madd_epi16(pair_sums, _mm256_set1_epi16(1));
}

// dots += `kTogether` steps of four columns, whose sums fit in 16 bits.
template <int kTokens, size_t kTiles, int kTogether>
DRAGOMAN_ALWAYS_INLINE void DotTogether(const uint8_t* const (&codes)[kTiles], int first,
                                        const int8_t* x, Ints (&dots)[kTiles][kTokens]) {
  Bytes sums[kTiles][kTokens];
  DRAGOMAN_UNROLL
  for (int step = first; step < first + kTogether; ++step) {
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
        if (step == first) {
          sums[tile][t] = _mm256_maddubs_epi16(w[tile], four);
        } else {
          AddPairSums(w[tile], four, sums[tile][t]);
        }
      }
    }
  }
  DRAGOMAN_UNROLL
  for (size_t i = 0; i < kTiles * kTokens; ++i) {
    Ints& dot = dots[i / kTokens][i % kTokens];
    dot = AddInts(dot, Widen(sums[i / kTokens][i % kTokens]));
  }
}

// dots += a step of signed codes of 8 bits: their magnitudes by activations of their sign.
template <int kTokens, size_t kTiles>
DRAGOMAN_ALWAYS_INLINE void DotSigned(const uint8_t* const (&codes)[kTiles], int step,
                                      const int8_t* x, Ints (&dots)[kTiles][kTokens]) {
  Bytes w[kTiles], magnitudes[kTiles];
  DRAGOMAN_UNROLL
  for (size_t tile = 0; tile < kTiles; ++tile) {
    w[tile] = LoadBytes(codes[tile] + static_cast<size_t>(step) * kVectorElems);
    magnitudes[tile] = _mm256_abs_epi8(w[tile]);
  }
  DRAGOMAN_UNROLL
  for (int t = 0; t < kTokens; ++t) {
    const Bytes four = FourColumns(x + (step * kTokens + t) * 4);
    DRAGOMAN_UNROLL
    for (size_t tile = 0; tile < kTiles; ++tile) {
      const Bytes pairs = _mm256_maddubs_epi16(magnitudes[tile], _mm256_sign_epi8(four, w[tile]));
      const Ints sums = Widen(pairs);
      __asm__("vpaddd %1, %0, %0" : "+x"(dots[tile][t]) : "x"(sums));
    }
  }
}

// dots += kSteps steps of four columns.
template <int kTokens, size_t kTiles, int kSteps, int kBits, bool kSigned, Nibbles>
DRAGOMAN_ALWAYS_INLINE void DotSteps(const uint8_t* const (&codes)[kTiles], const int8_t* x,
                                     Ints (&dots)[kTiles][kTokens]) {
  constexpr int kTogether = SumsIn16Bits(kBits) < kSteps ? SumsIn16Bits(kBits) : kSteps;
  DRAGOMAN_UNROLL
  for (int first = 0; first < kSteps; first += kTogether) {
    if constexpr (kSigned) {
      DotSigned(codes, first, x, dots);
    } else {
      DotTogether<kTokens, kTiles, kTogether>(codes, first, x, dots);
    }
  }
}

// Sums of four products of a vector.
template <bool kSigned>
DRAGOMAN_ALWAYS_INLINE Ints DotVector(Bytes codes, Bytes x) {
  if constexpr (!kSigned) return Widen(_mm256_maddubs_epi16(codes, x));
  return Widen(_mm256_maddubs_epi16(_mm256_abs_epi8(codes), _mm256_sign_epi8(x, codes)));
}

// A unit's dot products with one token. dots [1][sub-blocks], in the order of SubAt.
template <class Codes, size_t kSubs>
DRAGOMAN_ALWAYS_INLINE void DotUnit(const Bytes (&codes)[kRowsAtOnce][kUnitVectors],
                                    const int8_t* x, size_t vectors, int32_t (*dots)[kSubs]) {
  Ints sums[kUnitVectors];
  for (size_t i = 0; i < kUnitVectors; ++i) {
    sums[i] = i < vectors ? DotVector<Codes::kSigned>(codes[0][i], LoadBytes(x + i * kVectorElems))
                          : ZeroInts();
  }
  StoreDots<Codes::kBits, kSubs>(sums, dots[0]);
}

// In this order.
#include "kernels/cpu/int8_codes-inl.h"
//
#include "kernels/cpu/int8_narrow_units-inl.h"
//
#include "kernels/cpu/int8_rows-inl.h"
//
#include "kernels/cpu/int8_product-inl.h"

}  // namespace int8_avx2

DRAGOMAN_TARGET_END

const Int8Kernels* FindInt8Avx2() {
  // F16C came before AVX2; not every compiler can ask for it by name.
  static const bool usable = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  if (!usable) return nullptr;  // before any code of this target runs
  static const Int8Kernels kernels = int8_avx2::MakeInt8Kernels("avx2");
  return &kernels;
}

}  // namespace dragoman

#else

namespace dragoman {
const Int8Kernels* FindInt8Avx2() { return nullptr; }
}  // namespace dragoman

#endif
