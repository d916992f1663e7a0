#include "quantize/block32_rows.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/float16.h"
#include "quantize/block_parts.h"
#include "quantize/fp16_scale.h"
#include "quantize/plain_rows.h"

namespace dragoman {
namespace {

constexpr int kBlock = 32;
static_assert(kBlock == kMaxSubBlock);

void Pack(BlockType type, uint16_t d, uint16_t dmin, const LaneCodes& codes, int lane,
          std::byte* out) {
  BlockParts parts;
  parts.d = d;
  parts.dmin = dmin;
  parts.scale[0] = parts.minimum[0] = 1;
  for (int i = 0; i < kBlock; ++i) parts.code[i] = codes.q[i][lane];
  PackBlock(type, parts, out);
}

// Searches the first `lanes` lanes of `block` and writes their blocks.
void EncodeSymmetricLanes(const LaneKernels& kernels, BlockType type, const LaneBlock& block,
                          int lanes, std::byte* out) {
  const SymmetricRange range = SymmetricRangeOf(*FindPartsTraits(type));
  alignas(64) LaneFloats scale;
  kernels.search_symmetric(block, range, &scale);
  uint16_t d[kLanes];
  for (size_t lane = 0; lane < kLanes; ++lane) {
    d[lane] = SaturatedFp16(scale[lane]);
    scale[lane] = Fp16ToFloat(d[lane]);
  }
  LaneCodes codes;
  kernels.encode_symmetric(block, range, scale, &codes);
  const size_t block_bytes = TraitsOf(type).block_bytes;
  for (int lane = 0; lane < lanes; ++lane) {
    Pack(type, d[lane], 0, codes, lane, out + static_cast<size_t>(lane) * block_bytes);
  }
}

void EncodeAffineLanes(const LaneKernels& kernels, BlockType type, const LaneBlock& block,
                       int lanes, std::byte* out) {
  const AffineRange range = {FindPartsTraits(type)->code_high, 1};
  AffineFit fit;
  kernels.search_affine(block, range, &fit);
  uint16_t d[kLanes], dmin[kLanes];
  for (size_t lane = 0; lane < kLanes; ++lane) {
    d[lane] = SaturatedFp16(fit.scale[lane]);
    dmin[lane] = SaturatedFp16(0.0 - fit.minimum[lane]) ^ kFp16SignBit;  // m is stored: never -0
    fit.scale[lane] = Fp16ToFloat(d[lane]);
    fit.minimum[lane] = Fp16ToFloat(dmin[lane]);
  }
  LaneCodes codes;
  kernels.encode_affine(block, range, fit, &codes);
  const size_t block_bytes = TraitsOf(type).block_bytes;
  for (int lane = 0; lane < lanes; ++lane) {
    Pack(type, d[lane], dmin[lane], codes, lane, out + static_cast<size_t>(lane) * block_bytes);
  }
}

}  // namespace

void QuantizeBlock32Rows(const LaneKernels& kernels, BlockType type, const float* values,
                         int64_t rows, int64_t cols, const std::vector<float>& weights,
                         std::byte* out) {
  const int64_t blocks_per_row = cols / kBlock, blocks = rows * blocks_per_row;
  if (type == BlockType::kQ8_0) {
    QuantizeQ8_0(values, blocks * kBlock, out);
    return;
  }
  const bool symmetric = !FindPartsTraits(type)->has_dmin;
  const size_t block_bytes = TraitsOf(type).block_bytes;
  LaneBlock block;
  std::memset(block.x, 0, sizeof(block.x));  // lanes that a short last group leaves unused
  FillWithOnes(block);
  for (int64_t first = 0; first < blocks; first += kLanes) {
    const int lanes = static_cast<int>(std::min<int64_t>(kLanes, blocks - first));
    for (int lane = 0; lane < lanes; ++lane) {
      const int64_t index = first + lane;
      const float* column_weights =
          weights.empty() ? nullptr : weights.data() + index % blocks_per_row * kBlock;
      TransposeSubBlocks(values + index * kBlock, column_weights, 1, lane, block);
    }
    std::byte* to = out + static_cast<size_t>(first) * block_bytes;
    if (symmetric) {
      EncodeSymmetricLanes(kernels, type, block, lanes, to);
    } else {
      EncodeAffineLanes(kernels, type, block, lanes, to);
    }
  }
}

}  // namespace dragoman
