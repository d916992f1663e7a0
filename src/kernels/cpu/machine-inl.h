// Loops that measure what the machine can do at most: reading memory, multiplying and adding.
#if defined(DRAGOMAN_KERNELS_CPU_MACHINE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef DRAGOMAN_KERNELS_CPU_MACHINE_INL_H_
#undef DRAGOMAN_KERNELS_CPU_MACHINE_INL_H_
#else
#define DRAGOMAN_KERNELS_CPU_MACHINE_INL_H_
#endif

#include "kernels/cpu/lanes-inl.h"

HWY_BEFORE_NAMESPACE();
namespace dragoman {
namespace HWY_NAMESPACE {

float ReadMemory(const float* data, int64_t elems) {
  constexpr size_t kStreams = 8;
  FloatVec sums[kStreams];
  for (FloatVec& sum : sums) sum = hn::Zero(kFloats);
  for (size_t i = 0; i < static_cast<size_t>(elems); i += kStreams * kLanes) {
    for (size_t s = 0; s < kStreams; ++s) {
      sums[s] = hn::Add(sums[s], hn::LoadU(kFloats, data + i + s * kLanes));
    }
  }
  for (size_t s = 1; s < kStreams; ++s) sums[0] = hn::Add(sums[0], sums[s]);
  return SumLanes(sums[0]);
}

float MultiplyAdd(int64_t rounds, double* flops) {
  // Enough independent sums to hide the latency of the multiply-add, few enough for 16 registers.
  constexpr size_t kSums = 12;
  const FloatVec factor = hn::Set(kFloats, 0.999f), term = hn::Set(kFloats, 0.001f);
  FloatVec sums[kSums];
  for (size_t s = 0; s < kSums; ++s) sums[s] = hn::Set(kFloats, static_cast<float>(s));
  for (int64_t round = 0; round < rounds; ++round) {
    for (FloatVec& sum : sums) sum = hn::MulAdd(sum, factor, term);
  }
  for (size_t s = 1; s < kSums; ++s) sums[0] = hn::Add(sums[0], sums[s]);
  *flops += 2.0 * static_cast<double>(kSums * kLanes) * static_cast<double>(rounds);
  return SumLanes(sums[0]);
}

}  // namespace HWY_NAMESPACE
}  // namespace dragoman
HWY_AFTER_NAMESPACE();

#endif  // DRAGOMAN_KERNELS_CPU_MACHINE_INL_H_
