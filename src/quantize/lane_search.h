// The search for scales that all block types but Q8_0 share, on 16 sub-blocks side by side.
//
// A sub-block of up to 32 weights gets one scale (and one minimum). Sub-blocks are independent, so
// 16 of them lie transposed in a LaneBlock, one a lane, and every step below is plain arithmetic on
// lanes. Two implementations stand behind one table of functions: Highway (lane_search_simd.cc) and
// a scalar twin (lane_search_scalar.cc) that does the same operations in the same order and so
// gives the same bits; a test holds them to it.
//
// The search. Codes q and a scale are chosen in turns: for given codes the best scale has a closed
// form (least squares), for a given scale the best codes are the nearest ones. What decides is
// where one starts: the grid of starting points below (step size, phase) costs a few cycles a
// weight and finds fits that nearest-code descent from the extremes alone does not.
#ifndef DRAGOMAN_QUANTIZE_LANE_SEARCH_H_
#define DRAGOMAN_QUANTIZE_LANE_SEARCH_H_

#include <array>
#include <cstdint>

#include "blocks/iq4_nl.h"
#include "quantize/block_parts.h"

namespace dragoman {

inline constexpr int kLanes = 16;        // sub-blocks side by side
inline constexpr int kMaxSubBlock = 32;  // weights of a sub-block at most

using LaneFloats = std::array<float, kLanes>;

// Weights x and their importance w (1 for plain rounding, > 0), element by element across the
// lanes.
struct alignas(64) LaneBlock {
  int elems = kMaxSubBlock;  // of each sub-block
  alignas(64) float x[kMaxSubBlock][kLanes];
  alignas(64) float w[kMaxSubBlock][kLanes];
};

// Codes as found, same order as LaneBlock::x.
struct alignas(64) LaneCodes {
  int8_t q[kMaxSubBlock][kLanes];
};

// x is near scale * q - minimum; scale >= 0, minimum >= 0.
struct alignas(64) AffineFit {
  alignas(64) LaneFloats scale, minimum;
};

// The numbers that a type stores for a sub-block with a minimum: codes 0..top_code, multiples
// 0..top_scale of d and of dmin.
struct AffineRange {
  int top_code, top_scale;
};

// The same without a minimum: codes low..high around 0, signed multiples of d.
struct SymmetricRange {
  int low, high, scale_low, scale_high;
  bool iq4_grid = false;  // codes are the levels of kIq4Grid, whose ends are low and high
};
SymmetricRange SymmetricRangeOf(const PartsTraits& traits);

// How well a sub-block does once its scale and minimum are multiples of the superblock's d and
// dmin, and the sums over its elements from which better d and dmin follow.
struct alignas(64) AffineChoice {
  alignas(64) LaneFloats scale_code, minimum_code;  // whole numbers from 0 to the range's
  alignas(64) LaneFloats error;                     // sum of w (x - decoded)^2
  alignas(64) LaneFloats wq, wqq, wqx, w, wx;       // sums of w q, w q^2, w q x, w, w x
};

// x is near scale * q with q from a range around 0; the scale may be negative.
struct alignas(64) SymmetricChoice {
  alignas(64) LaneFloats scale_code;  // a whole number within the range's
  alignas(64) LaneFloats error, wqq, wqx;
};

// One starting point: the range of a sub-block is spread over (top code + stretch) steps, shifted
// by phase steps.
struct AffineStart {
  float stretch, phase;
};
inline constexpr int kStretches = 8;
inline constexpr int kPhases = 5;
constexpr AffineStart AffineStartAt(int index) {
  // Found by measurement: a finer or wider grid gains less than 0.3 % of the error for twice the
  // time.
  return {-2.0f + 0.5f * static_cast<float>(index / kPhases),
          -0.6f + 0.25f * static_cast<float>(index % kPhases)};
}

// Symmetric starting points: the largest value lands this many codes beyond (or before) the end of
// the range; half of the points put it on the lower end, half on the upper one.
// On the grid of IQ4, whose steps are many units wide, a stretch counts kGridUnit of them.
inline constexpr int kSymmetricStarts = 18;
inline constexpr float kEvenUnit = 1.0f, kGridUnit = 16.0f;
constexpr float SymmetricStretchAt(int index) {
  return -1.2f + 0.3f * static_cast<float>(index % (kSymmetricStarts / 2));
}

// The grid of IQ4 by what lies between its levels: a value is at the level that as many middles lie
// below. All are multiples of a half, exact in float32.
struct GridStep {
  float middle, rise;
};
inline constexpr float kGridLow = kIq4Grid[0];
constexpr std::array<GridStep, 15> GridSteps() {
  std::array<GridStep, 15> steps = {};
  for (size_t k = 0; k < steps.size(); ++k) {
    const float from = kIq4Grid[k], to = kIq4Grid[k + 1];
    steps[k] = {0.5f * (from + to), to - from};
  }
  return steps;
}
inline constexpr std::array<GridStep, 15> kGridSteps = GridSteps();

struct LaneKernels {
  const char* name;
  // The best unconstrained scale and minimum.
  void (*search_affine)(const LaneBlock& block, AffineRange range, AffineFit* fit);
  // The best multiples of d and dmin (>= 0, per lane) near `fit`.
  void (*choose_affine)(const LaneBlock& block, AffineRange range, const AffineFit& fit,
                        const LaneFloats& d, const LaneFloats& dmin, AffineChoice* choice);
  // Nearest codes for given scales and minima.
  void (*encode_affine)(const LaneBlock& block, AffineRange range, const AffineFit& fit,
                        LaneCodes* codes);
  // The same for codes around 0: signed scales, signed multiples of d (any sign).
  void (*search_symmetric)(const LaneBlock& block, const SymmetricRange& range, LaneFloats* scale);
  void (*choose_symmetric)(const LaneBlock& block, const SymmetricRange& range,
                           const LaneFloats& scale, const LaneFloats& d, SymmetricChoice* choice);
  void (*encode_symmetric)(const LaneBlock& block, const SymmetricRange& range,
                           const LaneFloats& scale, LaneCodes* codes);
};

// Puts `lanes` sub-blocks of block.elems weights each, one after the other in `values`, into the
// lanes from first_lane on; their importance too unless `weights` is null (then w stays as it is).
// A value that is not finite, or beyond what the search bears, becomes zero or the largest that a
// block can hold.
void TransposeSubBlocks(const float* values, const float* weights, int lanes, int first_lane,
                        LaneBlock& block);
// Importance 1 for all.
void FillWithOnes(LaneBlock& block);

LaneKernels ScalarLaneKernels();
// Those of the best instruction set that this machine has (or that a test has chosen through
// Highway).
LaneKernels SimdLaneKernels();

// Adding and subtracting it rounds |x| < 2^22 to the nearest whole number, ties to even: the same
// two operations, with the same result, on every instruction set.
inline constexpr float kRoundingBias = 12582912.0f;  // 1.5 * 2^23
// A determinant below this share of its terms is taken for zero (all codes of a sub-block equal).
inline constexpr float kMinDeterminant = 1e-6f;
inline constexpr float kTiny = 1e-30f;

}  // namespace dragoman

#endif  // DRAGOMAN_QUANTIZE_LANE_SEARCH_H_
