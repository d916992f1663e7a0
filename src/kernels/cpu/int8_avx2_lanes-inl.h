// The lanes of the integer product in vectors of 256 bits: eight rows of weights to a vector.
// Shared by the file for AVX2 alone and the one with AVX-VNNI, which differ in the dot product.

using Bytes = __m256i;
using Ints = __m256i;
using Floats = __m256;

constexpr size_t kVectorElems = 32;

// Into the second-level cache: the first-level one has too few misses under way to stream.
DRAGOMAN_ALWAYS_INLINE void Prefetch(const uint8_t* from) {
  _mm_prefetch(reinterpret_cast<const char*>(from), _MM_HINT_T1);
}
// The same, not to be moved from among other instructions, as GCC else moves it.
DRAGOMAN_ALWAYS_INLINE void PrefetchHere(const uint8_t* from) {
  __asm__ volatile("prefetcht1 %0" ::"m"(*from));
}
DRAGOMAN_ALWAYS_INLINE Bytes LoadBytes(const void* from) {
  return _mm256_loadu_si256(static_cast<const __m256i*>(from));
}
DRAGOMAN_ALWAYS_INLINE void StoreBytes(Bytes v, void* to) {
  _mm256_store_si256(static_cast<__m256i*>(to), v);
}
DRAGOMAN_ALWAYS_INLINE Bytes SetByte(int value) {
  return _mm256_set1_epi8(static_cast<char>(value));
}
DRAGOMAN_ALWAYS_INLINE Bytes SetWord(int value) { return _mm256_set1_epi32(value); }
DRAGOMAN_ALWAYS_INLINE Bytes And(Bytes a, Bytes b) { return _mm256_and_si256(a, b); }
DRAGOMAN_ALWAYS_INLINE Bytes Or(Bytes a, Bytes b) { return _mm256_or_si256(a, b); }
DRAGOMAN_ALWAYS_INLINE Bytes Xor(Bytes a, Bytes b) { return _mm256_xor_si256(a, b); }
// Shifts of 16-bit lanes: bits cross the bytes of a pair.
template <int kBits>
DRAGOMAN_ALWAYS_INLINE Bytes ShiftRight(Bytes v) {
  return _mm256_srli_epi16(v, kBits);
}
template <int kBits>
DRAGOMAN_ALWAYS_INLINE Bytes ShiftLeft(Bytes v) {
  return _mm256_slli_epi16(v, kBits);
}
template <int kBits>
DRAGOMAN_ALWAYS_INLINE Bytes WordShiftRight(Bytes v) {
  return _mm256_srli_epi32(v, kBits);
}
template <int kBits>
DRAGOMAN_ALWAYS_INLINE Bytes WordShiftLeft(Bytes v) {
  return _mm256_slli_epi32(v, kBits);
}
DRAGOMAN_ALWAYS_INLINE Bytes SubtractBytes(Bytes a, Bytes b) { return _mm256_sub_epi8(a, b); }
DRAGOMAN_ALWAYS_INLINE Bytes SubtractWords(Bytes a, Bytes b) { return _mm256_sub_epi32(a, b); }
// The high half of each word of `low`, below the low half of `high`.
DRAGOMAN_ALWAYS_INLINE Bytes JoinHalves(Bytes low, Bytes high) {
  return Or(WordShiftRight<16>(low), WordShiftLeft<16>(high));
}
DRAGOMAN_ALWAYS_INLINE __m128i Load16(const void* from) {
  return _mm_loadu_si128(static_cast<const __m128i*>(from));
}
DRAGOMAN_ALWAYS_INLINE Bytes Lookup16(const int8_t* table, Bytes codes) {
  return _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(Load16(table)), codes);
}
// Bits kFirst .. kFirst + 3 of each word, as bit 4 of its four bytes.
template <int kFirst>
DRAGOMAN_ALWAYS_INLINE Bytes SpreadFifthBits(Bytes words) {
  const Bytes nibble = And(WordShiftRight<kFirst>(words), SetWord(15));
  // Copies at distances of 7 bits put bit i at bit 8 * i, and others elsewhere.
  const Bytes spread = _mm256_mullo_epi32(nibble, SetWord(0x00204081));
  return WordShiftLeft<4>(And(spread, SetByte(1)));
}

