// The scale and zero point of one group of weights on a uniform grid.
#ifndef DRAGOMAN_QUANTIZE_GROUP_SEARCH_H_
#define DRAGOMAN_QUANTIZE_GROUP_SEARCH_H_

#include <algorithm>
#include <cstdint>

namespace dragoman {

struct GroupFormat {
  int bits = 4;
  bool symmetric = true;  // the zero point is 2^(bits - 1)

  int max_code() const { return (1 << bits) - 1; }
  int middle() const { return 1 << (bits - 1); }
};

// Values of the grid: scale * (code - zero), code in [0, max_code]. The zero point is at least 1:
// GPTQ checkpoints store it minus one, and readers disagree about what -1 means.
struct GroupGrid {
  float scale = 1;
  int zero = 0;
};

// Nearest number of which both fp16 and bfloat16 hold every bit: whatever a loader casts scales to,
// it runs the values that were searched for. Never zero, never infinite.
float RoundScale(float scale);

// Nearest whole number, ties to even; |x| < 2^22.
inline float RoundToWhole(float x) {
  constexpr float kShift = 12582912.0f;  // 1.5 * 2^23: its unit is 1
  return (x + kShift) - kShift;
}

// The code of the grid's value nearest to x.
inline int NearestGroupCode(const GroupFormat& format, const GroupGrid& grid, float x) {
  const float low = static_cast<float>(-grid.zero);
  const float high = static_cast<float>(format.max_code() - grid.zero);
  return static_cast<int>(RoundToWhole(std::clamp(x / grid.scale, low, high))) + grid.zero;
}

// The grid that minimises sum of weights * (value - nearest grid value)^2, found by trying ranges
// narrower and wider than the values' own, then by least squares on the codes. weights >= 0.
GroupGrid SearchGroup(const GroupFormat& format, const float* values, const float* weights,
                      int64_t count);

}  // namespace dragoman

#endif  // DRAGOMAN_QUANTIZE_GROUP_SEARCH_H_
