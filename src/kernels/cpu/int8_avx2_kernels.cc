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

// How sums of two products are added up.
enum class Sums {
  kCorrected,  // in 16 bits to the end, from the correction: what they come to fits, and on the way
               // they wrap around; columns 0, 1, 4, 5, ... of a sub-block, and the others
  kEightSteps,  // in 16 bits for so many steps of four columns
  kFourSteps,
  kSigned,  // in 32 bits
};
template <class Codes>
constexpr Sums SumsOf() {
  if (Codes::kSigned) return Sums::kSigned;
  if (!Codes::kHasMin) return Sums::kCorrected;
  return Codes::kBits <= 4 ? Sums::kEightSteps : Sums::kFourSteps;
}
static_assert(8 * 2 * 15 * 127 < 32768 && 4 * 2 * 31 * 127 < 32768 && 2 * 128 * 127 < 32768);
// 16 columns of codes of 6 bits less 32, 32 of 5 bits less 16.
static_assert(8 * 32 * 127 < 32768 && 16 * 16 * 127 < 32768);

// sums += sums of two products, in 16 bits. In assembly, because GCC 12 otherwise makes all
// products of a sub-block before it adds them, and keeps them in memory meanwhile.
DRAGOMAN_ALWAYS_INLINE void AddPairSums(Bytes codes, Bytes x, Bytes& sums) {
  const Bytes products = _mm256_maddubs_epi16(codes, x);
  __asm__("vpaddw %1, %0, %0" : "+x"(sums) : "x"(products));
}

DRAGOMAN_ALWAYS_INLINE Ints Widen(Bytes pair_sums) {
  return _mm256_madd_epi16(pair_sums, _mm256_set1_epi16(1));
}

// `kCount` steps of four columns from `first` on, in 16 bits: a new sum if kNew.
template <int kTokens, size_t kTiles, int kCount, bool kNew>
DRAGOMAN_ALWAYS_INLINE void AddSteps(const uint8_t* const (&codes)[kTiles], int first,
                                     const int8_t* x, Bytes (&sums)[kTiles][kTokens]) {
  DRAGOMAN_UNROLL
  for (int step = first; step < first + kCount; ++step) {
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
        if (kNew && step == first) {
          sums[tile][t] = _mm256_maddubs_epi16(w[tile], four);
        } else {
          AddPairSums(w[tile], four, sums[tile][t]);
        }
      }
    }
  }
}

// dots += `kCount` steps of four columns, whose sums fit in 16 bits.
template <int kTokens, size_t kTiles, int kCount>
DRAGOMAN_ALWAYS_INLINE void DotTogether(const uint8_t* const (&codes)[kTiles], int first,
                                        const int8_t* x, Ints (&dots)[kTiles][kTokens]) {
  Bytes sums[kTiles][kTokens];
  AddSteps<kTokens, kTiles, kCount, true>(codes, first, x, sums);
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
template <int kTokens, size_t kTiles, int kSteps, Sums kSums, Nibbles>
DRAGOMAN_ALWAYS_INLINE void DotSteps(const uint8_t* const (&codes)[kTiles], const int8_t* x,
                                     Ints (&dots)[kTiles][kTokens]) {
  if constexpr (kSums == Sums::kCorrected) {
    AddSteps<kTokens, kTiles, kSteps, false>(codes, 0, x, dots);
    DRAGOMAN_UNROLL
    for (size_t i = 0; i < kTiles * kTokens; ++i) {
      Ints& dot = dots[i / kTokens][i % kTokens];
      dot = Widen(dot);
    }
  } else if constexpr (kSums == Sums::kSigned) {
    DRAGOMAN_UNROLL
    for (int step = 0; step < kSteps; ++step) DotSigned(codes, step, x, dots);
  } else {
    constexpr int kTogether = kSums == Sums::kFourSteps || kSteps < 8 ? 4 : 8;
    DRAGOMAN_UNROLL
    for (int first = 0; first < kSteps; first += kTogether) {
      DotTogether<kTokens, kTiles, kTogether>(codes, first, x, dots);
    }
  }
}

// In two words of 16 bits, as kCorrected wants it.
template <class Codes>
DRAGOMAN_ALWAYS_INLINE uint32_t CorrectionOf(const int8_t* codes, int32_t sum) {
  if constexpr (SumsOf<Codes>() != Sums::kCorrected) {
    return static_cast<uint32_t>(-Codes::kOffset * sum);
  }
  const __m128i ones = _mm_set1_epi8(1);
  __m128i pairs = _mm_maddubs_epi16(ones, Load16(codes));
  if constexpr (Codes::kSubElems == 32) {
    pairs = _mm_add_epi16(pairs, _mm_maddubs_epi16(ones, Load16(codes + 16)));
  }
  pairs = _mm_add_epi16(pairs, _mm_unpackhi_epi64(pairs, pairs));
  pairs = _mm_add_epi16(pairs, _mm_shuffle_epi32(pairs, 1));
  pairs = _mm_mullo_epi16(pairs, _mm_set1_epi16(-Codes::kOffset));
  return static_cast<uint32_t>(_mm_cvtsi128_si32(pairs));
}

// In this order.
#include "kernels/cpu/int8_codes-inl.h"
//
#include "kernels/cpu/int8_avx2_rows-inl.h"
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
