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

// Which codes a type has, as the search asks for them.
struct EvenCodes {
  static constexpr float kUnit = kEvenUnit;
  float low, high;
  float Nearest(float value) const { return NearestCode(value, low, high); }
};

struct GridCodes {
  static constexpr float kUnit = kGridUnit;
  float low, high;
  float Nearest(float value) const {
    float level = kGridLow;
    for (const GridStep& step : kGridSteps) level += value > step.middle ? step.rise : 0.0f;
    return level;
  }
};

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

template <typename Codes>
CodeSums SumCodes(const LaneBlock& block, int lane, float inverse, float shift,
                  const Codes& codes) {
  CodeSums sums;
  for (int i = 0; i < block.elems; ++i) {
    const float x = block.x[i][lane];
    sums.Add(block.w[i][lane], codes.Nearest(x * inverse + shift), x);
  }
  return sums;
}

void SearchAffine(const LaneBlock& block, AffineRange range, AffineFit* fit) {
  const float top = static_cast<float>(range.top_code);
  const EvenCodes codes{0.0f, top};
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
      const Fit found = Solve(SumCodes(block, lane, inverse, shift, codes), w, wx);
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

LaneTrial TryAffine(const LaneBlock& block, int lane, AffineRange range, float scale_code, float d,
                    float inverse_dmin, float dmin, float minimum, float w, float wx) {
  LaneTrial trial;
  const float top = static_cast<float>(range.top_code);
  trial.scale_code = scale_code;
  const float scale = scale_code * d;
  const float inverse = ReciprocalOrZero(scale);
  float wq = 0;
  for (int i = 0; i < block.elems; ++i) {
    wq = wq + block.w[i][lane] * NearestCode((block.x[i][lane] + minimum) * inverse, 0.0f, top);
  }
  const float best_minimum = (scale * wq - wx) / w;
  trial.minimum_code =
      NearestCode(best_minimum * inverse_dmin, 0.0f, static_cast<float>(range.top_scale));
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

void ChooseAffine(const LaneBlock& block, AffineRange range, const AffineFit& fit,
                  const LaneFloats& d, const LaneFloats& dmin, AffineChoice* choice) {
  const float largest = static_cast<float>(range.top_scale);
  for (int lane = 0; lane < kLanes; ++lane) {
    float w = 0, wx = 0;
    for (int i = 0; i < block.elems; ++i) {
      w = w + block.w[i][lane];
      wx = wx + block.w[i][lane] * block.x[i][lane];
    }
    const float inverse_dmin = ReciprocalOrZero(dmin[lane]);
    const float middle = NearestCode(fit.scale[lane] * ReciprocalOrZero(d[lane]), 0.0f, largest);
    LaneTrial best;
    for (int step = 0; step < 3; ++step) {
      const float code = std::min(std::max(middle + static_cast<float>(step - 1), 0.0f), largest);
      const LaneTrial trial = TryAffine(block, lane, range, code, d[lane], inverse_dmin, dmin[lane],
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

void EncodeAffine(const LaneBlock& block, AffineRange range, const AffineFit& fit,
                  LaneCodes* codes) {
  for (int lane = 0; lane < kLanes; ++lane) {
    const float inverse = ReciprocalOrZero(fit.scale[lane]);
    for (int i = 0; i < block.elems; ++i) {
      const float value = (block.x[i][lane] + fit.minimum[lane]) * inverse;
      codes->q[i][lane] =
          static_cast<int8_t>(NearestCode(value, 0.0f, static_cast<float>(range.top_code)));
    }
  }
}

template <typename Codes>
void SearchSymmetricOn(const LaneBlock& block, const Codes& codes, LaneFloats* scale) {
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
      const CodeSums sums = SumCodes(block, lane, inverse, 0.0f, codes);
      const float found = sums.wqx / std::max(sums.wqq, kTiny);
      const float gain = found * sums.wqx;
      if (gain > best_gain) {
        best_gain = gain;
        best_scale = found;
      }
    };
    for (int k = 0; k < kSymmetricStarts; ++k) {
      const float stretch = SymmetricStretchAt(k) * Codes::kUnit;
      const float reach = k < kSymmetricStarts / 2 ? codes.low - stretch : codes.high + stretch;
      consider(reach * inverse_extreme);
    }
    consider(ReciprocalOrZero(best_scale));
    (*scale)[lane] = best_scale;
  }
}

template <typename Codes>
void ChooseSymmetricOn(const LaneBlock& block, const SymmetricRange& range, const Codes& codes,
                       const LaneFloats& scale, const LaneFloats& d, SymmetricChoice* choice) {
  const float smallest = static_cast<float>(range.scale_low),
              largest = static_cast<float>(range.scale_high);
  for (int lane = 0; lane < kLanes; ++lane) {
    const float middle = NearestCode(scale[lane] * ReciprocalOrZero(d[lane]), smallest, largest);
    for (int step = 0; step < 3; ++step) {
      const float code =
          std::min(std::max(middle + static_cast<float>(step - 1), smallest), largest);
      const float actual = code * d[lane];
      const float inverse = ReciprocalOrZero(actual);
      CodeSums sums;
      float error = 0;
      for (int i = 0; i < block.elems; ++i) {
        const float x = block.x[i][lane];
        const float q = codes.Nearest(x * inverse);
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

template <typename Codes>
void EncodeSymmetricOn(const LaneBlock& block, const Codes& codes, const LaneFloats& scale,
                       LaneCodes* found) {
  for (int lane = 0; lane < kLanes; ++lane) {
    const float inverse = ReciprocalOrZero(scale[lane]);
    for (int i = 0; i < block.elems; ++i) {
      found->q[i][lane] = static_cast<int8_t>(codes.Nearest(block.x[i][lane] * inverse));
    }
  }
}

// Calls `body` with the codes of `range`.
template <typename Body>
void WithCodesOf(const SymmetricRange& range, const Body& body) {
  const float low = static_cast<float>(range.low), high = static_cast<float>(range.high);
  if (range.iq4_grid) {
    body(GridCodes{low, high});
  } else {
    body(EvenCodes{low, high});
  }
}

void SearchSymmetric(const LaneBlock& block, const SymmetricRange& range, LaneFloats* scale) {
  WithCodesOf(range, [&](const auto& codes) { SearchSymmetricOn(block, codes, scale); });
}

void ChooseSymmetric(const LaneBlock& block, const SymmetricRange& range, const LaneFloats& scale,
                     const LaneFloats& d, SymmetricChoice* choice) {
  WithCodesOf(range,
              [&](const auto& codes) { ChooseSymmetricOn(block, range, codes, scale, d, choice); });
}

void EncodeSymmetric(const LaneBlock& block, const SymmetricRange& range, const LaneFloats& scale,
                     LaneCodes* found) {
  WithCodesOf(range, [&](const auto& codes) { EncodeSymmetricOn(block, codes, scale, found); });
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

SymmetricRange SymmetricRangeOf(const PartsTraits& traits) {
  return {traits.code_low, traits.code_high, traits.scale_low, traits.scale_high,
          traits.levels != nullptr};
}

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
