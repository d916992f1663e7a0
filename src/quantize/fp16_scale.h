// Block scales in fp16: never infinite, and where fp16 is coarse, large enough.
#ifndef DRAGOMAN_QUANTIZE_FP16_SCALE_H_
#define DRAGOMAN_QUANTIZE_FP16_SCALE_H_

#include <algorithm>
#include <cstdint>

#include "base/float16.h"

namespace dragoman {

inline constexpr float kLargestFp16 = 65504.0f;
inline constexpr uint16_t kFp16SignBit = 0x8000;

// The nearest fp16 of magnitude at most 65504. `value` is finite.
inline uint16_t SaturatedFp16(double value) {
  return FloatToFp16(
      static_cast<float>(std::clamp(value, -double{kLargestFp16}, double{kLargestFp16})));
}

// As SaturatedFp16 for value >= 0, but never noticeably below it: where fp16 is coarse (subnormal),
// a factor rounded down would put the largest weight out of reach of the last code.
inline uint16_t CoveringFp16(float value) {
  const uint16_t bits = SaturatedFp16(value);
  const float rounded = Fp16ToFloat(bits);
  const bool short_of_it = rounded < value * 0.998f && rounded < kLargestFp16;
  return short_of_it ? static_cast<uint16_t>(bits + 1) : bits;
}

}  // namespace dragoman

#endif  // DRAGOMAN_QUANTIZE_FP16_SCALE_H_
