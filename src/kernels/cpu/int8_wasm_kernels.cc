// The integer product with WebAssembly's SIMD128: four rows of weights to a vector.
//
// There is no fused multiply-add, and the order of operations asks for one: products are made in
// double precision, where they are exact, and added there. That sum is rounded twice, to double and
// to float, which can differ from one rounding only when it lies in the middle between two floats;
// then it is first rounded to an odd double, which cannot.
#include "kernels/cpu/int8_product.h"

#if defined(__wasm_simd128__)

#include <wasm_simd128.h>

#include <cmath>

#include "kernels/cpu/int8_includes.h"

namespace dragoman {
namespace int8_wasm {

using Bytes = v128_t;
using Ints = v128_t;
using Floats = v128_t;

constexpr bool kSignedEightBits = true;
constexpr size_t kVectorElems = 16;
constexpr int kMaxChunkTokens = 4;
constexpr size_t kPanelTiles = 1;
constexpr bool kPackedNibbles = false;

inline void Prefetch(const uint8_t*) {}
inline void PrefetchHere(const uint8_t*) {}
inline Bytes LoadBytes(const void* from) { return wasm_v128_load(from); }
inline void StoreBytes(Bytes v, void* to) { wasm_v128_store(to, v); }
inline Bytes SetByte(int value) { return wasm_i8x16_splat(static_cast<int8_t>(value)); }
inline Bytes SetWord(int value) { return wasm_i32x4_splat(value); }
inline Bytes And(Bytes a, Bytes b) { return wasm_v128_and(a, b); }
inline Bytes Or(Bytes a, Bytes b) { return wasm_v128_or(a, b); }
inline Bytes Xor(Bytes a, Bytes b) { return wasm_v128_xor(a, b); }
// Shifts of bytes.
template <int kBits>
inline Bytes ShiftRight(Bytes v) {
  return wasm_u8x16_shr(v, kBits);
}
template <int kBits>
inline Bytes ShiftLeft(Bytes v) {
  return wasm_i8x16_shl(v, kBits);
}
template <int kBits>
inline Bytes WordShiftRight(Bytes v) {
  return wasm_u32x4_shr(v, kBits);
}
template <int kBits>
inline Bytes WordShiftLeft(Bytes v) {
  return wasm_i32x4_shl(v, kBits);
}
inline Bytes SubtractBytes(Bytes a, Bytes b) { return wasm_i8x16_sub(a, b); }
inline Bytes SubtractWords(Bytes a, Bytes b) { return wasm_i32x4_sub(a, b); }
// The high half of each word of `low`, below the low half of `high`.
inline Bytes JoinHalves(Bytes low, Bytes high) {
  return Or(WordShiftRight<16>(low), WordShiftLeft<16>(high));
}
inline Bytes Lookup16(const int8_t* table, Bytes codes) {
  return wasm_i8x16_swizzle(LoadBytes(table), codes);
}
// Bits kFirst .. kFirst + 3 of each word, as bit 4 of its four bytes.
template <int kFirst>
inline Bytes SpreadFifthBits(Bytes words) {
  const Bytes nibble = And(WordShiftRight<kFirst>(words), SetWord(15));
  // Copies at distances of 7 bits put bit i at bit 8 * i, and others elsewhere.
  const Bytes spread = wasm_i32x4_mul(nibble, SetWord(0x00204081));
  return WordShiftLeft<4>(And(spread, SetByte(1)));
}

// Four rows' 16 bytes -> four vectors of one word per row.
inline void TransposeWords(const Bytes (&rows)[4], Bytes (&out)[4]) {
  const Bytes low01 = wasm_i32x4_shuffle(rows[0], rows[1], 0, 4, 1, 5);
  const Bytes low23 = wasm_i32x4_shuffle(rows[2], rows[3], 0, 4, 1, 5);
  const Bytes high01 = wasm_i32x4_shuffle(rows[0], rows[1], 2, 6, 3, 7);
  const Bytes high23 = wasm_i32x4_shuffle(rows[2], rows[3], 2, 6, 3, 7);
  out[0] = wasm_i64x2_shuffle(low01, low23, 0, 2);
  out[1] = wasm_i64x2_shuffle(low01, low23, 1, 3);
  out[2] = wasm_i64x2_shuffle(high01, high23, 0, 2);
  out[3] = wasm_i64x2_shuffle(high01, high23, 1, 3);
}

inline int Word(const void* from) {
  int word;
  std::memcpy(&word, from, sizeof(word));
  return word;
}

// Four bytes of each of four rows.
inline Bytes Words(const uint8_t* from, size_t stride) {
  return wasm_i32x4_make(Word(from), Word(from + stride), Word(from + 2 * stride),
                         Word(from + 3 * stride));
}

inline Floats LoadFloats(const float* from) { return wasm_v128_load(from); }
inline Floats SetFloats(const float* value) { return wasm_v128_load32_splat(value); }
inline void StoreFloats(Floats v, float* to) { wasm_v128_store(to, v); }
inline Floats Mul(Floats a, Floats b) { return wasm_f32x4_mul(a, b); }
inline Floats Negate(Floats v) { return wasm_f32x4_neg(v); }
inline Floats IntsToFloats(Ints v) { return wasm_f32x4_convert_i32x4(v); }
inline Floats WordToFloats(Bytes words) { return wasm_f32x4_convert_i32x4(words); }

// fp16 in words below 2^16 -> float32, exactly: the exponent is made right by a product.
inline Floats HalvesToFloats(Bytes words) {
  const Bytes sign = WordShiftLeft<16>(And(words, SetWord(0x8000)));
  const Bytes rest = WordShiftLeft<13>(And(words, SetWord(0x7fff)));
  const Floats finite = Mul(rest, SetWord(0x77800000));  // 2^112
  const Bytes not_finite = wasm_i32x4_ge(rest, SetWord(0x0f800000));
  const Bytes special = Or(rest, SetWord(0x7f800000));
  return Or(sign, wasm_v128_bitselect(special, finite, not_finite));
}
inline Floats LowHalfToFloats(Bytes words) { return HalvesToFloats(And(words, SetWord(0xffff))); }
inline Floats HighHalfToFloats(Bytes words) { return HalvesToFloats(WordShiftRight<16>(words)); }
// Byte kByte of each word.
template <int kByte>
inline Floats ByteToFloats(Bytes words) {
  return WordToFloats(And(WordShiftRight<8 * kByte>(words), SetWord(255)));
}
template <int kByte>
inline Floats SignedByteToFloats(Bytes words) {
  return WordToFloats(wasm_i32x4_shr(WordShiftLeft<24 - 8 * kByte>(words), 24));
}

inline Ints AddInts(Ints a, Ints b) { return wasm_i32x4_add(a, b); }
inline Ints ZeroInts() { return wasm_i32x4_splat(0); }
inline Ints SetInts(const uint32_t* value) { return wasm_v128_load32_splat(value); }

// Doubles that rounding to float could round the wrong way: those in the middle between two floats,
// and those below the normal floats, whose middles lie elsewhere.
inline v128_t NeedsCare(v128_t sum) {
  const v128_t low_bits = wasm_v128_and(sum, wasm_i64x2_splat(0x1fffffff));
  const v128_t middle = wasm_i64x2_eq(low_bits, wasm_i64x2_splat(0x10000000));
  const v128_t magnitude = wasm_f64x2_abs(sum);
  const v128_t tiny = wasm_f64x2_lt(magnitude, wasm_f64x2_splat(0x1p-126));
  const v128_t not_zero = wasm_f64x2_gt(magnitude, wasm_f64x2_splat(0));
  return wasm_v128_or(middle, wasm_v128_and(tiny, not_zero));
}

// a + b rounded to odd: an inexact sum gets an odd last bit.
inline v128_t AddToOdd(v128_t a, v128_t b) {
  const v128_t sum = wasm_f64x2_add(a, b);
  const v128_t b_part = wasm_f64x2_sub(sum, a);
  const v128_t a_part = wasm_f64x2_sub(sum, b_part);
  const v128_t error = wasm_f64x2_add(wasm_f64x2_sub(a, a_part), wasm_f64x2_sub(b, b_part));
  const v128_t inexact = wasm_f64x2_ne(error, wasm_f64x2_splat(0));
  const v128_t even = wasm_i64x2_eq(wasm_v128_and(sum, wasm_i64x2_splat(1)), wasm_i64x2_splat(0));
  // Away from zero when the error has the sum's sign, towards it otherwise.
  const v128_t sign_differs = wasm_i64x2_shr(wasm_v128_xor(sum, error), 63);
  const v128_t step = wasm_v128_or(sign_differs, wasm_i64x2_splat(1));
  const v128_t finite = wasm_f64x2_lt(wasm_f64x2_abs(sum), wasm_f64x2_splat(HUGE_VAL));
  const v128_t moved = wasm_v128_and(wasm_v128_and(inexact, even), finite);
  return wasm_i64x2_add(sum, wasm_v128_and(step, moved));
}

inline v128_t LowDoubles(Floats v) { return wasm_f64x2_promote_low_f32x4(v); }
inline v128_t HighDoubles(Floats v) {
  return wasm_f64x2_promote_low_f32x4(wasm_i64x2_shuffle(v, v, 1, 1));
}

// a * b + c, rounded once.
inline Floats MulAdd(Floats a, Floats b, Floats c) {
  const v128_t low_product = wasm_f64x2_mul(LowDoubles(a), LowDoubles(b));
  const v128_t high_product = wasm_f64x2_mul(HighDoubles(a), HighDoubles(b));
  const v128_t low_c = LowDoubles(c), high_c = HighDoubles(c);
  v128_t low = wasm_f64x2_add(low_product, low_c);
  v128_t high = wasm_f64x2_add(high_product, high_c);
  if (wasm_v128_any_true(wasm_v128_or(NeedsCare(low), NeedsCare(high)))) {
    low = AddToOdd(low_product, low_c);
    high = AddToOdd(high_product, high_c);
  }
  return wasm_i64x2_shuffle(wasm_f32x4_demote_f64x2_zero(low), wasm_f32x4_demote_f64x2_zero(high),
                            0, 2);
}
inline Floats NegMulAdd(Floats a, Floats b, Floats c) { return MulAdd(Negate(a), b, c); }

// Four columns of activations, for every row.
inline Bytes FourColumns(const int8_t* x) { return wasm_v128_load32_splat(x); }

// 16 bytes of a row: a vector holds no more.
inline Bytes LoadRows(const uint8_t* from, size_t) { return LoadBytes(from); }
inline Bytes SixteenColumns(const int8_t* x) { return LoadBytes(x); }

// Bits 0 .. 15 of `qh` of a row: 16 where a column's is set.
inline Bytes FifthBitsOfRows(const uint8_t* qh, size_t) {
  const Bytes tested = wasm_i64x2_splat(static_cast<int64_t>(0x8040201008040201));
  const auto low = static_cast<int8_t>(qh[0]), high = static_cast<int8_t>(qh[1]);
  const Bytes bytes = wasm_i64x2_shuffle(wasm_i8x16_splat(low), wasm_i8x16_splat(high), 0, 2);
  return And(wasm_i8x16_eq(And(bytes, tested), tested), SetByte(16));
}

// Products that can be added in 16 bits.
constexpr int ProductsIn16Bits(int bits) { return bits <= 5 ? 8 : bits == 6 ? 4 : 2; }
static_assert(8 * 31 * 127 < 32768 && 4 * 63 * 127 < 32768 && 2 * 128 * 127 < 32768);
template <class Codes>
constexpr int SumsOf() {
  return ProductsIn16Bits(Codes::kBits);
}

// Four sums of pairs of lanes: of `a`, then of `b`.
inline Ints AddPairs(Ints a, Ints b) {
  return AddInts(wasm_i32x4_shuffle(a, b, 0, 2, 4, 6), wasm_i32x4_shuffle(a, b, 1, 3, 5, 7));
}

// dots += kSteps steps of four columns.
template <int kTokens, size_t kTiles, int kSteps, int kProducts, Nibbles>
inline void DotSteps(const uint8_t* const (&codes)[kTiles], const int8_t* x,
                     Ints (&dots)[kTiles][kTokens]) {
  static_assert(kTiles == 1);
  constexpr int kTogether = kProducts < kSteps ? kProducts : kSteps;
  for (int first = 0; first < kSteps; first += kTogether) {
    v128_t low[kTokens], high[kTokens];
    DRAGOMAN_UNROLL
    for (int t = 0; t < kTokens; ++t) low[t] = high[t] = ZeroInts();
    DRAGOMAN_UNROLL
    for (int step = 0; step < kTogether; ++step) {
      const size_t at = static_cast<size_t>(first + step);
      const Bytes w = LoadBytes(codes[0] + at * kVectorElems);
      DRAGOMAN_UNROLL
      for (int t = 0; t < kTokens; ++t) {
        const Bytes four = FourColumns(x + (first + step) * kTokens * 4 + t * 4);
        low[t] = wasm_i16x8_add(low[t], wasm_i16x8_extmul_low_i8x16(w, four));
        high[t] = wasm_i16x8_add(high[t], wasm_i16x8_extmul_high_i8x16(w, four));
      }
    }
    DRAGOMAN_UNROLL
    for (int t = 0; t < kTokens; ++t) {
      dots[0][t] = AddInts(dots[0][t], AddPairs(wasm_i32x4_extadd_pairwise_i16x8(low[t]),
                                                wasm_i32x4_extadd_pairwise_i16x8(high[t])));
    }
  }
}

// Two products fit in 16 bits, whatever the codes.
inline Ints AddDot(Ints sums, Bytes codes, Bytes x) {
  const v128_t pairs =
      wasm_i16x8_add(wasm_i16x8_extmul_low_i8x16(codes, x), wasm_i16x8_extmul_high_i8x16(codes, x));
  return AddInts(sums, wasm_i32x4_extadd_pairwise_i16x8(pairs));
}

// Both rounds of sums are the same.
inline Ints AddInterleaved32(Ints a, Ints b) { return AddPairs(a, b); }
inline Ints AddInterleaved64(Ints a, Ints b) { return AddPairs(a, b); }

// Products of 16 columns that lie as four steps of a row per lane.
template <class Codes>
inline Ints DotFourSteps(const Bytes (&codes)[4], const int8_t* x) {
  static_assert(ProductsIn16Bits(Codes::kBits) >= 4);
  v128_t low = ZeroInts(), high = ZeroInts();
  DRAGOMAN_UNROLL
  for (size_t step = 0; step < 4; ++step) {
    const Bytes four = FourColumns(x + 4 * step);
    low = wasm_i16x8_add(low, wasm_i16x8_extmul_low_i8x16(codes[step], four));
    high = wasm_i16x8_add(high, wasm_i16x8_extmul_high_i8x16(codes[step], four));
  }
  return AddPairs(wasm_i32x4_extadd_pairwise_i16x8(low), wasm_i32x4_extadd_pairwise_i16x8(high));
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

}  // namespace int8_wasm

const Int8Kernels* FindInt8Wasm() {
  static const Int8Kernels kernels = int8_wasm::MakeInt8Kernels("wasm");
  return &kernels;
}

}  // namespace dragoman

#else

namespace dragoman {
const Int8Kernels* FindInt8Wasm() { return nullptr; }
}  // namespace dragoman

#endif
