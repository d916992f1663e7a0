// Vector decoders of the types with 32 weights in a block. Layouts are described in src/blocks, a
// file per type.
#if defined(DRAGOMAN_KERNELS_CPU_DECODE_32_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef DRAGOMAN_KERNELS_CPU_DECODE_32_INL_H_
#undef DRAGOMAN_KERNELS_CPU_DECODE_32_INL_H_
#else
#define DRAGOMAN_KERNELS_CPU_DECODE_32_INL_H_
#endif

#include "blocks/iq4_nl.h"
#include "blocks/q4_0.h"
#include "blocks/q4_1.h"
#include "blocks/q5_0.h"
#include "blocks/q5_1.h"
#include "blocks/q8_0.h"
#include "kernels/cpu/decode_plain-inl.h"

HWY_BEFORE_NAMESPACE();
namespace dragoman {
namespace HWY_NAMESPACE {

void DecodeQ8_0(const uint8_t* from, size_t elems, float* HWY_RESTRICT out) {
  for (size_t first = 0; first < elems; first += BlockQ8_0::kElems, from += sizeof(BlockQ8_0)) {
    const FloatVec scale = BroadcastF16(from);
    const auto* codes = reinterpret_cast<const int8_t*>(from + offsetof(BlockQ8_0, qs));
    for (size_t i = 0; i < BlockQ8_0::kElems; i += kLanes) {
      const FloatVec q = FloatsOf(hn::LoadU(Int8Tag(), codes + i));
      hn::StoreU(hn::Mul(scale, q), kFloats, out + first + i);
    }
  }
}

// Calls store(i, low, high) for the 16 packed bytes at `qs`: i counts from 0 in steps of a vector,
// low nibbles are weights i.., high ones weights 16 + i...
template <class Store>
HWY_INLINE void ForNibbles(const uint8_t* qs, const Store& store) {
  for (size_t i = 0; i < 16; i += kLanes) {
    const auto packed = hn::LoadU(Uint8Tag(), qs + i);
    store(i, hn::And(packed, hn::Set(Uint8Tag(), 15)), hn::ShiftRight<4>(packed));
  }
}

// 16 where the bit of a lane's own number, counted from `first`, is set.
HWY_INLINE hn::Vec<Int32Tag> FifthBits(uint32_t bits, size_t first) {
  const Uint32Tag words;
  const auto number = hn::Iota(words, static_cast<uint32_t>(first));
  const auto bit = hn::And(hn::Shr(hn::Set(words, bits), number), hn::Set(words, 1));
  return hn::BitCast(Int32Tag(), hn::ShiftLeft<4>(bit));
}

HWY_INLINE uint32_t Uint32At(const uint8_t* from) {
  uint32_t bits;
  std::memcpy(&bits, from, sizeof(bits));
  return bits;
}

void DecodeQ4_0(const uint8_t* from, size_t elems, float* HWY_RESTRICT out) {
  const Int32Tag ints;
  for (size_t first = 0; first < elems; first += BlockQ4_0::kElems, from += sizeof(BlockQ4_0)) {
    const FloatVec scale = BroadcastF16(from);
    ForNibbles(from + offsetof(BlockQ4_0, qs), [&](size_t i, auto low, auto high) HWY_ATTR {
      const auto eight = hn::Set(ints, 8);
      const auto q0 = hn::ConvertTo(kFloats, hn::Sub(hn::PromoteTo(ints, low), eight));
      const auto q1 = hn::ConvertTo(kFloats, hn::Sub(hn::PromoteTo(ints, high), eight));
      hn::StoreU(hn::Mul(q0, scale), kFloats, out + first + i);
      hn::StoreU(hn::Mul(q1, scale), kFloats, out + first + 16 + i);
    });
  }
}

void DecodeQ4_1(const uint8_t* from, size_t elems, float* HWY_RESTRICT out) {
  for (size_t first = 0; first < elems; first += BlockQ4_1::kElems, from += sizeof(BlockQ4_1)) {
    const FloatVec scale = BroadcastF16(from);
    const FloatVec minimum = BroadcastF16(from + offsetof(BlockQ4_1, m));
    ForNibbles(from + offsetof(BlockQ4_1, qs), [&](size_t i, auto low, auto high) HWY_ATTR {
      hn::StoreU(hn::MulAdd(FloatsOf(low), scale, minimum), kFloats, out + first + i);
      hn::StoreU(hn::MulAdd(FloatsOf(high), scale, minimum), kFloats, out + first + 16 + i);
    });
  }
}

void DecodeQ5_0(const uint8_t* from, size_t elems, float* HWY_RESTRICT out) {
  const Int32Tag ints;
  for (size_t first = 0; first < elems; first += BlockQ5_0::kElems, from += sizeof(BlockQ5_0)) {
    const FloatVec scale = BroadcastF16(from);
    const uint32_t bits = Uint32At(from + offsetof(BlockQ5_0, qh));
    ForNibbles(from + offsetof(BlockQ5_0, qs), [&](size_t i, auto low, auto high) HWY_ATTR {
      const auto sixteen = hn::Set(ints, 16);
      const auto q0 = hn::Or(hn::PromoteTo(ints, low), FifthBits(bits, i));
      const auto q1 = hn::Or(hn::PromoteTo(ints, high), FifthBits(bits, 16 + i));
      const auto centred0 = hn::ConvertTo(kFloats, hn::Sub(q0, sixteen));
      const auto centred1 = hn::ConvertTo(kFloats, hn::Sub(q1, sixteen));
      hn::StoreU(hn::Mul(centred0, scale), kFloats, out + first + i);
      hn::StoreU(hn::Mul(centred1, scale), kFloats, out + first + 16 + i);
    });
  }
}

void DecodeQ5_1(const uint8_t* from, size_t elems, float* HWY_RESTRICT out) {
  const Int32Tag ints;
  for (size_t first = 0; first < elems; first += BlockQ5_1::kElems, from += sizeof(BlockQ5_1)) {
    const FloatVec scale = BroadcastF16(from);
    const FloatVec minimum = BroadcastF16(from + offsetof(BlockQ5_1, m));
    const uint32_t bits = Uint32At(from + offsetof(BlockQ5_1, qh));
    ForNibbles(from + offsetof(BlockQ5_1, qs), [&](size_t i, auto low, auto high) HWY_ATTR {
      const auto q0 = hn::Or(hn::PromoteTo(ints, low), FifthBits(bits, i));
      const auto q1 = hn::Or(hn::PromoteTo(ints, high), FifthBits(bits, 16 + i));
      hn::StoreU(hn::MulAdd(hn::ConvertTo(kFloats, q0), scale, minimum), kFloats, out + first + i);
      hn::StoreU(hn::MulAdd(hn::ConvertTo(kFloats, q1), scale, minimum), kFloats,
                 out + first + 16 + i);
    });
  }
}

// Values of the IQ4 grid for codes 0..15.
HWY_INLINE FloatVec Iq4Values(hn::Vec<Uint8Tag> codes) {
#if HWY_TARGET == HWY_SCALAR
  return hn::Set(kFloats, static_cast<float>(kIq4Grid[hn::GetLane(codes)]));
#else
  const hn::FixedTag<int8_t, 16> grid_tag;
  const auto grid = hn::LoadU(grid_tag, kIq4Grid);
  return FloatsOf(hn::TableLookupBytes(grid, hn::BitCast(Int8Tag(), codes)));
#endif
}

// 32 weights of 16 packed bytes times `scale`: an IQ4_NL block, a sub-block of IQ4_XS.
HWY_INLINE void DecodeIq4(const uint8_t* qs, FloatVec scale, float* HWY_RESTRICT out) {
  ForNibbles(qs, [&](size_t i, auto low, auto high) HWY_ATTR {
    hn::StoreU(hn::Mul(scale, Iq4Values(low)), kFloats, out + i);
    hn::StoreU(hn::Mul(scale, Iq4Values(high)), kFloats, out + 16 + i);
  });
}

void DecodeIQ4_NL(const uint8_t* from, size_t elems, float* HWY_RESTRICT out) {
  for (size_t first = 0; first < elems; first += BlockIQ4_NL::kElems, from += sizeof(BlockIQ4_NL)) {
    DecodeIq4(from + offsetof(BlockIQ4_NL, qs), BroadcastF16(from), out + first);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace dragoman
HWY_AFTER_NAMESPACE();

#endif  // DRAGOMAN_KERNELS_CPU_DECODE_32_INL_H_
