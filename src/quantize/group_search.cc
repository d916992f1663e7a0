#include "quantize/group_search.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "base/float16.h"

namespace dragoman {
namespace {

constexpr int kRangesTried = 24;
constexpr float kWidestRange = 1.08f;  // of the values' own range
constexpr int kLeastSquaresSteps = 3;
constexpr int64_t kErrorSums = 8;

// With few codes it pays to clip large values for a finer step.
float NarrowestRange(int bits) {
  switch (bits) {
    case 2:
      return 0.3f;
    case 3:
      return 0.4f;
    case 4:
      return 0.55f;
    default:
      return 0.9f;
  }
}

class Search {
 public:
  Search(const GroupFormat& format, const float* values, const float* weights, int64_t count)
      : format_(format), values_(values), weights_(weights), count_(count) {}

  GroupGrid Run() {
    float low = 0, high = 0;
    for (int64_t i = 0; i < count_; ++i) {
      low = std::min(low, values_[i]);
      high = std::max(high, values_[i]);
    }
    best_.zero = format_.middle();
    if (low == 0 && high == 0) return best_;
    const float narrowest = NarrowestRange(format_.bits);
    for (int i = 0; i < kRangesTried; ++i) {
      const float share = kWidestRange - (kWidestRange - narrowest) * static_cast<float>(i) /
                                             static_cast<float>(kRangesTried - 1);
      if (format_.symmetric) {
        TrySymmetric(share * std::max(-low, high));
      } else {
        TryRange(share * low, share * high);
      }
    }
    for (int i = 0; i < kLeastSquaresSteps; ++i) {
      if (!Try({RoundScale(LeastSquaresScale()), best_.zero})) break;
    }
    return best_;
  }

 private:
  // The side of the grid with one value more goes to either sign.
  void TrySymmetric(float most) {
    const float scale = RoundScale(most / (static_cast<float>(format_.middle()) - 0.5f));
    Try({scale, format_.middle()});
    Try({-scale, format_.middle()});
  }

  void TryRange(float low, float high) {
    const float scale = RoundScale((high - low) / static_cast<float>(format_.max_code()));
    const int zero = static_cast<int>(std::nearbyint(std::min(-low / scale, 1024.0f)));
    int last = 0;
    for (const int shifted : {zero - 1, zero, zero + 1}) {
      const int usable = std::clamp(shifted, 1, format_.max_code());
      if (usable != last) Try({scale, usable});
      last = usable;
    }
  }

  bool Try(const GroupGrid& grid) {
    const float error = Error(grid);
    if (!(error < least_)) return false;
    least_ = error;
    best_ = grid;
    return true;
  }

  float Error(const GroupGrid& grid) const {
    const float inverse = 1.0f / grid.scale;
    const float low = static_cast<float>(-grid.zero);
    const float high = static_cast<float>(format_.max_code() - grid.zero);
    float sums[kErrorSums] = {};
    const auto add = [&](int64_t i, float& sum) {
      const float code = RoundToWhole(std::min(std::max(values_[i] * inverse, low), high));
      const float rest = values_[i] - grid.scale * code;
      sum += weights_[i] * (rest * rest);
    };
    int64_t i = 0;
    for (; i + kErrorSums <= count_; i += kErrorSums) {
      for (int64_t k = 0; k < kErrorSums; ++k) add(i + k, sums[k]);
    }
    for (; i < count_; ++i) add(i, sums[0]);
    float sum = 0;
    for (const float part : sums) sum += part;
    return sum;
  }

  float LeastSquaresScale() const {
    double product = 0, square = 0;
    for (int64_t i = 0; i < count_; ++i) {
      const double code = NearestGroupCode(format_, best_, values_[i]) - best_.zero;
      product += weights_[i] * code * values_[i];
      square += weights_[i] * code * code;
    }
    return square > 0 ? static_cast<float>(product / square) : best_.scale;
  }

  const GroupFormat& format_;
  const float* values_;
  const float* weights_;
  const int64_t count_;
  GroupGrid best_;
  float least_ = std::numeric_limits<float>::infinity();
};

}  // namespace

float RoundScale(float scale) {
  constexpr float kLargest = 65280.0f;  // 255 * 2^8
  constexpr float kSmallest = 0x1p-24f;
  const float magnitude = std::clamp(std::abs(scale), kSmallest, kLargest);
  // bfloat16 first: what fp16's coarser steps below 2^-14 leave of 8 bits is no more than 8 bits.
  const float rounded = Fp16ToFloat(FloatToFp16(Bf16ToFloat(FloatToBf16(magnitude))));
  return std::copysign(rounded, scale);
}

GroupGrid SearchGroup(const GroupFormat& format, const float* values, const float* weights,
                      int64_t count) {
  return Search(format, values, weights, count).Run();
}

}  // namespace dragoman
