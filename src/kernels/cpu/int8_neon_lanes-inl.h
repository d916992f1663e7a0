// The lanes of the integer product with NEON: four rows of weights to a vector. Shared by the file
// for every 64-bit ARM and the one with dot products.

using Bytes = uint8x16_t;
using Ints = int32x4_t;
using Floats = float32x4_t;

constexpr bool kSignedEightBits = true;
constexpr size_t kVectorElems = 16;

DRAGOMAN_ALWAYS_INLINE Bytes OfWords(uint32x4_t v) { return vreinterpretq_u8_u32(v); }
DRAGOMAN_ALWAYS_INLINE uint32x4_t ToWords(Bytes v) { return vreinterpretq_u32_u8(v); }
DRAGOMAN_ALWAYS_INLINE int8x16_t Signed(Bytes v) { return vreinterpretq_s8_u8(v); }

// Into the second-level cache, as far as the hint goes.
DRAGOMAN_ALWAYS_INLINE void Prefetch(const uint8_t* from) { __builtin_prefetch(from, 0, 2); }
DRAGOMAN_ALWAYS_INLINE void PrefetchHere(const uint8_t* from) { Prefetch(from); }
DRAGOMAN_ALWAYS_INLINE Bytes LoadBytes(const void* from) {
  return vld1q_u8(static_cast<const uint8_t*>(from));
}
DRAGOMAN_ALWAYS_INLINE void StoreBytes(Bytes v, uint8_t* to) { vst1q_u8(to, v); }
DRAGOMAN_ALWAYS_INLINE Bytes SetByte(int value) { return vdupq_n_u8(static_cast<uint8_t>(value)); }
DRAGOMAN_ALWAYS_INLINE Bytes SetWord(int value) {
  return OfWords(vdupq_n_u32(static_cast<uint32_t>(value)));
}
DRAGOMAN_ALWAYS_INLINE Bytes And(Bytes a, Bytes b) { return vandq_u8(a, b); }
DRAGOMAN_ALWAYS_INLINE Bytes Or(Bytes a, Bytes b) { return vorrq_u8(a, b); }
DRAGOMAN_ALWAYS_INLINE Bytes Xor(Bytes a, Bytes b) { return veorq_u8(a, b); }
// Shifts of bytes.
template <int kBits>
DRAGOMAN_ALWAYS_INLINE Bytes ShiftRight(Bytes v) {
  if constexpr (kBits == 0) return v;
  if constexpr (kBits != 0) return vshrq_n_u8(v, kBits);
}
template <int kBits>
DRAGOMAN_ALWAYS_INLINE Bytes ShiftLeft(Bytes v) {
  return vshlq_n_u8(v, kBits);
}
template <int kBits>
DRAGOMAN_ALWAYS_INLINE Bytes WordShiftRight(Bytes v) {
  if constexpr (kBits == 0) return v;
  if constexpr (kBits != 0) return OfWords(vshrq_n_u32(ToWords(v), kBits));
}
template <int kBits>
DRAGOMAN_ALWAYS_INLINE Bytes WordShiftLeft(Bytes v) {
  return OfWords(vshlq_n_u32(ToWords(v), kBits));
}
DRAGOMAN_ALWAYS_INLINE Bytes SubtractBytes(Bytes a, Bytes b) { return vsubq_u8(a, b); }
DRAGOMAN_ALWAYS_INLINE Bytes SubtractWords(Bytes a, Bytes b) {
  return OfWords(vsubq_u32(ToWords(a), ToWords(b)));
}
// The high half of each word of `low`, below the low half of `high`.
DRAGOMAN_ALWAYS_INLINE Bytes JoinHalves(Bytes low, Bytes high) {
  return Or(WordShiftRight<16>(low), WordShiftLeft<16>(high));
}
DRAGOMAN_ALWAYS_INLINE Bytes Lookup16(const int8_t* table, Bytes codes) {
  return vqtbl1q_u8(vreinterpretq_u8_s8(vld1q_s8(table)), codes);
}
// Bits kFirst .. kFirst + 3 of each word, as bit 4 of its four bytes.
template <int kFirst>
DRAGOMAN_ALWAYS_INLINE Bytes SpreadFifthBits(Bytes words) {
  const Bytes nibble = And(WordShiftRight<kFirst>(words), SetWord(15));
  // Copies at distances of 7 bits put bit i at bit 8 * i, and others elsewhere.
  const Bytes spread = OfWords(vmulq_n_u32(ToWords(nibble), 0x00204081));
  return WordShiftLeft<4>(And(spread, SetByte(1)));
}