// 16 bytes of a row, and of the row four further. Blended with memory, which every pipe does, where
// inserting from memory goes once a cycle on Zen 3; it reads the 16 bytes before the further row's
// too, which are within the rows between.
DRAGOMAN_ALWAYS_INLINE Bytes LoadRows(const uint8_t* from, size_t stride) {
  return _mm256_blend_epi32(_mm256_castsi128_si256(Load16(from)), LoadBytes(from + 4 * stride - 16),
                            0xf0);
}

// Four vectors of rows' 16 bytes -> four vectors of one word per row.
DRAGOMAN_ALWAYS_INLINE void TransposeWords(const Bytes (&rows)[4], Bytes (&out)[4]) {
  const Bytes low01 = _mm256_unpacklo_epi32(rows[0], rows[1]);
  const Bytes low23 = _mm256_unpacklo_epi32(rows[2], rows[3]);
  const Bytes high01 = _mm256_unpackhi_epi32(rows[0], rows[1]);
  const Bytes high23 = _mm256_unpackhi_epi32(rows[2], rows[3]);
  out[0] = _mm256_unpacklo_epi64(low01, low23);
  out[1] = _mm256_unpackhi_epi64(low01, low23);
  out[2] = _mm256_unpacklo_epi64(high01, high23);
  out[3] = _mm256_unpackhi_epi64(high01, high23);
}

DRAGOMAN_ALWAYS_INLINE int Word(const uint8_t* from) {
  int word;
  std::memcpy(&word, from, sizeof(word));
  return word;
}

// Four bytes of each of eight rows.
DRAGOMAN_ALWAYS_INLINE Bytes Words(const uint8_t* from, size_t stride) {
  return _mm256_setr_epi32(Word(from), Word(from + stride), Word(from + 2 * stride),
                           Word(from + 3 * stride), Word(from + 4 * stride),
                           Word(from + 5 * stride), Word(from + 6 * stride),
                           Word(from + 7 * stride));
}

// Words below 2^16, taken for fp16.
DRAGOMAN_ALWAYS_INLINE Floats HalvesToFloats(Bytes words) {
  const Bytes packed = _mm256_packus_epi32(words, words);  // each 128 bits for themselves
  return _mm256_cvtph_ps(_mm256_castsi256_si128(_mm256_permute4x64_epi64(packed, 0x08)));
}
DRAGOMAN_ALWAYS_INLINE Floats LowHalfToFloats(Bytes words) {
  return HalvesToFloats(And(words, SetWord(0xffff)));
}
DRAGOMAN_ALWAYS_INLINE Floats HighHalfToFloats(Bytes words) {
  return HalvesToFloats(WordShiftRight<16>(words));
}
DRAGOMAN_ALWAYS_INLINE Floats WordToFloats(Bytes words) { return _mm256_cvtepi32_ps(words); }
// Byte kByte of each word.
template <int kByte>
DRAGOMAN_ALWAYS_INLINE Floats ByteToFloats(Bytes words) {
  return _mm256_cvtepi32_ps(And(WordShiftRight<8 * kByte>(words), SetWord(255)));
}
template <int kByte>
DRAGOMAN_ALWAYS_INLINE Floats SignedByteToFloats(Bytes words) {
  return _mm256_cvtepi32_ps(_mm256_srai_epi32(WordShiftLeft<24 - 8 * kByte>(words), 24));
}

DRAGOMAN_ALWAYS_INLINE Floats LoadFloats(const float* from) { return _mm256_loadu_ps(from); }
DRAGOMAN_ALWAYS_INLINE Floats SetFloats(const float* value) { return _mm256_broadcast_ss(value); }
DRAGOMAN_ALWAYS_INLINE void StoreFloats(Floats v, float* to) { _mm256_storeu_ps(to, v); }
DRAGOMAN_ALWAYS_INLINE Floats Mul(Floats a, Floats b) { return _mm256_mul_ps(a, b); }
DRAGOMAN_ALWAYS_INLINE Floats MulAdd(Floats a, Floats b, Floats c) {
  return _mm256_fmadd_ps(a, b, c);
}
DRAGOMAN_ALWAYS_INLINE Floats NegMulAdd(Floats a, Floats b, Floats c) {
  return _mm256_fnmadd_ps(a, b, c);
}
DRAGOMAN_ALWAYS_INLINE Floats Negate(Floats v) { return _mm256_xor_ps(v, _mm256_set1_ps(-0.0f)); }
DRAGOMAN_ALWAYS_INLINE Floats IntsToFloats(Ints v) { return _mm256_cvtepi32_ps(v); }
DRAGOMAN_ALWAYS_INLINE Ints AddInts(Ints a, Ints b) { return _mm256_add_epi32(a, b); }
DRAGOMAN_ALWAYS_INLINE Ints ZeroInts() { return _mm256_setzero_si256(); }
DRAGOMAN_ALWAYS_INLINE Ints SetInts(const uint32_t* value) {
  return _mm256_set1_epi32(static_cast<int>(*value));
}

