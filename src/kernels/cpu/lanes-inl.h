// Names and small pieces that all vector kernels share. Compiled once per instruction set.
#if defined(DRAGOMAN_KERNELS_CPU_LANES_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef DRAGOMAN_KERNELS_CPU_LANES_INL_H_
#undef DRAGOMAN_KERNELS_CPU_LANES_INL_H_
#else
#define DRAGOMAN_KERNELS_CPU_LANES_INL_H_
#endif

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace dragoman {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

using FloatTag = hn::ScalableTag<float>;
using FloatVec = hn::Vec<FloatTag>;
using Int32Tag = hn::Rebind<int32_t, FloatTag>;
using Uint32Tag = hn::Rebind<uint32_t, FloatTag>;
// As many narrow lanes as FloatVec has floats.
using Uint8Tag = hn::Rebind<uint8_t, FloatTag>;
using Int8Tag = hn::Rebind<int8_t, FloatTag>;
using Uint16Tag = hn::Rebind<uint16_t, FloatTag>;

constexpr FloatTag kFloats;
constexpr size_t kLanes = HWY_LANES(float);

// Makes the compiler keep a loaded vector in its register. GCC otherwise repeats the load in every
// multiply-add that uses it, and loads become the limit.
HWY_INLINE void KeepInRegister([[maybe_unused]] FloatVec& v) {
#if HWY_ARCH_X86 && HWY_COMPILER_GCC_ACTUAL && HWY_TARGET == HWY_AVX3
  __asm__("" : "+v"(v.raw));
#elif HWY_ARCH_X86 && HWY_COMPILER_GCC_ACTUAL
  __asm__("" : "+x"(v.raw));
#endif
}

HWY_INLINE float SumLanes(FloatVec v) { return hn::GetLane(hn::SumOfLanes(kFloats, v)); }

// sums [4] = the lane sums of four vectors, each in the same order of additions.
HWY_INLINE void SumLanes4(FloatVec a, FloatVec b, FloatVec c, FloatVec d,
                          float* HWY_RESTRICT sums) {
#if HWY_TARGET == HWY_SCALAR
  sums[0] = hn::GetLane(a);
  sums[1] = hn::GetLane(b);
  sums[2] = hn::GetLane(c);
  sums[3] = hn::GetLane(d);
#else
  // Within each block of four lanes: transpose and add, so that lane i holds the block's sum of
  // vector i.
  const hn::Repartition<uint64_t, FloatTag> pairs;
  const FloatVec ab =
      hn::Add(hn::InterleaveLower(kFloats, a, b), hn::InterleaveUpper(kFloats, a, b));
  const FloatVec cd =
      hn::Add(hn::InterleaveLower(kFloats, c, d), hn::InterleaveUpper(kFloats, c, d));
  const auto low = hn::InterleaveLower(pairs, hn::BitCast(pairs, ab), hn::BitCast(pairs, cd));
  const auto high = hn::InterleaveUpper(pairs, hn::BitCast(pairs, ab), hn::BitCast(pairs, cd));
  const FloatVec blocks = hn::Add(hn::BitCast(kFloats, low), hn::BitCast(kFloats, high));
  // Then add the blocks to each other, halving the width.
  if constexpr (kLanes == 16) {
    const hn::Half<FloatTag> half;
    const hn::Half<hn::Half<FloatTag> > quarter;
    const auto halves = hn::Add(hn::LowerHalf(half, blocks), hn::UpperHalf(half, blocks));
    hn::StoreU(hn::Add(hn::LowerHalf(quarter, halves), hn::UpperHalf(quarter, halves)), quarter,
               sums);
  } else if constexpr (kLanes == 8) {
    const hn::Half<FloatTag> half;
    hn::StoreU(hn::Add(hn::LowerHalf(half, blocks), hn::UpperHalf(half, blocks)), half, sums);
  } else {
    hn::StoreU(blocks, kFloats, sums);
  }
#endif
}

}  // namespace HWY_NAMESPACE
}  // namespace dragoman
HWY_AFTER_NAMESPACE();

#endif  // DRAGOMAN_KERNELS_CPU_LANES_INL_H_
