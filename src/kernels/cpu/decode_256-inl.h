// Vector decoders of the types with 256 weights in a block. Layouts are described in src/blocks, a
// file per type.
#if defined(DRAGOMAN_KERNELS_CPU_DECODE_256_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef DRAGOMAN_KERNELS_CPU_DECODE_256_INL_H_
#undef DRAGOMAN_KERNELS_CPU_DECODE_256_INL_H_
#else
#define DRAGOMAN_KERNELS_CPU_DECODE_256_INL_H_
#endif

#include "blocks/iq4_xs.h"
#include "blocks/k_scales.h"
#include "blocks/q2_k.h"
#include "blocks/q3_k.h"
#include "blocks/q4_k.h"
#include "blocks/q5_k.h"
#include "blocks/q6_k.h"
#include "kernels/cpu/decode_32-inl.h"

HWY_BEFORE_NAMESPACE();
namespace dragoman {
namespace HWY_NAMESPACE {

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
        UnpackFactors(from + offsetof(BlockQ4_K, scales), FactorAt(from), FactorAt(from + 2));
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
        UnpackFactors(from + offsetof(BlockQ5_K, scales), FactorAt(from), FactorAt(from + 2));
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
    const float d = FactorAt(from + offsetof(BlockQ6_K, d));
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

void DecodeQ2_K(const uint8_t* from, size_t elems, float* HWY_RESTRICT out) {
  const Uint8Tag bytes;
  const auto two_bits = hn::Set(bytes, 3);
  for (size_t first = 0; first < elems; first += BlockQ2_K::kElems, from += sizeof(BlockQ2_K)) {
    const float d = FactorAt(from + offsetof(BlockQ2_K, d));
    const float dmin = FactorAt(from + offsetof(BlockQ2_K, dmin));
    float scale[16], minimum[16];
    for (size_t s = 0; s < 16; ++s) {
      scale[s] = d * static_cast<float>(from[s] & 15);
      minimum[s] = dmin * static_cast<float>(from[s] >> 4);
    }
    for (size_t half = 0; half < 2; ++half) {
      const uint8_t* qs = from + offsetof(BlockQ2_K, qs) + 32 * half;
      float* to = out + first + 128 * half;
      for (size_t i = 0; i < 32; i += kLanes) {
        const auto packed = hn::LoadU(bytes, qs + i);
        const hn::Vec<Uint8Tag> codes[4] = {packed, hn::ShiftRight<2>(packed),
                                            hn::ShiftRight<4>(packed), hn::ShiftRight<6>(packed)};
        for (size_t j = 0; j < 4; ++j) {
          const size_t s = 8 * half + 2 * j + i / 16;
          const FloatVec q = FloatsOf(hn::And(codes[j], two_bits));
          hn::StoreU(hn::MulSub(q, hn::Set(kFloats, scale[s]), hn::Set(kFloats, minimum[s])),
                     kFloats, to + 32 * j + i);
        }
      }
    }
  }
}

void DecodeQ3_K(const uint8_t* from, size_t elems, float* HWY_RESTRICT out) {
  const Uint8Tag bytes;
  const auto two_bits = hn::Set(bytes, 3), four = hn::Set(bytes, 4);
  for (size_t first = 0; first < elems; first += BlockQ3_K::kElems, from += sizeof(BlockQ3_K)) {
    const float d = FactorAt(from + offsetof(BlockQ3_K, d));
    float scale[16];
    for (int s = 0; s < 16; ++s) {
      const int code = UnpackQ3Scale(from + offsetof(BlockQ3_K, scales), s);
      scale[s] = d * static_cast<float>(code - 32);
    }
    for (size_t half = 0; half < 2; ++half) {
      const uint8_t* qs = from + offsetof(BlockQ3_K, qs) + 32 * half;
      float* to = out + first + 128 * half;
      for (size_t i = 0; i < 32; i += kLanes) {
        const auto packed = hn::LoadU(bytes, qs + i);
        const auto high = hn::LoadU(bytes, from + offsetof(BlockQ3_K, hmask) + i);
        const hn::Vec<Uint8Tag> codes[4] = {packed, hn::ShiftRight<2>(packed),
                                            hn::ShiftRight<4>(packed), hn::ShiftRight<6>(packed)};
        for (size_t j = 0; j < 4; ++j) {
          const auto bit = hn::Set(bytes, static_cast<uint8_t>(1u << (4 * half + j)));
          const auto low = hn::And(codes[j], two_bits);
          const auto offset = hn::IfThenElseZero(hn::Ne(hn::And(high, bit), bit), four);
          const auto q = FloatsOf(hn::BitCast(Int8Tag(), hn::Sub(low, offset)));
          const FloatVec factor = hn::Set(kFloats, scale[8 * half + 2 * j + i / 16]);
          hn::StoreU(hn::Mul(factor, q), kFloats, to + 32 * j + i);
        }
      }
    }
  }
}

void DecodeIQ4_XS(const uint8_t* from, size_t elems, float* HWY_RESTRICT out) {
  for (size_t first = 0; first < elems; first += BlockIQ4_XS::kElems, from += sizeof(BlockIQ4_XS)) {
    const float d = FactorAt(from);
    const uint32_t high = Uint16At(from + offsetof(BlockIQ4_XS, scales_h));
    const uint32_t low = Uint32At(from + offsetof(BlockIQ4_XS, scales_l));
    for (size_t s = 0; s < 8; ++s) {
      const uint32_t code = ((low >> (4 * s)) & 15) | ((high >> (2 * s)) & 3) << 4;
      const float scale = d * static_cast<float>(static_cast<int>(code) - 32);
      DecodeIq4(from + offsetof(BlockIQ4_XS, qs) + 16 * s, hn::Set(kFloats, scale),
                out + first + 32 * s);
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace dragoman
HWY_AFTER_NAMESPACE();

#endif  // DRAGOMAN_KERNELS_CPU_DECODE_256_INL_H_
