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

// Sums of a sub-block's products: of two in 16 bits where the codes are unsigned, else of four.
template <class Codes>
DRAGOMAN_ALWAYS_INLINE Ints DotColumns(const Bytes* codes, const int8_t* x) {
  Bytes sums[2];
  DRAGOMAN_UNROLL
  for (size_t i = 0; i < 2; ++i) {
    const Bytes columns = SixteenColumns(x + 16 * i);
    if constexpr (Codes::kSigned) {
      sums[i] = Widen(
          _mm256_maddubs_epi16(_mm256_abs_epi8(codes[i]), _mm256_sign_epi8(columns, codes[i])));
    } else {
      sums[i] = _mm256_maddubs_epi16(codes[i], columns);
    }
  }
  return Codes::kSigned ? AddInts(sums[0], sums[1]) : _mm256_add_epi16(sums[0], sums[1]);
}

DRAGOMAN_ALWAYS_INLINE Bytes AddInterleavedPairs32(Bytes a, Bytes b) {
  return _mm256_add_epi16(_mm256_unpacklo_epi32(a, b), _mm256_unpackhi_epi32(a, b));
}
DRAGOMAN_ALWAYS_INLINE Bytes AddInterleavedPairs64(Bytes a, Bytes b) {
  return _mm256_add_epi16(_mm256_unpacklo_epi64(a, b), _mm256_unpackhi_epi64(a, b));
}

// The most that a sum of DotColumns can be.
template <class Codes>
constexpr int kHighestPair = 2 * 2 * 127 * ((1 << Codes::kBits) - 1);

// Sums are widened as soon as they might not fit in 16 bits.
template <class Codes>
DRAGOMAN_ALWAYS_INLINE Ints SumPairs(Ints a, Ints b) {
  if constexpr (Codes::kSigned) {
    return AddInterleaved32(a, b);
  } else {
    static_assert(2 * kHighestPair<Codes> < 32768);
    const Bytes sums = AddInterleavedPairs32(a, b);
    return 4 * kHighestPair<Codes> < 32768 ? sums : Widen(sums);
  }
}

template <class Codes>
DRAGOMAN_ALWAYS_INLINE Ints SumTile(Ints a, Ints b) {
  if constexpr (Codes::kSigned || 4 * kHighestPair<Codes> >= 32768) return AddInterleaved64(a, b);
  return Widen(AddInterleavedPairs64(a, b));
}

// Products of 16 columns that lie as four steps of a row per lane.
template <class Codes>
DRAGOMAN_ALWAYS_INLINE Ints DotFourSteps(const Bytes (&codes)[4], const int8_t* x) {
  constexpr size_t kTogether = Codes::kBits <= 4 ? 4 : 2;
  static_assert(SumsIn16Bits(DotBits(Codes::kBits)) >= static_cast<int>(kTogether));
  Bytes sums[4 / kTogether];
  DRAGOMAN_UNROLL
  for (size_t step = 0; step < 4; ++step) {
    Bytes& sum = sums[step / kTogether];
    const Bytes four = FourColumns(x + 4 * step);
    if (step % kTogether == 0) {
      sum = _mm256_maddubs_epi16(codes[step], four);
    } else {
      AddPairSums(codes[step], four, sum);
    }
  }
  if constexpr (kTogether == 4) return Widen(sums[0]);
  return AddInts(Widen(sums[0]), Widen(sums[4 / kTogether - 1]));
}

// In this order.
#include "kernels/cpu/int8_codes-inl.h"
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
