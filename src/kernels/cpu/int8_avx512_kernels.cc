// The integer product with AVX-512 VNNI: a vector holds 16 rows of weights.
#include "kernels/cpu/int8_product.h"

#if defined(__x86_64__)

#include <immintrin.h>

#include <array>
#include <cstring>
#include <utility>

#include "kernels/cpu/int8_includes.h"

#if !defined(__clang__)
// GCC 12 warns falsely about the undefined operands inside its own intrinsics (GCC bug 105593).
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#pragma GCC diagnostic ignored "-Wuninitialized"
#endif

DRAGOMAN_TARGET_BEGIN("avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx2,fma,f16c")

namespace dragoman {
namespace int8_avx512 {

using Bytes = __m512i;
using Ints = __m512i;
using Floats = __m512;

constexpr bool kSignedEightBits = false;
// Six tokens by two tiles: twelve integer and twelve float sums stay in registers, every broadcast
// of activations serves two products, and there are enough sums to hide their latency.
constexpr int kMaxChunkTokens = 6;
constexpr size_t kPanelTiles = 2;
constexpr bool kPackedNibbles = true;
// The dot product is the same for all types.
template <class Codes>
constexpr int SumsOf() {
  return 0;
}

// Into the second-level cache: the first-level one has too few misses under way to stream.
DRAGOMAN_ALWAYS_INLINE void Prefetch(const uint8_t* from) {
  _mm_prefetch(reinterpret_cast<const char*>(from), _MM_HINT_T1);
}
// The same, not to be moved from among other instructions, as GCC else moves it.
DRAGOMAN_ALWAYS_INLINE void PrefetchHere(const uint8_t* from) {
  __asm__ volatile("prefetcht1 %0" ::"m"(*from));
}
DRAGOMAN_ALWAYS_INLINE void StoreBytes(Bytes v, uint8_t* to) { _mm512_store_si512(to, v); }
DRAGOMAN_ALWAYS_INLINE Bytes SetByte(int value) {
  return _mm512_set1_epi8(static_cast<char>(value));
}
DRAGOMAN_ALWAYS_INLINE Bytes SetWord(int value) { return _mm512_set1_epi32(value); }
DRAGOMAN_ALWAYS_INLINE Bytes And(Bytes a, Bytes b) { return _mm512_and_si512(a, b); }
DRAGOMAN_ALWAYS_INLINE Bytes Or(Bytes a, Bytes b) { return _mm512_or_si512(a, b); }
DRAGOMAN_ALWAYS_INLINE Bytes Xor(Bytes a, Bytes b) { return _mm512_xor_si512(a, b); }
// Shifts of 16-bit lanes: bits cross the bytes of a pair.
template <int kBits>
DRAGOMAN_ALWAYS_INLINE Bytes ShiftRight(Bytes v) {
  return _mm512_srli_epi16(v, kBits);
}
template <int kBits>
DRAGOMAN_ALWAYS_INLINE Bytes ShiftLeft(Bytes v) {
  return _mm512_slli_epi16(v, kBits);
}
template <int kBits>
DRAGOMAN_ALWAYS_INLINE Bytes WordShiftRight(Bytes v) {
  return _mm512_srli_epi32(v, kBits);
}
template <int kBits>
DRAGOMAN_ALWAYS_INLINE Bytes WordShiftLeft(Bytes v) {
  return _mm512_slli_epi32(v, kBits);
}
DRAGOMAN_ALWAYS_INLINE Bytes SubtractBytes(Bytes a, Bytes b) { return _mm512_sub_epi8(a, b); }
DRAGOMAN_ALWAYS_INLINE Bytes SubtractWords(Bytes a, Bytes b) { return _mm512_sub_epi32(a, b); }
// The high half of each word of `low`, below the low half of `high`.
DRAGOMAN_ALWAYS_INLINE Bytes JoinHalves(Bytes low, Bytes high) {
  return Or(WordShiftRight<16>(low), WordShiftLeft<16>(high));
}
DRAGOMAN_ALWAYS_INLINE Bytes Lookup16(const int8_t* table, Bytes codes) {
  const __m128i entries = _mm_loadu_si128(reinterpret_cast<const __m128i*>(table));
  return _mm512_shuffle_epi8(_mm512_broadcast_i32x4(entries), codes);
}
// Bits kFirst .. kFirst + 3 of each word, as bit 4 of its four bytes.
template <int kFirst>
DRAGOMAN_ALWAYS_INLINE Bytes SpreadFifthBits(Bytes words) {
  const Bytes nibble = And(WordShiftRight<kFirst>(words), SetWord(15));
  // Copies at distances of 7 bits put bit i at bit 8 * i, and others elsewhere.
  const Bytes spread = _mm512_mullo_epi32(nibble, SetWord(0x00204081));
  return WordShiftLeft<4>(And(spread, SetByte(1)));
}

DRAGOMAN_ALWAYS_INLINE __m128i Load16(const uint8_t* from) {
  return _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
}

// 16 bytes of rows r, r + 4, r + 8 and r + 12, r = the row of `from`.
DRAGOMAN_ALWAYS_INLINE __m512i LoadRows(const uint8_t* from, size_t stride) {
  __m512i v = _mm512_castsi128_si512(Load16(from));
  v = _mm512_inserti32x4(v, Load16(from + 4 * stride), 1);
  v = _mm512_inserti32x4(v, Load16(from + 8 * stride), 2);
  return _mm512_inserti32x4(v, Load16(from + 12 * stride), 3);
}

// Four vectors of rows' 16 bytes -> four vectors of one word per row.
DRAGOMAN_ALWAYS_INLINE void TransposeWords(const Bytes (&rows)[4], Bytes (&out)[4]) {
  const __m512i low01 = _mm512_unpacklo_epi32(rows[0], rows[1]);
  const __m512i low23 = _mm512_unpacklo_epi32(rows[2], rows[3]);
  const __m512i high01 = _mm512_unpackhi_epi32(rows[0], rows[1]);
  const __m512i high23 = _mm512_unpackhi_epi32(rows[2], rows[3]);
  out[0] = _mm512_unpacklo_epi64(low01, low23);
  out[1] = _mm512_unpackhi_epi64(low01, low23);
  out[2] = _mm512_unpacklo_epi64(high01, high23);
  out[3] = _mm512_unpackhi_epi64(high01, high23);
}

DRAGOMAN_ALWAYS_INLINE int Word(const uint8_t* from) {
  int word;
  std::memcpy(&word, from, sizeof(word));
  return word;
}

DRAGOMAN_ALWAYS_INLINE __m128i WordsOfFour(const uint8_t* from, size_t stride) {
  __m128i v = _mm_cvtsi32_si128(Word(from));
  v = _mm_insert_epi32(v, Word(from + stride), 1);
  v = _mm_insert_epi32(v, Word(from + 2 * stride), 2);
  return _mm_insert_epi32(v, Word(from + 3 * stride), 3);
}

// Four bytes of each of 16 rows.
DRAGOMAN_ALWAYS_INLINE Bytes Words(const uint8_t* from, size_t stride) {
  __m512i v = _mm512_castsi128_si512(WordsOfFour(from, stride));
  v = _mm512_inserti32x4(v, WordsOfFour(from + 4 * stride, stride), 1);
  v = _mm512_inserti32x4(v, WordsOfFour(from + 8 * stride, stride), 2);
  return _mm512_inserti32x4(v, WordsOfFour(from + 12 * stride, stride), 3);
}

DRAGOMAN_ALWAYS_INLINE Floats LowHalfToFloats(Bytes words) {
  return _mm512_cvtph_ps(_mm512_cvtepi32_epi16(words));
}
DRAGOMAN_ALWAYS_INLINE Floats HighHalfToFloats(Bytes words) {
  return _mm512_cvtph_ps(_mm512_cvtepi32_epi16(WordShiftRight<16>(words)));
}
DRAGOMAN_ALWAYS_INLINE Floats WordToFloats(Bytes words) { return _mm512_cvtepi32_ps(words); }
// Byte kByte of each word.
template <int kByte>
DRAGOMAN_ALWAYS_INLINE Floats ByteToFloats(Bytes words) {
  return _mm512_cvtepi32_ps(And(WordShiftRight<8 * kByte>(words), SetWord(255)));
}
template <int kByte>
DRAGOMAN_ALWAYS_INLINE Floats SignedByteToFloats(Bytes words) {
  return _mm512_cvtepi32_ps(_mm512_srai_epi32(WordShiftLeft<24 - 8 * kByte>(words), 24));
}

DRAGOMAN_ALWAYS_INLINE Floats LoadFloats(const float* from) { return _mm512_loadu_ps(from); }
DRAGOMAN_ALWAYS_INLINE Floats SetFloats(const float* value) { return _mm512_set1_ps(*value); }
DRAGOMAN_ALWAYS_INLINE void StoreFloats(Floats v, float* to) { _mm512_storeu_ps(to, v); }
DRAGOMAN_ALWAYS_INLINE Floats Mul(Floats a, Floats b) { return _mm512_mul_ps(a, b); }
DRAGOMAN_ALWAYS_INLINE Floats MulAdd(Floats a, Floats b, Floats c) {
  return _mm512_fmadd_ps(a, b, c);
}
DRAGOMAN_ALWAYS_INLINE Floats NegMulAdd(Floats a, Floats b, Floats c) {
  return _mm512_fnmadd_ps(a, b, c);
}
DRAGOMAN_ALWAYS_INLINE Floats Negate(Floats v) { return _mm512_xor_ps(v, _mm512_set1_ps(-0.0f)); }
DRAGOMAN_ALWAYS_INLINE Floats IntsToFloats(Ints v) { return _mm512_cvtepi32_ps(v); }
DRAGOMAN_ALWAYS_INLINE Ints AddInts(Ints a, Ints b) { return _mm512_add_epi32(a, b); }
DRAGOMAN_ALWAYS_INLINE Ints ZeroInts() { return _mm512_setzero_si512(); }
DRAGOMAN_ALWAYS_INLINE Ints SetInts(const uint32_t* value) {
  return _mm512_set1_epi32(static_cast<int>(*value));
}

#include "kernels/cpu/int8_half_sums-inl.h"

// As in int8_group-inl.h.
DRAGOMAN_ALWAYS_INLINE uint32_t HighestMagnitude(const float* x) {
  const Bytes mask = SetWord(0x7fffffff);
  return _mm512_reduce_max_epu32(
      _mm512_max_epu32(And(_mm512_castps_si512(LoadFloats(x)), mask),
                       And(_mm512_castps_si512(LoadFloats(x + 16)), mask)));
}

DRAGOMAN_ALWAYS_INLINE void RoundGroup(const float* x, float inverse, int8_t* codes,
                                       int32_t (&half_sums)[2]) {
  const Floats factor = _mm512_set1_ps(inverse), round = _mm512_set1_ps(kRoundToEven);
  const Floats low = _mm512_add_ps(Mul(LoadFloats(x), factor), round);
  const Floats high = _mm512_add_ps(Mul(LoadFloats(x + 16), factor), round);
  const __m256i bytes = _mm256_set_m128i(_mm512_cvtepi32_epi8(_mm512_castps_si512(high)),
                                         _mm512_cvtepi32_epi8(_mm512_castps_si512(low)));
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(codes), bytes);
  SumHalves(_mm256_dpbusd_epi32(_mm256_setzero_si256(), _mm256_set1_epi8(1), bytes), half_sums);
}

// Four columns of activations, for every row.
DRAGOMAN_ALWAYS_INLINE Bytes FourColumns(const int8_t* x) {
  return SetWord(Word(reinterpret_cast<const uint8_t*>(x)));
}

// 16 columns of activations, for every row.
DRAGOMAN_ALWAYS_INLINE Bytes SixteenColumns(const int8_t* x) {
  return _mm512_broadcast_i32x4(Load16(reinterpret_cast<const uint8_t*>(x)));
}

// Bits 0 .. 15 of `qh` of every fourth row: 16 where a column's is set.
DRAGOMAN_ALWAYS_INLINE Bytes FifthBitsOfRows(const uint8_t* qh, size_t stride) {
  uint64_t bits = 0;
  DRAGOMAN_UNROLL
  for (size_t i = 0; i < 4; ++i) {
    uint16_t of_row;
    std::memcpy(&of_row, qh + 4 * i * stride, sizeof(of_row));
    bits |= static_cast<uint64_t>(of_row) << 16 * i;
  }
  return _mm512_maskz_mov_epi8(bits, SetByte(16));
}

// Every other word of two vectors' rows, added to the words between: half as many a row.
DRAGOMAN_ALWAYS_INLINE Ints AddInterleaved32(Ints a, Ints b) {
  return AddInts(_mm512_unpacklo_epi32(a, b), _mm512_unpackhi_epi32(a, b));
}
DRAGOMAN_ALWAYS_INLINE Ints AddInterleaved64(Ints a, Ints b) {
  return AddInts(_mm512_unpacklo_epi64(a, b), _mm512_unpackhi_epi64(a, b));
}

// sums += sums of four products.
DRAGOMAN_ALWAYS_INLINE Ints AddDot(Ints sums, Bytes codes, Bytes x) {
  return _mm512_dpbusd_epi32(sums, codes, x);
}

// A step's codes.
template <Nibbles kNibbles, int kSteps>
DRAGOMAN_ALWAYS_INLINE Bytes LoadStep(const uint8_t* codes, int step) {
  const int at = kNibbles == Nibbles::kBoth ? step % (kSteps / 2) : step;
  const Bytes bytes = _mm512_load_si512(codes + static_cast<size_t>(at) * 64);
  if constexpr (kNibbles == Nibbles::kNone) return bytes;
  if constexpr (kNibbles == Nibbles::kHigh) return And(bytes, SetByte(0xf0));  // in their place
  const bool high = kNibbles == Nibbles::kBoth && at != step;
  return And(high ? ShiftRight<4>(bytes) : bytes, SetByte(0x0f));
}

// dots += kSteps steps of four columns. In assembly, because GCC 12 copies the sums around its
// intrinsic.
template <int kTokens, size_t kTiles, int kSteps, int, Nibbles kNibbles>
DRAGOMAN_ALWAYS_INLINE void DotSteps(const uint8_t* const (&codes)[kTiles], const int8_t* x,
                                     Ints (&dots)[kTiles][kTokens]) {
  using FourCodes __attribute__((may_alias, aligned(1))) = int32_t;
  const auto* four = reinterpret_cast<const FourCodes*>(x);
  DRAGOMAN_UNROLL
  for (int step = 0; step < kSteps; ++step) {
    __m512i w[kTiles];
    DRAGOMAN_UNROLL
    for (size_t tile = 0; tile < kTiles; ++tile) {
      w[tile] = LoadStep<kNibbles, kSteps>(codes[tile], step);
    }
    DRAGOMAN_UNROLL
    for (int t = 0; t < kTokens; ++t) {
      const __m512i four_codes = _mm512_set1_epi32(four[step * kTokens + t]);
      DRAGOMAN_UNROLL
      for (size_t tile = 0; tile < kTiles; ++tile) {
        __asm__("vpdpbusd %2, %1, %0" : "+v"(dots[tile][t]) : "v"(w[tile]), "v"(four_codes));
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
#include "kernels/cpu/int8_product-inl.h"

}  // namespace int8_avx512

DRAGOMAN_TARGET_END

const Int8Kernels* FindInt8Avx512() {
  static const bool usable =
      __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
      __builtin_cpu_supports("avx512vnni");
  if (!usable) return nullptr;  // before any code of this target runs
  static const Int8Kernels kernels = int8_avx512::MakeInt8Kernels("avx512vnni");
  return &kernels;
}

}  // namespace dragoman

#else

namespace dragoman {
const Int8Kernels* FindInt8Avx512() { return nullptr; }
}  // namespace dragoman

#endif