#include "kernels/cpu/int8_half_sums-inl.h"

// As in int8_group-inl.h.
DRAGOMAN_ALWAYS_INLINE uint32_t HighestMagnitude(const float* x) {
  Bytes eight = _mm256_setzero_si256();
  for (size_t i = 0; i < 4; ++i) {
    const Bytes bits = _mm256_castps_si256(LoadFloats(x + 8 * i));
    eight = _mm256_max_epu32(eight, And(bits, SetWord(0x7fffffff)));
  }
  const __m128i four =
      _mm_max_epu32(_mm256_castsi256_si128(eight), _mm256_extracti128_si256(eight, 1));
  const __m128i two = _mm_max_epu32(four, _mm_unpackhi_epi64(four, four));
  return static_cast<uint32_t>(_mm_cvtsi128_si32(_mm_max_epu32(two, _mm_shuffle_epi32(two, 1))));
}

DRAGOMAN_ALWAYS_INLINE void RoundGroup(const float* x, float inverse, int8_t* codes,
                                       int32_t (&half_sums)[2]) {
  const Floats factor = _mm256_set1_ps(inverse), round = _mm256_set1_ps(kRoundToEven);
  Bytes low_bytes[4];
  for (size_t i = 0; i < 4; ++i) {
    const Floats shifted = _mm256_add_ps(Mul(LoadFloats(x + 8 * i), factor), round);
    low_bytes[i] = And(_mm256_castps_si256(shifted), SetWord(0xff));
  }
  // Packing goes by 128 bits: words 0-3 of each of the four, then words 4-7.
  const Bytes packed = _mm256_packus_epi16(_mm256_packus_epi32(low_bytes[0], low_bytes[1]),
                                           _mm256_packus_epi32(low_bytes[2], low_bytes[3]));
  const Bytes bytes =
      _mm256_permutevar8x32_epi32(packed, _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(codes), bytes);
  const Bytes pairs = _mm256_maddubs_epi16(SetByte(1), bytes);
  SumHalves(_mm256_madd_epi16(pairs, _mm256_set1_epi16(1)), half_sums);
}

// Four columns of activations, for every row.
DRAGOMAN_ALWAYS_INLINE Bytes FourColumns(const int8_t* x) {
  return SetWord(Word(reinterpret_cast<const uint8_t*>(x)));
}

// 16 columns of activations, for every row.
DRAGOMAN_ALWAYS_INLINE Bytes SixteenColumns(const int8_t* x) {
  return _mm256_broadcastsi128_si256(Load16(x));
}

// Bits 0 .. 15 of `qh` of a row, and of the row four further: 16 where a column's is set.
DRAGOMAN_ALWAYS_INLINE Bytes FifthBitsOfRows(const uint8_t* qh, size_t stride) {
  uint16_t first, second;
  std::memcpy(&first, qh, sizeof(first));
  std::memcpy(&second, qh + 4 * stride, sizeof(second));
  const Bytes halves = _mm256_set_m128i(_mm_cvtsi32_si128(second), _mm_cvtsi32_si128(first));
  // Byte i / 8 for column i, of which bit i % 8 is tested.
  const Bytes bytes =
      _mm256_shuffle_epi8(halves, _mm256_setr_epi64x(0, 0x0101010101010101, 0, 0x0101010101010101));
  const Bytes tested = _mm256_set1_epi64x(static_cast<int64_t>(0x8040201008040201));
  return And(_mm256_cmpeq_epi8(And(bytes, tested), tested), SetByte(16));
}

// Every other word of two vectors' rows, added to the words between: half as many a row.
DRAGOMAN_ALWAYS_INLINE Ints AddInterleaved32(Ints a, Ints b) {
  return AddInts(_mm256_unpacklo_epi32(a, b), _mm256_unpackhi_epi32(a, b));
}
DRAGOMAN_ALWAYS_INLINE Ints AddInterleaved64(Ints a, Ints b) {
  return AddInts(_mm256_unpacklo_epi64(a, b), _mm256_unpackhi_epi64(a, b));
}
