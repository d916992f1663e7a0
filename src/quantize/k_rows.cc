#include "quantize/k_rows.h"

#include <algorithm>
#include <cmath>

#include "base/float16.h"
#include "quantize/block_parts.h"
#include "quantize/fp16_scale.h"

namespace dragoman {
namespace {

constexpr int kAffineRounds = 3;     // of choosing codes and fitting the superblock's factors
constexpr int kSymmetricRounds = 2;  // without minima, scales settle sooner

// What has been found for one superblock; as many lanes count as it has sub-blocks.
struct Superblock {
  uint16_t d = 0, dmin = 0;  // fp16
  LaneFloats scale_code = {}, minimum_code = {};
  double error = 0;
};

// The superblocks that fill the lanes of one search: two of 8 sub-blocks or one of 16.
struct SuperblockGroup {
  int lanes;  // of each superblock
  Superblock best[2];
  LaneCodes codes;

  explicit SuperblockGroup(const PartsTraits& traits) : lanes(traits.sub_blocks()) {}
  int count() const { return kLanes / lanes; }
};

// ---- Types with minima

// The d and dmin that fit best with the codes as they are; `now` keeps its values where the sums do
// not decide.
void FitFactors(const AffineChoice& choice, int first_lane, int lanes, Superblock& now) {
  double aa = 0, ab = 0, bb = 0, ax = 0, bx = 0;  // a = scale code * q, b = -minimum code
  for (int lane = first_lane; lane < first_lane + lanes; ++lane) {
    const auto k = static_cast<size_t>(lane);
    const double scale = choice.scale_code[k], minimum = choice.minimum_code[k];
    aa += scale * scale * choice.wqq[k];
    ab -= scale * minimum * choice.wq[k];
    bb += minimum * minimum * choice.w[k];
    ax += scale * choice.wqx[k];
    bx -= minimum * choice.wx[k];
  }
  const double determinant = aa * bb - ab * ab;
  double d = Fp16ToFloat(now.d), dmin = Fp16ToFloat(now.dmin);
  if (determinant > 1e-9 * aa * bb && determinant > 0) {
    d = (ax * bb - bx * ab) / determinant;
    dmin = (bx * aa - ax * ab) / determinant;
  } else if (aa > 0) {
    d = (ax - ab * dmin) / aa;
  } else if (bb > 0) {
    dmin = bx / bb;
  }
  now.d = SaturatedFp16(std::max(d, 0.0));
  now.dmin = SaturatedFp16(std::max(dmin, 0.0));
}

void TakeChoice(const AffineChoice& choice, int first_lane, int lanes, Superblock& now) {
  now.error = 0;
  for (int k = 0; k < lanes; ++k) {
    const auto to = static_cast<size_t>(k), lane = static_cast<size_t>(first_lane + k);
    now.scale_code[to] = choice.scale_code[lane];
    now.minimum_code[to] = choice.minimum_code[lane];
    now.error += choice.error[lane];
  }
}

void SearchAffine(const LaneKernels& kernels, const LaneBlock& block, const PartsTraits& traits,
                  SuperblockGroup& group) {
  const AffineRange range = {traits.code_high, traits.scale_high};
  const auto largest_code = static_cast<float>(range.top_scale);
  AffineFit fit;
  kernels.search_affine(block, range, &fit);
  Superblock now[2];
  for (int s = 0; s < group.count(); ++s) {
    const auto first = fit.scale.begin() + s * group.lanes,
               first_min = fit.minimum.begin() + s * group.lanes;
    now[s].d = CoveringFp16(*std::max_element(first, first + group.lanes) / largest_code);
    now[s].dmin =
        CoveringFp16(*std::max_element(first_min, first_min + group.lanes) / largest_code);
  }
  alignas(64) LaneFloats d, dmin;
  for (int round = 0; round < kAffineRounds; ++round) {
    for (int lane = 0; lane < kLanes; ++lane) {
      d[static_cast<size_t>(lane)] = Fp16ToFloat(now[lane / group.lanes].d);
      dmin[static_cast<size_t>(lane)] = Fp16ToFloat(now[lane / group.lanes].dmin);
    }
    AffineChoice choice;
    kernels.choose_affine(block, range, fit, d, dmin, &choice);
    for (int s = 0; s < group.count(); ++s) {
      TakeChoice(choice, s * group.lanes, group.lanes, now[s]);
      if (round == 0 || now[s].error < group.best[s].error) group.best[s] = now[s];
      FitFactors(choice, s * group.lanes, group.lanes, now[s]);
    }
  }
  for (int lane = 0; lane < kLanes; ++lane) {
    const Superblock& found = group.best[lane / group.lanes];
    const auto k = static_cast<size_t>(lane), sub = static_cast<size_t>(lane % group.lanes);
    fit.scale[k] = Fp16ToFloat(found.d) * found.scale_code[sub];
    fit.minimum[k] = Fp16ToFloat(found.dmin) * found.minimum_code[sub];
  }
  kernels.encode_affine(block, range, fit, &group.codes);
}

// ---- Types without

// Codes of scales reach one further down than up: the largest scale goes there.
uint16_t FirstFactor(const LaneFloats& scale, int first_lane, int lanes, int lowest_code) {
  const auto first = scale.begin() + first_lane;
  const float extreme = *std::max_element(
      first, first + lanes, [](float a, float b) { return std::abs(a) < std::abs(b); });
  const uint16_t d = CoveringFp16(std::abs(extreme) / static_cast<float>(-lowest_code));
  return extreme > 0 ? d | kFp16SignBit : d;
}

// Takes the choice and fits the superblock's factor to it, for the next round.
void TakeChoice(const SymmetricChoice& choice, int first_lane, int lanes, bool first_round,
                Superblock& now, Superblock& best) {
  double error = 0, aa = 0, ax = 0;
  for (int k = 0; k < lanes; ++k) {
    const auto lane = static_cast<size_t>(first_lane + k);
    const double code = choice.scale_code[lane];
    error += choice.error[lane];
    aa += code * code * choice.wqq[lane];
    ax += code * choice.wqx[lane];
    now.scale_code[static_cast<size_t>(k)] = choice.scale_code[lane];
  }
  now.error = error;
  if (first_round || now.error < best.error) best = now;
  if (aa > 0) now.d = SaturatedFp16(ax / aa);
}

void SearchSymmetric(const LaneKernels& kernels, const LaneBlock& block, const PartsTraits& traits,
                     SuperblockGroup& group) {
  const SymmetricRange range = SymmetricRangeOf(traits);
  alignas(64) LaneFloats scale, d;
  kernels.search_symmetric(block, range, &scale);
  Superblock now[2];
  for (int s = 0; s < group.count(); ++s) {
    now[s].d = FirstFactor(scale, s * group.lanes, group.lanes, range.scale_low);
  }
  for (int round = 0; round < kSymmetricRounds; ++round) {
    for (int lane = 0; lane < kLanes; ++lane) {
      d[static_cast<size_t>(lane)] = Fp16ToFloat(now[lane / group.lanes].d);
    }
    SymmetricChoice choice;
    kernels.choose_symmetric(block, range, scale, d, &choice);
    for (int s = 0; s < group.count(); ++s) {
      TakeChoice(choice, s * group.lanes, group.lanes, round == 0, now[s], group.best[s]);
    }
  }
  for (int lane = 0; lane < kLanes; ++lane) {
    const Superblock& found = group.best[lane / group.lanes];
    scale[static_cast<size_t>(lane)] =
        Fp16ToFloat(found.d) * found.scale_code[static_cast<size_t>(lane % group.lanes)];
  }
  kernels.encode_symmetric(block, range, scale, &group.codes);
}

void Pack(BlockType type, const PartsTraits& traits, const SuperblockGroup& group, int s,
          std::byte* out) {
  const Superblock& found = group.best[s];
  BlockParts parts;
  parts.d = found.d;
  parts.dmin = found.dmin;
  for (int sub = 0; sub < group.lanes; ++sub) {
    parts.scale[sub] = static_cast<int16_t>(found.scale_code[static_cast<size_t>(sub)]);
    parts.minimum[sub] = static_cast<int16_t>(found.minimum_code[static_cast<size_t>(sub)]);
  }
  for (int i = 0; i < traits.elems; ++i) {
    const int lane = s * group.lanes + i / traits.sub_elems;
    parts.code[i] = group.codes.q[i % traits.sub_elems][lane];
  }
  PackBlock(type, parts, out);
}

}  // namespace

std::vector<float> NormalizeImportance(const float* importance, int64_t cols) {
  double sum = 0;
  for (int64_t i = 0; i < cols; ++i) {
    if (std::isfinite(importance[i]) && importance[i] > 0) sum += importance[i];
  }
  if (sum <= 0 || !std::isfinite(sum)) return {};
  const double mean = sum / static_cast<double>(cols);
  // A column that calibration never excited may matter elsewhere: it keeps a small weight.
  constexpr double kLeast = 1e-3, kMost = 1e5;
  std::vector<float> weights(static_cast<size_t>(cols));
  for (size_t i = 0; i < weights.size(); ++i) {
    const double relative = std::isfinite(importance[i]) ? importance[i] / mean : 0.0;
    weights[i] = static_cast<float>(std::clamp(relative, kLeast, kMost));
  }
  return weights;
}

void QuantizeKRows(const LaneKernels& kernels, BlockType type, const float* values, int64_t rows,
                   int64_t cols, const std::vector<float>& weights, std::byte* out) {
  const PartsTraits& traits = *FindPartsTraits(type);
  const int64_t superblocks_per_row = cols / kSuperblock, superblocks = rows * superblocks_per_row;
  const size_t block_bytes = TraitsOf(type).block_bytes;
  SuperblockGroup group(traits);
  LaneBlock block;
  block.elems = traits.sub_elems;
  FillWithOnes(block);
  for (int64_t first = 0; first < superblocks; first += group.count()) {
    const int64_t past = std::min(first + group.count(), superblocks);
    for (int s = 0; s < group.count(); ++s) {
      const int64_t index = std::min(first + s, past - 1);  // an odd one out is searched twice
      const float* column_weights =
          weights.empty() ? nullptr : weights.data() + index % superblocks_per_row * kSuperblock;
      TransposeSubBlocks(values + index * kSuperblock, column_weights, group.lanes, s * group.lanes,
                         block);
    }
    if (traits.has_dmin) {
      SearchAffine(kernels, block, traits, group);
    } else {
      SearchSymmetric(kernels, block, traits, group);
    }
    for (int64_t index = first; index < past; ++index) {
      Pack(type, traits, group, static_cast<int>(index - first),
           out + static_cast<size_t>(index) * block_bytes);
    }
  }
}

}  // namespace dragoman
