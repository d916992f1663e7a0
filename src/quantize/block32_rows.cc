#include "quantize/block32_rows.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/float16.h"
#include "blocks/q4_0.h"
#include "blocks/q4_1.h"
#include "blocks/q5_0.h"
#include "blocks/q5_1.h"
#include "blocks/q8_0.h"
#include "quantize/fp16_scale.h"
#include "quantize/plain_rows.h"

namespace dragoman {
namespace {

constexpr int kBlock = 32;
static_assert(kBlock == kMaxSubBlock);

// Low nibbles hold the first half of the block, high nibbles the second; the fifth bits lie
// together.
void PackNibbles(const LaneCodes& codes, int lane, int bias, uint8_t* qs) {
  for (int i = 0; i < kBlock / 2; ++i) {
    const int low = codes.q[i][lane] + bias, high = codes.q[i + kBlock / 2][lane] + bias;
    qs[i] = static_cast<uint8_t>((low & 15) | (high & 15) << 4);
  }
}

void PackFifthBits(const LaneCodes& codes, int lane, int bias, uint8_t* qh) {
  uint32_t bits = 0;
  for (int i = 0; i < kBlock; ++i) {
    bits |= static_cast<uint32_t>((codes.q[i][lane] + bias) >> 4 & 1) << i;
  }
  std::memcpy(qh, &bits, sizeof(bits));
}

void PackSymmetric(BlockType type, uint16_t d, const LaneCodes& codes, int lane, std::byte* out) {
  if (type == BlockType::kQ4_0) {
    BlockQ4_0 block;
    block.d = d;
    PackNibbles(codes, lane, 8, block.qs);
    std::memcpy(out, &block, sizeof(block));
  } else {
    BlockQ5_0 block;
    block.d = d;
    PackNibbles(codes, lane, 16, block.qs);
    PackFifthBits(codes, lane, 16, block.qh);
    std::memcpy(out, &block, sizeof(block));
  }
}

void PackAffine(BlockType type, uint16_t d, uint16_t m, const LaneCodes& codes, int lane,
                std::byte* out) {
  if (type == BlockType::kQ4_1) {
    BlockQ4_1 block;
    block.d = d;
    block.m = m;
    PackNibbles(codes, lane, 0, block.qs);
    std::memcpy(out, &block, sizeof(block));
  } else {
    BlockQ5_1 block;
    block.d = d;
    block.m = m;
    PackNibbles(codes, lane, 0, block.qs);
    PackFifthBits(codes, lane, 0, block.qh);
    std::memcpy(out, &block, sizeof(block));
  }
}

// Searches the first `lanes` lanes of `block` and writes their blocks.
void EncodeSymmetricLanes(const LaneKernels& kernels, BlockType type, const LaneBlock& block,
                          int lanes, std::byte* out) {
  const int half = type == BlockType::kQ4_0 ? 8 : 16;
  alignas(64) LaneFloats scale;
  kernels.search_symmetric(block, -half, half - 1, &scale);
  uint16_t d[kLanes];
  for (size_t lane = 0; lane < kLanes; ++lane) {
    d[lane] = SaturatedFp16(scale[lane]);
    scale[lane] = Fp16ToFloat(d[lane]);
  }
  LaneCodes codes;
  kernels.encode_symmetric(block, -half, half - 1, scale, &codes);
  const size_t block_bytes = TraitsOf(type).block_bytes;
  for (int lane = 0; lane < lanes; ++lane) {
    PackSymmetric(type, d[lane], codes, lane, out + static_cast<size_t>(lane) * block_bytes);
  }
}

void EncodeAffineLanes(const LaneKernels& kernels, BlockType type, const LaneBlock& block,
                       int lanes, std::byte* out) {
  const int top_code = type == BlockType::kQ4_1 ? 15 : 31;
  AffineFit fit;
  kernels.search_affine(block, top_code, &fit);
  uint16_t d[kLanes], m[kLanes];
  for (size_t lane = 0; lane < kLanes; ++lane) {
    d[lane] = SaturatedFp16(fit.scale[lane]);
    m[lane] = SaturatedFp16(0.0 - fit.minimum[lane]);
    fit.scale[lane] = Fp16ToFloat(d[lane]);
    fit.minimum[lane] = 0.0f - Fp16ToFloat(m[lane]);
  }
  LaneCodes codes;
  kernels.encode_affine(block, top_code, fit, &codes);
  const size_t block_bytes = TraitsOf(type).block_bytes;
  for (int lane = 0; lane < lanes; ++lane) {
    PackAffine(type, d[lane], m[lane], codes, lane, out + static_cast<size_t>(lane) * block_bytes);
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
  const bool symmetric = type == BlockType::kQ4_0 || type == BlockType::kQ5_0;
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
