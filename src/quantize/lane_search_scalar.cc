// The scalar twin of lane_search_simd.cc: one lane at a time, the truth that the vector code is
// compared with. Also fills LaneBlocks, for both.
#include <algorithm>
#include <cmath>

#include "quantize/lane_search.h"

namespace dragoman {
namespace {

float RoundNearest(float value) { return (value + kRoundingBias) - kRoundingBias; }

float NearestCode(float value, float low, float high) {
  return RoundNearest(std::min(std::max(value, low), high));
}

float ReciprocalOrZero(float value) { return std::abs(value) > kTiny ? 1.0f / value : 0.0f; }

struct CodeSums {
  float wq = 0, wqq = 0, wqx = 0;
  void Add(float w, float q, float x) {
    const float weighted = w * q;
    wq = wq + weighted;
    wqq = wqq + weighted * q;
    wqx = wqx + weighted * x;
  }
};

struct Fit {
  float scale = 0, offset = 0, gain = 0;
};

// Least squares of x = scale * q + offset with offset <= 0. `gain` is by how much it lowers the sum
// of w x^2.
Fit Solve(const CodeSums& sums, float w, float wx) {
  const float both = w * sums.wqq;
  const float determinant = both - sums.wq * sums.wq;
  const bool solvable = determinant > kMinDeterminant * both;
  const float inverse = 1.0f / (solvable ? determinant : 1.0f);
  const float scale = (w * sums.wqx - sums.wq * wx) * inverse;
  const float offset = (sums.wqq * wx - sums.wq * sums.wqx) * inverse;
  const bool through_zero = offset > 0.0f || !solvable;
  Fit fit;
  fit.scale = through_zero ? sums.wqx / std::max(sums.wqq, kTiny) : scale;
  fit.offset = through_zero ? 0.0f : offset;
  const float gain = fit.scale * sums.wqx + fit.offset * wx;
  fit.gain = fit.scale < 0.0f ? -1.0f : gain;
  return fit;
}

CodeSums SumCodes(const LaneBlock& block, int lane, float inverse, float shift, float low,
                  float high) {
  CodeSums sums;
  for (int i = 0; i < block.elems; ++i) {
    const float x = block.x[i][lane];
    sums.Add(block.w[i][lane], NearestCode(x * inverse + shift, low, high), x);
  }
  return sums;
}

void SearchAffine(const LaneBlock& block, int top_code, AffineFit* fit) {
  const float top = static_cast<float>(top_code);
  for (int lane = 0; lane < kLanes; ++lane) {
    float low = 0, high = block.x[0][lane], w = 0, wx = 0;
    for (int i = 0; i < block.elems; ++i) {
      const float x = block.x[i][lane];
      low = std::min(low, x);
      high = std::max(high, x);
      w = w + block.w[i][lane];
      wx = wx + block.w[i][lane] * x;
    }
    Fit best;
    best.offset = std::min(wx / w, 0.0f);
    best.gain = best.offset * wx;
    const auto consider = [&](float inverse, float shift) {
      const Fit found = Solve(SumCodes(block, lane, inverse, shift, 0.0f, top), w, wx);
      if (found.gain > best.gain) best = found;
    };
    const float inverse_range = ReciprocalOrZero(high - low);
    for (int k = 0; k < kStretches * kPhases; ++k) {
      const AffineStart start = AffineStartAt(k);
      const float inverse = (top + start.stretch) * inverse_range;
      consider(inverse, start.phase - low * inverse);
    }
    const float inverse = ReciprocalOrZero(best.scale);
    consider(inverse, 0.0f - best.offset * inverse);
    fit->scale[lane] = best.scale;
    fit->minimum[lane] = 0.0f - best.offset;
  }
}

// Codes, sums and error of one lane for a scale and minimum that are final.
struct LaneTrial {
  float scale_code = 0, minimum_code = 0, error = 0;
  CodeSums sums;
};

LaneTrial TryAffine(const LaneBlock& block, int lane, float top, float scale_code, float d,
                    float inverse_dmin, float dmin, float minimum, float w, float wx) {
  LaneTrial trial;
  trial.scale_code = scale_code;
  const float scale = scale_code * d;
  const float inverse = ReciprocalOrZero(scale);
  float wq = 0;
  for (int i = 0; i < block.elems; ++i) {
    wq = wq + block.w[i][lane] * NearestCode((block.x[i][lane] + minimum) * inverse, 0.0f, top);
  }
  const float best_minimum = (scale * wq - wx) / w;
  trial.minimum_code = NearestCode(best_minimum * inverse_dmin, 0.0f, 63.0f);
  const float actual = trial.minimum_code * dmin;
  for (int i = 0; i < block.elems; ++i) {
    const float x = block.x[i][lane];
    const float q = NearestCode((x + actual) * inverse, 0.0f, top);
    trial.sums.Add(block.w[i][lane], q, x);
    const float rest = (x + actual) - scale * q;
    trial.error = trial.error + block.w[i][lane] * rest * rest;
  }
  return trial;
}

void ChooseAffine(const LaneBlock& block, int top_code, const AffineFit& fit, const LaneFloats& d,
                  const LaneFloats& dmin, AffineChoice* choice) {
  const float top = static_cast<float>(top_code);
  for (int lane = 0; lane < kLanes; ++lane) {
    float w = 0, wx = 0;
    for (int i = 0; i < block.elems; ++i) {
      w = w + block.w[i][lane];
      wx = wx + block.w[i][lane] * block.x[i][lane];
    }
    const float inverse_dmin = ReciprocalOrZero(dmin[lane]);
    const float middle = NearestCode(fit.scale[lane] * ReciprocalOrZero(d[lane]), 0.0f, 63.0f);
    LaneTrial best;
    for (int step = 0; step < 3; ++step) {
      const float code = std::min(std::max(middle + static_cast<float>(step - 1), 0.0f), 63.0f);
      const LaneTrial trial = TryAffine(block, lane, top, code, d[lane], inverse_dmin, dmin[lane],
                                        fit.minimum[lane], w, wx);
      if (step == 0 || trial.error < best.error) best = trial;
    }
    choice->scale_code[lane] = best.scale_code;
    choice->minimum_code[lane] = best.minimum_code;
    choice->error[lane] = best.error;
    choice->wq[lane] = best.sums.wq;
    choice->wqq[lane] = best.sums.wqq;
    choice->wqx[lane] = best.sums.wqx;
    choice->w[lane] = w;
    choice->wx[lane] = wx;
  }
}

void EncodeAffine(const LaneBlock& block, int top_code, const AffineFit& fit, LaneCodes* codes) {
  for (int lane = 0; lane < kLanes; ++lane) {
    const float inverse = ReciprocalOrZero(fit.scale[lane]);
    for (int i = 0; i < block.elems; ++i) {
      const float value = (block.x[i][lane] + fit.minimum[lane]) * inverse;
      codes->q[i][lane] =
          static_cast<int8_t>(NearestCode(value, 0.0f, static_cast<float>(top_code)));
    }
  }
}

void SearchSymmetric(const LaneBlock& block, int low_code, int high_code, LaneFloats* scale) {
  const float low = static_cast<float>(low_code), high = static_cast<float>(high_code);
  for (int lane = 0; lane < kLanes; ++lane) {
    float least = 0, most = 0;
    for (int i = 0; i < block.elems; ++i) {
      least = std::min(least, block.x[i][lane]);
      most = std::max(most, block.x[i][lane]);
    }
    const float extreme = most > 0.0f - least ? most : least;  // signed, largest magnitude
    const float inverse_extreme = ReciprocalOrZero(extreme);
    float best_scale = 0, best_gain = 0;
    const auto consider = [&](float inverse) {
      const CodeSums sums = SumCodes(block, lane, inverse, 0.0f, low, high);
      const float found = sums.wqx / std::max(sums.wqq, kTiny);
      const float gain = found * sums.wqx;
      if (gain > best_gain) {
        best_gain = gain;
        best_scale = found;
      }
    };
    for (int k = 0; k < kSymmetricStarts; ++k) {
      const float stretch = SymmetricStretchAt(k);
      consider((k < kSymmetricStarts / 2 ? low - stretch : high + stretch) * inverse_extreme);
    }
    consider(ReciprocalOrZero(best_scale));
    (*scale)[lane] = best_scale;
  }
}

void ChooseSymmetric(const LaneBlock& block, int low_code, int high_code, const LaneFloats& scale,
                     const LaneFloats& d, SymmetricChoice* choice) {
  const float low = static_cast<float>(low_code), high = static_cast<float>(high_code);
  for (int lane = 0; lane < kLanes; ++lane) {
    const float middle = NearestCode(scale[lane] * ReciprocalOrZero(d[lane]), -128.0f, 127.0f);
    for (int step = 0; step < 3; ++step) {
      const float code = std::min(std::max(middle + static_cast<float>(step - 1), -128.0f), 127.0f);
      const float actual = code * d[lane];
      const float inverse = ReciprocalOrZero(actual);
      CodeSums sums;
      float error = 0;
      for (int i = 0; i < block.elems; ++i) {
        const float x = block.x[i][lane];
        const float q = NearestCode(x * inverse, low, high);
        sums.Add(block.w[i][lane], q, x);
        const float rest = x - actual * q;
        error = error + block.w[i][lane] * rest * rest;
      }
      if (step > 0 && !(error < choice->error[lane])) continue;
      choice->scale_code[lane] = code;
      choice->error[lane] = error;
      choice->wqq[lane] = sums.wqq;
      choice->wqx[lane] = sums.wqx;
    }
  }
}

void EncodeSymmetric(const LaneBlock& block, int low, int high, const LaneFloats& scale,
                     LaneCodes* codes) {
  for (int lane = 0; lane < kLanes; ++lane) {
    const float inverse = ReciprocalOrZero(scale[lane]);
    for (int i = 0; i < block.elems; ++i) {
      codes->q[i][lane] = static_cast<int8_t>(NearestCode(
          block.x[i][lane] * inverse, static_cast<float>(low), static_cast<float>(high)));
    }
  }
}

// Magnitudes above the first are beyond what a Q4_K block holds (65504 * 63 * 15); below the
// second, fp16 scales are zero anyway. Between them no sum of the search overflows or underflows.
constexpr float kLargestWeight = 6e7f;
constexpr float kSmallestWeight = 1e-12f;

float Sanitize(float value) {
  const float magnitude = std::abs(value);
  if (magnitude >= kSmallestWeight && magnitude <= kLargestWeight) return value;
  if (!(magnitude > kLargestWeight)) return 0.0f;  // tiny, or not a number
  return std::copysign(kLargestWeight, value);
}

}  // namespace

void TransposeSubBlocks(const float* values, const float* weights, int lanes, int first_lane,
                        LaneBlock& block) {
  for (int lane = 0; lane < lanes; ++lane) {
    const float* from = values + lane * block.elems;
    for (int i = 0; i < block.elems; ++i) block.x[i][first_lane + lane] = Sanitize(from[i]);
  }
  if (weights == nullptr) return;
  for (int lane = 0; lane < lanes; ++lane) {
    const float* from = weights + lane * block.elems;
    for (int i = 0; i < block.elems; ++i) block.w[i][first_lane + lane] = from[i];
  }
}

void FillWithOnes(LaneBlock& block) {
  for (auto& row : block.w) std::fill(row, row + kLanes, 1.0f);
}

LaneKernels ScalarLaneKernels() {
  return {"scalar",        SearchAffine,    ChooseAffine,   EncodeAffine,
          SearchSymmetric, ChooseSymmetric, EncodeSymmetric};
}

}  // namespace dragoman
