// The angles of rotary position embedding, in the precision the models were trained with.
//
// Float32 throughout, as transformers computes them: the frequency is rounded to float32, then its
// product with the position. A more precise angle would differ from theirs at positions in the
// thousands.
#ifndef DRAGOMAN_KERNELS_ROTARY_ANGLES_H_
#define DRAGOMAN_KERNELS_ROTARY_ANGLES_H_

#include <cmath>
#include <cstdint>

#include "kernels/kernels.h"

namespace dragoman {

// Radians per position of pair `pair` of head_dim / 2.
inline float RotaryFrequency(const RopeParameters& rope, int64_t pair, int64_t head_dim) {
  const float exponent = static_cast<float>(2 * pair) / static_cast<float>(head_dim);
  const float power =
      static_cast<float>(std::pow(static_cast<double>(rope.theta), static_cast<double>(exponent)));
  return (1.0f / power) * rope.position_scale;
}

inline float RotaryAngle(float frequency, int32_t position) {
  return static_cast<float>(position) * frequency;
}

// Correctly rounded in all but rare cases, whatever the size of the angle.
inline float RotaryCos(float angle) {
  return static_cast<float>(std::cos(static_cast<double>(angle)));
}
inline float RotarySin(float angle) {
  return static_cast<float>(std::sin(static_cast<double>(angle)));
}

}  // namespace dragoman

#endif  // DRAGOMAN_KERNELS_ROTARY_ANGLES_H_
