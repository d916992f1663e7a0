// plain_rows.h in Google Highway, compiled once per instruction set and chosen at run time.
#include <algorithm>
#include <cstring>

#include "base/float16.h"
#include "blocks/q8_0.h"
#include "quantize/fp16_scale.h"
#include "quantize/lane_search.h"
#include "quantize/plain_rows.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "quantize/plain_rows_simd.cc"
#include <hwy/foreach_target.h>  // must come before highway.h
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace dragoman {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using Floats = hn::CappedTag<float, 16>;
using Words = hn::Rebind<uint32_t, Floats>;
using Halves = hn::Rebind<uint16_t, Floats>;

// FloatToFp16 of base/float16.h for every lane, in its low 16 bits.
template <class V>
HWY_INLINE V Fp16Bits(Words u, V bits) {
  const Floats f;
  const V sign = hn::And(hn::ShiftRight<16>(bits), hn::Set(u, 0x8000u));
  const V magnitude = hn::And(bits, hn::Set(u, 0x7fffffffu));
  const V odd = hn::And(hn::ShiftRight<13>(magnitude), hn::Set(u, 1u));
  const V rounded = hn::Add(hn::Add(magnitude, hn::Set(u, 0xfffu)), odd);
  const V normal = hn::ShiftRight<13>(hn::Sub(rounded, hn::Set(u, 0x38000000u)));
  const auto shifted = hn::Add(hn::BitCast(f, magnitude), hn::Set(f, 0.5f));
  const V subnormal = hn::Sub(hn::BitCast(u, shifted), hn::Set(u, 0x3f000000u));
  V half = hn::IfThenElse(hn::Lt(magnitude, hn::Set(u, 0x38800000u)), subnormal, normal);
  half = hn::IfThenElse(hn::Gt(magnitude, hn::Set(u, 0x477fefffu)), hn::Set(u, 0x7c00u), half);
  const V nan =
      hn::Or(hn::Set(u, 0x7e00u), hn::And(hn::ShiftRight<13>(magnitude), hn::Set(u, 0x3ffu)));
  half = hn::IfThenElse(hn::Gt(magnitude, hn::Set(u, 0x7f800000u)), nan, half);
  return hn::Or(sign, half);
}

// FloatToBf16 of base/float16.h.
template <class V>
HWY_INLINE V Bf16Bits(Words u, V bits) {
  const V upper = hn::ShiftRight<16>(bits);
  const V rounded = hn::ShiftRight<16>(
      hn::Add(bits, hn::Add(hn::Set(u, 0x7fffu), hn::And(upper, hn::Set(u, 1u)))));
  const V magnitude = hn::And(bits, hn::Set(u, 0x7fffffffu));
  return hn::IfThenElse(hn::Gt(magnitude, hn::Set(u, 0x7f800000u)),
                        hn::Or(upper, hn::Set(u, 0x40u)), rounded);
}

// Stores the low 16 bits of each lane; returns the largest exponent-and-mantissa seen so far.
template <class V>
HWY_INLINE V StoreHalves(Words u, V half, V largest, uint16_t* to) {
  hn::StoreU(hn::TruncateTo(Halves(), half), Halves(), to);
  return hn::Max(largest, hn::And(half, hn::Set(u, 0x7fffu)));
}

bool ToFp16(const float* from, int64_t count, uint16_t* to) {
  const Words u;
  const auto lanes = static_cast<int64_t>(hn::Lanes(u));
  auto largest = hn::Zero(u);
  int64_t i = 0;
  for (; i + lanes <= count; i += lanes) {
    largest =
        StoreHalves(u, Fp16Bits(u, hn::BitCast(u, hn::LoadU(Floats(), from + i))), largest, to + i);
  }
  const bool rest = FloatsToFp16Scalar(from + i, count - i, to + i);
  return rest && hn::AllTrue(u, hn::Lt(largest, hn::Set(u, 0x7c00u)));
}

bool ToBf16(const float* from, int64_t count, uint16_t* to) {
  const Words u;
  const auto lanes = static_cast<int64_t>(hn::Lanes(u));
  auto largest = hn::Zero(u);
  int64_t i = 0;
  for (; i + lanes <= count; i += lanes) {
    largest =
        StoreHalves(u, Bf16Bits(u, hn::BitCast(u, hn::LoadU(Floats(), from + i))), largest, to + i);
  }
  const bool rest = FloatsToBf16Scalar(from + i, count - i, to + i);
  return rest && hn::AllTrue(u, hn::Lt(largest, hn::Set(u, 0x7f80u)));
}

void ToQ8_0(const float* from, int64_t count, std::byte* to) {
  const Floats f;
  const hn::Rebind<int32_t, Floats> as_int;
  const hn::Rebind<int8_t, Floats> as_code;
  const auto lanes = static_cast<int64_t>(hn::Lanes(f));
  const auto bound = hn::Set(f, 127.0f * kLargestFp16), top = hn::Set(f, 127.0f);
  const auto bias = hn::Set(f, kRoundingBias);
  for (int64_t first = 0; first < count; first += BlockQ8_0::kElems, to += sizeof(BlockQ8_0)) {
    const auto load = [&](int64_t i) HWY_ATTR {
      const auto x = hn::LoadU(f, from + first + i);
      return hn::IfThenElseZero(hn::Eq(x, x), x);
    };
    auto largest = hn::Zero(f);
    for (int64_t i = 0; i < BlockQ8_0::kElems; i += lanes)
      largest = hn::Max(largest, hn::Abs(load(i)));
    BlockQ8_0 block;
    const float magnitude = hn::GetLane(hn::MaxOfLanes(f, largest));
    block.d = CoveringFp16(std::min(magnitude, 127.0f * kLargestFp16) / 127.0f);
    const float d = Fp16ToFloat(block.d);
    const auto inverse = hn::Set(f, d > 0.0f ? 1.0f / d : 0.0f);
    for (int64_t i = 0; i < BlockQ8_0::kElems; i += lanes) {
      const auto bounded = hn::Min(hn::Max(load(i), hn::Neg(bound)), bound);
      const auto code = hn::Min(hn::Max(hn::Mul(bounded, inverse), hn::Neg(top)), top);
      const auto rounded = hn::Sub(hn::Add(code, bias), bias);
      hn::StoreU(hn::DemoteTo(as_code, hn::ConvertTo(as_int, rounded)), as_code, block.qs + i);
    }
    std::memcpy(to, &block, sizeof(block));
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace dragoman
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace dragoman {

HWY_EXPORT(ToFp16);
HWY_EXPORT(ToBf16);
HWY_EXPORT(ToQ8_0);

bool FloatsToFp16(const float* from, int64_t count, uint16_t* to) {
  return HWY_DYNAMIC_DISPATCH(ToFp16)(from, count, to);
}

bool FloatsToBf16(const float* from, int64_t count, uint16_t* to) {
  return HWY_DYNAMIC_DISPATCH(ToBf16)(from, count, to);
}

void QuantizeQ8_0(const float* from, int64_t count, std::byte* to) {
  HWY_DYNAMIC_DISPATCH(ToQ8_0)(from, count, to);
}

}  // namespace dragoman
#endif  // HWY_ONCE
