// Vector decoders of weight blocks to float32, equal to the scalar ones of src/blocks to the last
// bit.
//
// They can be, whatever the instruction set: the products of an fp16 factor, a scale and a code fit
// in float32, so that there is one rounding at most. Types without a vector form use the scalar
// one.
#if defined(DRAGOMAN_KERNELS_CPU_DECODE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef DRAGOMAN_KERNELS_CPU_DECODE_INL_H_
#undef DRAGOMAN_KERNELS_CPU_DECODE_INL_H_
#else
#define DRAGOMAN_KERNELS_CPU_DECODE_INL_H_
#endif

#include "base/float16.h"
#include "blocks/block_type.h"
#include "blocks/k_scales.h"
#include "blocks/q4_k.h"
#include "blocks/q5_k.h"
#include "blocks/q6_k.h"
#include "blocks/q8_0.h"
#include "kernels/cpu/lanes-inl.h"

HWY_BEFORE_NAMESPACE();
namespace dragoman {
namespace HWY_NAMESPACE {

HWY_INLINE FloatVec FloatsOf(hn::Vec<Uint8Tag> codes) {
  return hn::ConvertTo(kFloats, hn::PromoteTo(Int32Tag(), codes));
}

HWY_INLINE FloatVec FloatsOf(hn::Vec<Int8Tag> codes) {
  return hn::ConvertTo(kFloats, hn::PromoteTo(Int32Tag(), codes));
}

HWY_INLINE FloatVec LoadBf16(const uint8_t* from) {
  const auto bits = hn::LoadU(Uint16Tag(), reinterpret_cast<const uint16_t*>(from));
  return hn::BitCast(kFloats, hn::ShiftLeft<16>(hn::PromoteTo(Uint32Tag(), bits)));
}

HWY_INLINE FloatVec LoadF16(const uint8_t* from) {
  const hn::Rebind<hwy::float16_t, FloatTag> halves;
  const auto bits = hn::LoadU(Uint16Tag(), reinterpret_cast<const uint16_t*>(from));
  return hn::PromoteTo(kFloats, hn::BitCast(halves, bits));
}

HWY_INLINE FloatVec LoadF32(const uint8_t* from) {
  return hn::LoadU(kFloats, reinterpret_cast<const float*>(from));
}

HWY_INLINE uint16_t Uint16At(const uint8_t* from) {
  uint16_t bits;
  std::memcpy(&bits, from, sizeof(bits));
  return bits;
}

// One weight of a plain type, for the ends of rows.
HWY_INLINE float Bf16At(const uint8_t* from) { return Bf16ToFloat(Uint16At(from)); }
HWY_INLINE float F16At(const uint8_t* from) { return Fp16ToFloat(Uint16At(from)); }
HWY_INLINE float F32At(const uint8_t* from) {
  float value;
  std::memcpy(&value, from, sizeof(value));
  return value;
}

void DecodeBf16(const uint8_t* from, size_t elems, float* HWY_RESTRICT out) {
  size_t i = 0;
  for (; i + kLanes <= elems; i += kLanes) hn::StoreU(LoadBf16(from + 2 * i), kFloats, out + i);
  for (; i < elems; ++i) out[i] = Bf16At(from + 2 * i);
}

void DecodeF16(const uint8_t* from, size_t elems, float* HWY_RESTRICT out) {
  size_t i = 0;
  for (; i + kLanes <= elems; i += kLanes) hn::StoreU(LoadF16(from + 2 * i), kFloats, out + i);
  for (; i < elems; ++i) out[i] = F16At(from + 2 * i);
}

void DecodeF32(const uint8_t* from, size_t elems, float* HWY_RESTRICT out) {
  std::memcpy(out, from, elems * sizeof(float));
}

void DecodeQ8_0(const uint8_t* from, size_t elems, float* HWY_RESTRICT out) {
  for (size_t first = 0; first < elems; first += BlockQ8_0::kElems, from += sizeof(BlockQ8_0)) {
    const FloatVec scale = hn::Set(kFloats, F16At(from));
    const auto* codes = reinterpret_cast<const int8_t*>(from + offsetof(BlockQ8_0, qs));
    for (size_t i = 0; i < BlockQ8_0::kElems; i += kLanes) {
      const FloatVec q = FloatsOf(hn::LoadU(Int8Tag(), codes + i));
      hn::StoreU(hn::Mul(scale, q), kFloats, out + first + i);
    }
  }
}

// Factors of the eight sub-blocks of a Q4_K or Q5_K block, whose packed scales start at `packed`.
struct SubBlockFactors {
  float scale[8];
  float minimum[8];
};

HWY_INLINE SubBlockFactors UnpackFactors(const uint8_t* packed, float d, float dmin) {
  // Four 6-bit numbers per word at a time; the layout is that of UnpackScaleMin in
  // blocks/k_scales.h.
  uint32_t words[3];
  std::memcpy(words, packed, sizeof(words));
  constexpr uint32_t kSix = 0x3f3f3f3fu, kFour = 0x0f0f0f0fu, kTwo = 0x03030303u;
  const uint32_t codes[4] = {words[0] & kSix, (words[2] & kFour) | ((words[0] >> 6) & kTwo) << 4,
                             words[1] & kSix,
                             ((words[2] >> 4) & kFour) | ((words[1] >> 6) & kTwo) << 4};
  uint8_t bytes[16];
  std::memcpy(bytes, codes, sizeof(bytes));
  SubBlockFactors factors;
  for (size_t s = 0; s < 8; ++s) {
    factors.scale[s] = d * static_cast<float>(bytes[s]);
    factors.minimum[s] = dmin * static_cast<float>(bytes[8 + s]);
  }
  return factors;
}

void DecodeQ4_K(const uint8_t* from, size_t elems, float* HWY_RESTRICT out) {
  const auto low_bits = hn::Set(Uint8Tag(), 15);
  for (size_t first = 0; first < elems; first += BlockQ4_K::kElems, from += sizeof(BlockQ4_K)) {
    const SubBlockFactors factors =
        UnpackFactors(from + offsetof(BlockQ4_K, scales), F16At(from), F16At(from + 2));
    const uint8_t* qs = from + offsetof(BlockQ4_K, qs);
    for (size_t s = 0; s < 8; s += 2, qs += 32) {
      const FloatVec scale0 = hn::Set(kFloats, factors.scale[s]);
      const FloatVec scale1 = hn::Set(kFloats, factors.scale[s + 1]);
      const FloatVec minimum0 = hn::Set(kFloats, factors.minimum[s]);
      const FloatVec minimum1 = hn::Set(kFloats, factors.minimum[s + 1]);
      float* chunk = out + first + 32 * s;
      for (size_t i = 0; i < 32; i += kLanes) {
        const auto packed = hn::LoadU(Uint8Tag(), qs + i);
        const FloatVec q0 = FloatsOf(hn::And(packed, low_bits));
        const FloatVec q1 = FloatsOf(hn::ShiftRight<4>(packed));
        hn::StoreU(hn::MulSub(q0, scale0, minimum0), kFloats, chunk + i);
        hn::StoreU(hn::MulSub(q1, scale1, minimum1), kFloats, chunk + 32 + i);
      }
    }
  }
}

// 16 where bit `bit` of a lane is set.
HWY_INLINE hn::Vec<Uint8Tag> FifthBit(hn::Vec<Uint8Tag> high, size_t bit) {
  const auto mask = hn::Set(Uint8Tag(), static_cast<uint8_t>(1u << bit));
  return hn::IfThenElseZero(hn::Eq(hn::And(high, mask), mask), hn::Set(Uint8Tag(), 16));
}

void DecodeQ5_K(const uint8_t* from, size_t elems, float* HWY_RESTRICT out) {
  const auto low_bits = hn::Set(Uint8Tag(), 15);
  for (size_t first = 0; first < elems; first += BlockQ5_K::kElems, from += sizeof(BlockQ5_K)) {
    const SubBlockFactors factors =
        UnpackFactors(from + offsetof(BlockQ5_K, scales), F16At(from), F16At(from + 2));
    const uint8_t* qh = from + offsetof(BlockQ5_K, qh);
    const uint8_t* qs = from + offsetof(BlockQ5_K, qs);
    for (size_t s = 0; s < 8; s += 2, qs += 32) {
      const FloatVec scale0 = hn::Set(kFloats, factors.scale[s]);
      const FloatVec scale1 = hn::Set(kFloats, factors.scale[s + 1]);
      const FloatVec minimum0 = hn::Set(kFloats, factors.minimum[s]);
      const FloatVec minimum1 = hn::Set(kFloats, factors.minimum[s + 1]);
      float* chunk = out + first + 32 * s;
      for (size_t i = 0; i < 32; i += kLanes) {
        const auto packed = hn::LoadU(Uint8Tag(), qs + i);
        const auto high = hn::LoadU(Uint8Tag(), qh + i);
        const FloatVec q0 = FloatsOf(hn::Or(hn::And(packed, low_bits), FifthBit(high, s)));
        const FloatVec q1 = FloatsOf(hn::Or(hn::ShiftRight<4>(packed), FifthBit(high, s + 1)));
        hn::StoreU(hn::MulSub(q0, scale0, minimum0), kFloats, chunk + i);
        hn::StoreU(hn::MulSub(q1, scale1, minimum1), kFloats, chunk + 32 + i);
      }
    }
  }
}

// codes (0..63) times a scale, after subtracting Q6_K's offset.
HWY_INLINE FloatVec Q6Value(hn::Vec<Uint8Tag> codes, float scale) {
  const auto centred = hn::Sub(hn::BitCast(Int8Tag(), codes), hn::Set(Int8Tag(), 32));
  return hn::Mul(hn::Set(kFloats, scale), FloatsOf(centred));
}

void DecodeQ6_K(const uint8_t* from, size_t elems, float* HWY_RESTRICT out) {
  const Uint8Tag bytes;
  const auto low4 = hn::Set(bytes, 0x0f), bits45 = hn::Set(bytes, 0x30);
  for (size_t first = 0; first < elems; first += BlockQ6_K::kElems, from += sizeof(BlockQ6_K)) {
    const float d = F16At(from + offsetof(BlockQ6_K, d));
    for (size_t half = 0; half < 2; ++half) {
      const uint8_t* ql = from + offsetof(BlockQ6_K, ql) + 64 * half;
      const uint8_t* qh = from + offsetof(BlockQ6_K, qh) + 32 * half;
      const uint8_t* codes = from + offsetof(BlockQ6_K, scales) + 8 * half;
      float scale[8];
      for (size_t s = 0; s < 8; ++s)
        scale[s] = d * static_cast<float>(static_cast<int8_t>(codes[s]));
      float* to = out + first + 128 * half;
      for (size_t i = 0; i < 32; i += kLanes) {
        const auto low0 = hn::LoadU(bytes, ql + i), low1 = hn::LoadU(bytes, ql + 32 + i);
        const auto high = hn::LoadU(bytes, qh + i);
        const float* s = scale + i / 16;
        const auto q0 = hn::Or(hn::And(low0, low4), hn::And(hn::ShiftLeft<4>(high), bits45));
        const auto q1 = hn::Or(hn::And(low1, low4), hn::And(hn::ShiftLeft<2>(high), bits45));
        const auto q2 = hn::Or(hn::ShiftRight<4>(low0), hn::And(high, bits45));
        const auto q3 = hn::Or(hn::ShiftRight<4>(low1), hn::And(hn::ShiftRight<2>(high), bits45));
        hn::StoreU(Q6Value(q0, s[0]), kFloats, to + i);
        hn::StoreU(Q6Value(q1, s[2]), kFloats, to + 32 + i);
        hn::StoreU(Q6Value(q2, s[4]), kFloats, to + 64 + i);
        hn::StoreU(Q6Value(q3, s[6]), kFloats, to + 96 + i);
      }
    }
  }
}

// Decodes `elems` weights, a multiple of the type's block.
HWY_INLINE void DecodeWeights(BlockType type, const uint8_t* from, size_t elems, float* out) {
  switch (type) {
    case BlockType::kF32:
      return DecodeF32(from, elems, out);
    case BlockType::kF16:
      return DecodeF16(from, elems, out);
    case BlockType::kBF16:
      return DecodeBf16(from, elems, out);
    case BlockType::kQ8_0:
      return DecodeQ8_0(from, elems, out);
    case BlockType::kQ4_K:
      return DecodeQ4_K(from, elems, out);
    case BlockType::kQ5_K:
      return DecodeQ5_K(from, elems, out);
    case BlockType::kQ6_K:
      return DecodeQ6_K(from, elems, out);
    default:
      break;
  }
  TraitsOf(type).decode(reinterpret_cast<const std::byte*>(from), static_cast<int64_t>(elems), out);
}

}  // namespace HWY_NAMESPACE
}  // namespace dragoman
HWY_AFTER_NAMESPACE();

#endif  // DRAGOMAN_KERNELS_CPU_DECODE_INL_H_