// Four rows' 16 bytes -> four vectors of one word per row.
DRAGOMAN_ALWAYS_INLINE void TransposeWords(const Bytes (&rows)[4], Bytes (&out)[4]) {
  const uint32x4_t row0 = ToWords(rows[0]), row1 = ToWords(rows[1]);
  const uint32x4_t row2 = ToWords(rows[2]), row3 = ToWords(rows[3]);
  const uint64x2_t even01 = vreinterpretq_u64_u32(vtrn1q_u32(row0, row1));
  const uint64x2_t odd01 = vreinterpretq_u64_u32(vtrn2q_u32(row0, row1));
  const uint64x2_t even23 = vreinterpretq_u64_u32(vtrn1q_u32(row2, row3));
  const uint64x2_t odd23 = vreinterpretq_u64_u32(vtrn2q_u32(row2, row3));
  out[0] = vreinterpretq_u8_u64(vtrn1q_u64(even01, even23));
  out[1] = vreinterpretq_u8_u64(vtrn1q_u64(odd01, odd23));
  out[2] = vreinterpretq_u8_u64(vtrn2q_u64(even01, even23));
  out[3] = vreinterpretq_u8_u64(vtrn2q_u64(odd01, odd23));
}

// Four bytes of each of four rows.
DRAGOMAN_ALWAYS_INLINE Bytes Words(const uint8_t* from, size_t stride) {
  uint32_t words[4];
  for (size_t i = 0; i < 4; ++i) std::memcpy(&words[i], from + i * stride, sizeof(words[i]));
  return OfWords(vld1q_u32(words));
}

DRAGOMAN_ALWAYS_INLINE Floats LowHalfToFloats(Bytes words) {
  return vcvt_f32_f16(vreinterpret_f16_u16(vmovn_u32(ToWords(words))));
}
DRAGOMAN_ALWAYS_INLINE Floats HighHalfToFloats(Bytes words) {
  return vcvt_f32_f16(vreinterpret_f16_u16(vshrn_n_u32(ToWords(words), 16)));
}
DRAGOMAN_ALWAYS_INLINE Floats WordToFloats(Bytes words) {
  return vcvtq_f32_s32(vreinterpretq_s32_u8(words));
}
// Byte kByte of each word.
template <int kByte>
DRAGOMAN_ALWAYS_INLINE Floats ByteToFloats(Bytes words) {
  return WordToFloats(And(WordShiftRight<8 * kByte>(words), SetWord(255)));
}
template <int kByte>
DRAGOMAN_ALWAYS_INLINE Floats SignedByteToFloats(Bytes words) {
  return vcvtq_f32_s32(vshrq_n_s32(vreinterpretq_s32_u8(WordShiftLeft<24 - 8 * kByte>(words)), 24));
}

DRAGOMAN_ALWAYS_INLINE Floats LoadFloats(const float* from) { return vld1q_f32(from); }
DRAGOMAN_ALWAYS_INLINE Floats SetFloats(const float* value) { return vld1q_dup_f32(value); }
DRAGOMAN_ALWAYS_INLINE void StoreFloats(Floats v, float* to) { vst1q_f32(to, v); }
DRAGOMAN_ALWAYS_INLINE Floats Mul(Floats a, Floats b) { return vmulq_f32(a, b); }
DRAGOMAN_ALWAYS_INLINE Floats MulAdd(Floats a, Floats b, Floats c) { return vfmaq_f32(c, a, b); }
DRAGOMAN_ALWAYS_INLINE Floats NegMulAdd(Floats a, Floats b, Floats c) { return vfmsq_f32(c, a, b); }
DRAGOMAN_ALWAYS_INLINE Floats Negate(Floats v) { return vnegq_f32(v); }
DRAGOMAN_ALWAYS_INLINE Floats IntsToFloats(Ints v) { return vcvtq_f32_s32(v); }
DRAGOMAN_ALWAYS_INLINE Ints AddInts(Ints a, Ints b) { return vaddq_s32(a, b); }
DRAGOMAN_ALWAYS_INLINE Ints ZeroInts() { return vdupq_n_s32(0); }
DRAGOMAN_ALWAYS_INLINE Ints SetInts(const uint32_t* value) {
  return vreinterpretq_s32_u32(vld1q_dup_u32(value));
}

// Four columns of activations, for every row.
DRAGOMAN_ALWAYS_INLINE Bytes FourColumns(const int8_t* x) {
  int32_t four;
  std::memcpy(&four, x, sizeof(four));
  return vreinterpretq_u8_s32(vdupq_n_s32(four));
}

// 16 bytes of a row: a vector holds no more.
DRAGOMAN_ALWAYS_INLINE Bytes LoadRows(const uint8_t* from, size_t) { return LoadBytes(from); }
DRAGOMAN_ALWAYS_INLINE Bytes SixteenColumns(const int8_t* x) { return LoadBytes(x); }

// Bits 0 .. 15 of `qh` of a row: 16 where a column's is set.
DRAGOMAN_ALWAYS_INLINE Bytes FifthBitsOfRows(const uint8_t* qh, size_t) {
  const Bytes tested = vreinterpretq_u8_u64(vdupq_n_u64(0x8040201008040201));
  const Bytes bytes = vcombine_u8(vdup_n_u8(qh[0]), vdup_n_u8(qh[1]));
  return And(vtstq_u8(bytes, tested), SetByte(16));
}

// The sums of neighbours of two vectors: half as many a row. Both rounds are the same.
DRAGOMAN_ALWAYS_INLINE Ints AddInterleaved32(Ints a, Ints b) { return vpaddq_s32(a, b); }
DRAGOMAN_ALWAYS_INLINE Ints AddInterleaved64(Ints a, Ints b) { return vpaddq_s32(a, b); }
