#include "quantize/k_rows.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/float16.h"
#include "blocks/q4_k.h"
#include "blocks/q5_k.h"
#include "blocks/q6_k.h"
#include "quantize/fp16_scale.h"

namespace dragoman {
namespace {

constexpr int kAffineRounds = 3;     // of choosing codes and fitting the superblock's factors
constexpr int kSymmetricRounds = 2;  // the 8-bit scales of Q6_K settle sooner

// ---- Q4_K and Q5_K: a superblock is 8 lanes.

constexpr int kAffineLanes = 8;

struct AffineSuperblock {
  uint16_t d = 0, dmin = 0;  // fp16
  float scale_code[kAffineLanes] = {}, minimum_code[kAffineLanes] = {};
  double error = 0;
};

// The d and dmin that fit best with the codes as they are; `now` keeps its values where the sums do
// not decide.
void FitFactors(const AffineChoice& choice, int first_lane, AffineSuperblock& now) {
  double aa = 0, ab = 0, bb = 0, ax = 0, bx = 0;  // a = scale code * q, b = -minimum code
  for (int lane = first_lane; lane < first_lane + kAffineLanes; ++lane) {
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

void TakeChoice(const AffineChoice& choice, int first_lane, AffineSuperblock& now) {
  now.error = 0;
  for (int k = 0; k < kAffineLanes; ++k) {
    const auto lane = static_cast<size_t>(first_lane + k);
    now.scale_code[k] = choice.scale_code[lane];
    now.minimum_code[k] = choice.minimum_code[lane];
    now.error += choice.error[lane];
  }
}

void PackScales(const AffineSuperblock& found, uint8_t* packed) {
  for (int j = 0; j < 4; ++j) {
    const int scale = static_cast<int>(found.scale_code[j]),
              minimum = static_cast<int>(found.minimum_code[j]);
    const int scale4 = static_cast<int>(found.scale_code[j + 4]);
    const int minimum4 = static_cast<int>(found.minimum_code[j + 4]);
    packed[j] = static_cast<uint8_t>(scale | (scale4 >> 4) << 6);
    packed[j + 4] = static_cast<uint8_t>(minimum | (minimum4 >> 4) << 6);
    packed[j + 8] = static_cast<uint8_t>((scale4 & 15) | (minimum4 & 15) << 4);
  }
}

void PackNibbles(const LaneCodes& codes, int first_lane, uint8_t* qs) {
  for (int chunk = 0; chunk < 4; ++chunk) {
    const int lane = first_lane + 2 * chunk;
    for (int i = 0; i < kMaxSubBlock; ++i) {
      qs[32 * chunk + i] =
          static_cast<uint8_t>((codes.q[i][lane] & 15) | (codes.q[i][lane + 1] & 15) << 4);
    }
  }
}

void Pack(const AffineSuperblock& found, const LaneCodes& codes, int first_lane, BlockType type,
          std::byte* out) {
  if (type == BlockType::kQ4_K) {
    BlockQ4_K block;
    block.d = found.d;
    block.dmin = found.dmin;
    PackScales(found, block.scales);
    PackNibbles(codes, first_lane, block.qs);
    std::memcpy(out, &block, sizeof(block));
    return;
  }
  BlockQ5_K block;
  block.d = found.d;
  block.dmin = found.dmin;
  PackScales(found, block.scales);
  PackNibbles(codes, first_lane, block.qs);
  for (int i = 0; i < kMaxSubBlock; ++i) {
    int high = 0;
    for (int k = 0; k < kAffineLanes; ++k) high |= (codes.q[i][first_lane + k] >> 4) << k;
    block.qh[i] = static_cast<uint8_t>(high);
  }
  std::memcpy(out, &block, sizeof(block));
}

// The whole search for two superblocks at a time.
void SearchSuperblocks(const LaneKernels& kernels, const LaneBlock& block, int top_code,
                       AffineSuperblock (&best)[2], LaneCodes& codes) {
  AffineFit fit;
  kernels.search_affine(block, top_code, &fit);
  AffineSuperblock now[2];
  for (int s = 0; s < 2; ++s) {
    const auto first = fit.scale.begin() + s * kAffineLanes,
               first_min = fit.minimum.begin() + s * kAffineLanes;
    now[s].d = CoveringFp16(*std::max_element(first, first + kAffineLanes) / 63.0f);
    now[s].dmin = CoveringFp16(*std::max_element(first_min, first_min + kAffineLanes) / 63.0f);
  }
  alignas(64) LaneFloats d, dmin;
  for (int round = 0; round < kAffineRounds; ++round) {
    for (int lane = 0; lane < kLanes; ++lane) {
      d[static_cast<size_t>(lane)] = Fp16ToFloat(now[lane / kAffineLanes].d);
      dmin[static_cast<size_t>(lane)] = Fp16ToFloat(now[lane / kAffineLanes].dmin);
    }
    AffineChoice choice;
    kernels.choose_affine(block, top_code, fit, d, dmin, &choice);
    for (int s = 0; s < 2; ++s) {
      TakeChoice(choice, s * kAffineLanes, now[s]);
      if (round == 0 || now[s].error < best[s].error) best[s] = now[s];
      FitFactors(choice, s * kAffineLanes, now[s]);
    }
  }
  for (int lane = 0; lane < kLanes; ++lane) {
    const AffineSuperblock& found = best[lane / kAffineLanes];
    const auto k = static_cast<size_t>(lane);
    fit.scale[k] = Fp16ToFloat(found.d) * found.scale_code[lane % kAffineLanes];
    fit.minimum[k] = Fp16ToFloat(found.dmin) * found.minimum_code[lane % kAffineLanes];
  }
  kernels.encode_affine(block, top_code, fit, &codes);
}

void QuantizeAffineRows(const LaneKernels& kernels, BlockType type, const float* values,
                        int64_t superblocks, int64_t superblocks_per_row,
                        const std::vector<float>& weights, std::byte* out) {
  const size_t block_bytes = TraitsOf(type).block_bytes;
  const int top_code = type == BlockType::kQ4_K ? 15 : 31;
  LaneBlock block;
  FillWithOnes(block);
  for (int64_t first = 0; first < superblocks; first += 2) {
    const int64_t last =
        std::min(first + 1, superblocks - 1);  // an odd one out is searched twice, written once
    for (int s = 0; s < 2; ++s) {
      const int64_t index = s == 0 ? first : last;
      const float* column_weights =
          weights.empty() ? nullptr : weights.data() + index % superblocks_per_row * kSuperblock;
      TransposeSubBlocks(values + index * kSuperblock, column_weights, kAffineLanes,
                         s * kAffineLanes, block);
    }
    AffineSuperblock found[2];
    LaneCodes codes;
    SearchSuperblocks(kernels, block, top_code, found, codes);
    for (int64_t index = first; index <= last; ++index) {
      const int s = static_cast<int>(index - first);
      Pack(found[s], codes, s * kAffineLanes, type, out + static_cast<size_t>(index) * block_bytes);
    }
  }
}

// ---- Q6_K: a superblock is all 16 lanes.

struct SymmetricSuperblock {
  uint16_t d = 0;
  LaneFloats scale_code = {};
  double error = 0;
};

void PackQ6K(const SymmetricSuperblock& found, const LaneCodes& codes, std::byte* out) {
  BlockQ6_K block;
  std::memset(&block, 0, sizeof(block));
  block.d = found.d;
  for (int lane = 0; lane < kLanes; ++lane) {
    block.scales[lane] = static_cast<int8_t>(found.scale_code[static_cast<size_t>(lane)]);
  }
  for (int half = 0; half < 2; ++half) {
    for (int k = 0; k < 4; ++k) {
      for (int l = 0; l < 32; ++l) {
        const int q = codes.q[l % 16][8 * half + 2 * k + l / 16] + 32;
        uint8_t& low = block.ql[64 * half + 32 * (k % 2) + l];
        low = static_cast<uint8_t>(low | (q & 15) << (4 * (k / 2)));
        uint8_t& high = block.qh[32 * half + l];
        high = static_cast<uint8_t>(high | (q >> 4) << (2 * k));
      }
    }
  }
  std::memcpy(out, &block, sizeof(block));
}

void SearchSuperblock(const LaneKernels& kernels, const LaneBlock& block, SymmetricSuperblock& best,
                      LaneCodes& codes) {
  constexpr int kLow = -32, kHigh = 31;
  alignas(64) LaneFloats scale, d;
  kernels.search_symmetric(block, kLow, kHigh, &scale);
  const float extreme = *std::max_element(
      scale.begin(), scale.end(), [](float a, float b) { return std::abs(a) < std::abs(b); });
  SymmetricSuperblock now;
  now.d = CoveringFp16(std::abs(extreme) / 128.0f);
  if (extreme > 0)
    now.d |= 0x8000;  // codes reach one further down than up: the largest scale goes there
  for (int round = 0; round < kSymmetricRounds; ++round) {
    d.fill(Fp16ToFloat(now.d));
    SymmetricChoice choice;
    kernels.choose_symmetric(block, kLow, kHigh, scale, d, &choice);
    double error = 0, aa = 0, ax = 0;
    for (size_t lane = 0; lane < kLanes; ++lane) {
      const double code = choice.scale_code[lane];
      error += choice.error[lane];
      aa += code * code * choice.wqq[lane];
      ax += code * choice.wqx[lane];
    }
    now.scale_code = choice.scale_code;
    now.error = error;
    if (round == 0 || now.error < best.error) best = now;
    if (aa > 0) now.d = SaturatedFp16(ax / aa);
  }
  const float unit = Fp16ToFloat(best.d);
  for (size_t lane = 0; lane < kLanes; ++lane) scale[lane] = unit * best.scale_code[lane];
  kernels.encode_symmetric(block, kLow, kHigh, scale, &codes);
}

void QuantizeQ6KRows(const LaneKernels& kernels, const float* values, int64_t superblocks,
                     int64_t superblocks_per_row, const std::vector<float>& weights,
                     std::byte* out) {
  LaneBlock block;
  block.elems = 16;
  FillWithOnes(block);
  for (int64_t index = 0; index < superblocks; ++index) {
    const float* column_weights =
        weights.empty() ? nullptr : weights.data() + index % superblocks_per_row * kSuperblock;
    TransposeSubBlocks(values + index * kSuperblock, column_weights, kLanes, 0, block);
    SymmetricSuperblock found;
    LaneCodes codes;
    SearchSuperblock(kernels, block, found, codes);
    PackQ6K(found, codes, out + static_cast<size_t>(index) * sizeof(BlockQ6_K));
  }
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
  const int64_t superblocks_per_row = cols / kSuperblock;
  const int64_t superblocks = rows * superblocks_per_row;
  if (type == BlockType::kQ6_K) {
    QuantizeQ6KRows(kernels, values, superblocks, superblocks_per_row, weights, out);
  } else {
    QuantizeAffineRows(kernels, type, values, superblocks, superblocks_per_row, weights, out);
  }
}

}  // namespace dragoman
