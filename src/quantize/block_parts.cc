#include "quantize/block_parts.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <iterator>

#include "blocks/iq4_nl.h"
#include "blocks/iq4_xs.h"
#include "blocks/k_scales.h"
#include "blocks/q2_k.h"
#include "blocks/q3_k.h"
#include "blocks/q4_0.h"
#include "blocks/q4_1.h"
#include "blocks/q4_k.h"
#include "blocks/q5_0.h"
#include "blocks/q5_1.h"
#include "blocks/q5_k.h"
#include "blocks/q6_k.h"
#include "blocks/q8_0.h"
#include "dragoman/result.h"
#include "quantize/fp16_scale.h"

namespace dragoman {
namespace {

constexpr int kSmallBlock = 32;

template <typename Block>
Block Load(const std::byte* bytes) {
  Block block;
  std::memcpy(&block, bytes, sizeof(block));
  return block;
}

template <typename Block>
void Store(const Block& block, std::byte* bytes) {
  std::memcpy(bytes, &block, sizeof(block));
}

// ---- Q4_K, Q5_K

void UnpackScales(const uint8_t* packed, BlockParts& parts) {
  for (int j = 0; j < 8; ++j) {
    const ScaleMin pair = UnpackScaleMin(packed, j);
    parts.scale[j] = pair.scale;
    parts.minimum[j] = pair.min;
  }
}

void PackScales(const BlockParts& parts, uint8_t* packed) {
  for (int j = 0; j < 4; ++j) {
    const int scale4 = parts.scale[j + 4], minimum4 = parts.minimum[j + 4];
    packed[j] = static_cast<uint8_t>(parts.scale[j] | (scale4 >> 4) << 6);
    packed[j + 4] = static_cast<uint8_t>(parts.minimum[j] | (minimum4 >> 4) << 6);
    packed[j + 8] = static_cast<uint8_t>((scale4 & 15) | (minimum4 & 15) << 4);
  }
}

void UnpackKNibbles(const uint8_t* qs, BlockParts& parts) {
  for (int chunk = 0; chunk < 4; ++chunk) {
    for (int l = 0; l < 32; ++l) {
      parts.code[64 * chunk + l] = qs[32 * chunk + l] & 15;
      parts.code[64 * chunk + 32 + l] = qs[32 * chunk + l] >> 4;
    }
  }
}

void PackKNibbles(const BlockParts& parts, uint8_t* qs) {
  for (int chunk = 0; chunk < 4; ++chunk) {
    for (int l = 0; l < 32; ++l) {
      const int low = parts.code[64 * chunk + l] & 15, high = parts.code[64 * chunk + 32 + l] & 15;
      qs[32 * chunk + l] = static_cast<uint8_t>(low | high << 4);
    }
  }
}

BlockParts UnpackQ4K(const std::byte* bytes) {
  const auto block = Load<BlockQ4_K>(bytes);
  BlockParts parts;
  parts.d = block.d;
  parts.dmin = block.dmin;
  UnpackScales(block.scales, parts);
  UnpackKNibbles(block.qs, parts);
  return parts;
}

void PackQ4K(const BlockParts& parts, std::byte* bytes) {
  BlockQ4_K block;
  block.d = parts.d;
  block.dmin = parts.dmin;
  PackScales(parts, block.scales);
  PackKNibbles(parts, block.qs);
  Store(block, bytes);
}

BlockParts UnpackQ5K(const std::byte* bytes) {
  const auto block = Load<BlockQ5_K>(bytes);
  BlockParts parts;
  parts.d = block.d;
  parts.dmin = block.dmin;
  UnpackScales(block.scales, parts);
  UnpackKNibbles(block.qs, parts);
  for (int i = 0; i < 256; ++i) {
    const int high = (block.qh[i % 32] >> (i / 32)) & 1;
    parts.code[i] = static_cast<int16_t>(parts.code[i] | high << 4);
  }
  return parts;
}

void PackQ5K(const BlockParts& parts, std::byte* bytes) {
  BlockQ5_K block;
  block.d = parts.d;
  block.dmin = parts.dmin;
  PackScales(parts, block.scales);
  PackKNibbles(parts, block.qs);
  std::memset(block.qh, 0, sizeof(block.qh));
  for (int i = 0; i < 256; ++i) {
    uint8_t& high = block.qh[i % 32];
    high = static_cast<uint8_t>(high | (parts.code[i] >> 4) << (i / 32));
  }
  Store(block, bytes);
}

// ---- Q6_K: code i of a half lies where q6_k.h says.

struct Q6Place {
  int low, low_shift, high, high_shift;
};

Q6Place Q6PlaceOf(int i) {
  const int half = i / 128, k = i % 128 / 32, l = i % 32;
  return {64 * half + 32 * (k % 2) + l, 4 * (k / 2), 32 * half + l, 2 * k};
}

BlockParts UnpackQ6K(const std::byte* bytes) {
  const auto block = Load<BlockQ6_K>(bytes);
  BlockParts parts;
  parts.d = block.d;
  for (int j = 0; j < 16; ++j) parts.scale[j] = block.scales[j];
  for (int i = 0; i < 256; ++i) {
    const Q6Place at = Q6PlaceOf(i);
    const int low = (block.ql[at.low] >> at.low_shift) & 15;
    const int high = (block.qh[at.high] >> at.high_shift) & 3;
    parts.code[i] = static_cast<int16_t>((low | high << 4) - 32);
  }
  return parts;
}

void PackQ6K(const BlockParts& parts, std::byte* bytes) {
  BlockQ6_K block;
  std::memset(&block, 0, sizeof(block));
  block.d = parts.d;
  for (int j = 0; j < 16; ++j) block.scales[j] = static_cast<int8_t>(parts.scale[j]);
  for (int i = 0; i < 256; ++i) {
    const Q6Place at = Q6PlaceOf(i);
    const int code = parts.code[i] + 32;
    block.ql[at.low] = static_cast<uint8_t>(block.ql[at.low] | (code & 15) << at.low_shift);
    block.qh[at.high] = static_cast<uint8_t>(block.qh[at.high] | (code >> 4) << at.high_shift);
  }
  Store(block, bytes);
}

// ---- Q2_K, Q3_K: the low two bits of code i lie in one bit pair of a byte.

struct BitPair {
  int byte, shift;
};

BitPair BitPairOf(int i) { return {32 * (i / 128) + i % 32, 2 * (i % 128 / 32)}; }

void UnpackBitPairs(const uint8_t* qs, BlockParts& parts) {
  for (int i = 0; i < kMaxBlockElems; ++i) {
    const BitPair at = BitPairOf(i);
    parts.code[i] = (qs[at.byte] >> at.shift) & 3;
  }
}

// `bias` is what the stored code has above parts.code.
void PackBitPairs(const BlockParts& parts, int bias, uint8_t* qs) {
  std::memset(qs, 0, kMaxBlockElems / 4);
  for (int i = 0; i < kMaxBlockElems; ++i) {
    const BitPair at = BitPairOf(i);
    qs[at.byte] = static_cast<uint8_t>(qs[at.byte] | ((parts.code[i] + bias) & 3) << at.shift);
  }
}

BlockParts UnpackQ2K(const std::byte* bytes) {
  const auto block = Load<BlockQ2_K>(bytes);
  BlockParts parts;
  parts.d = block.d;
  parts.dmin = block.dmin;
  for (int j = 0; j < 16; ++j) {
    parts.scale[j] = block.scales[j] & 15;
    parts.minimum[j] = block.scales[j] >> 4;
  }
  UnpackBitPairs(block.qs, parts);
  return parts;
}

void PackQ2K(const BlockParts& parts, std::byte* bytes) {
  BlockQ2_K block;
  block.d = parts.d;
  block.dmin = parts.dmin;
  for (int j = 0; j < 16; ++j) {
    block.scales[j] = static_cast<uint8_t>(parts.scale[j] | parts.minimum[j] << 4);
  }
  PackBitPairs(parts, 0, block.qs);
  Store(block, bytes);
}

BlockParts UnpackQ3K(const std::byte* bytes) {
  const auto block = Load<BlockQ3_K>(bytes);
  BlockParts parts;
  parts.d = block.d;
  for (int j = 0; j < 16; ++j) {
    parts.scale[j] = static_cast<int16_t>(UnpackQ3Scale(block.scales, j) - 32);
  }
  UnpackBitPairs(block.qs, parts);
  for (int i = 0; i < kMaxBlockElems; ++i) {
    const bool high = ((block.hmask[i % 32] >> (i / 32)) & 1) != 0;
    parts.code[i] = static_cast<int16_t>(parts.code[i] - (high ? 0 : 4));
  }
  return parts;
}

void PackQ3K(const BlockParts& parts, std::byte* bytes) {
  BlockQ3_K block;
  std::memset(&block, 0, sizeof(block));
  block.d = parts.d;
  for (int j = 0; j < 16; ++j) {
    const int scale = parts.scale[j] + 32;
    uint8_t& low = block.scales[j % 8];
    low = static_cast<uint8_t>(low | (scale & 15) << (4 * (j / 8)));
    uint8_t& high = block.scales[8 + j % 4];
    high = static_cast<uint8_t>(high | (scale >> 4) << (2 * (j / 4)));
  }
  PackBitPairs(parts, 4, block.qs);
  for (int i = 0; i < kMaxBlockElems; ++i) {
    uint8_t& mask = block.hmask[i % 32];
    mask = static_cast<uint8_t>(mask | (parts.code[i] >= 0 ? 1 : 0) << (i / 32));
  }
  Store(block, bytes);
}

// ---- IQ4_NL, IQ4_XS: a code is a level of the grid.

uint8_t GridIndex(int level) {
  const auto* at = std::lower_bound(std::begin(kIq4Grid), std::end(kIq4Grid), level);
  return static_cast<uint8_t>(at - std::begin(kIq4Grid));
}

void UnpackLevels(const uint8_t* qs, int first, BlockParts& parts) {
  for (int j = 0; j < kSmallBlock / 2; ++j) {
    parts.code[first + j] = kIq4Grid[qs[j] & 15];
    parts.code[first + j + kSmallBlock / 2] = kIq4Grid[qs[j] >> 4];
  }
}

void PackLevels(const BlockParts& parts, int first, uint8_t* qs) {
  for (int j = 0; j < kSmallBlock / 2; ++j) {
    const uint8_t low = GridIndex(parts.code[first + j]);
    const uint8_t high = GridIndex(parts.code[first + j + kSmallBlock / 2]);
    qs[j] = static_cast<uint8_t>(low | high << 4);
  }
}

BlockParts UnpackIQ4XS(const std::byte* bytes) {
  const auto block = Load<BlockIQ4_XS>(bytes);
  BlockParts parts;
  parts.d = block.d;
  for (int s = 0; s < 8; ++s) {
    const int low = (block.scales_l[s / 2] >> (4 * (s % 2))) & 15;
    const int high = (block.scales_h >> (2 * s)) & 3;
    parts.scale[s] = static_cast<int16_t>((low | high << 4) - 32);
    UnpackLevels(block.qs + 16 * s, 32 * s, parts);
  }
  return parts;
}

void PackIQ4XS(const BlockParts& parts, std::byte* bytes) {
  BlockIQ4_XS block;
  std::memset(&block, 0, sizeof(block));
  block.d = parts.d;
  for (int s = 0; s < 8; ++s) {
    const int scale = parts.scale[s] + 32;
    uint8_t& low = block.scales_l[s / 2];
    low = static_cast<uint8_t>(low | (scale & 15) << (4 * (s % 2)));
    block.scales_h = static_cast<uint16_t>(block.scales_h | (scale >> 4) << (2 * s));
    PackLevels(parts, 32 * s, block.qs + 16 * s);
  }
  Store(block, bytes);
}

// ---- Blocks of 32: one scale; Q4_1 and Q5_1 add m, which is -dmin here.

void UnpackNibbles(const uint8_t* qs, int bias, BlockParts& parts) {
  for (int i = 0; i < kSmallBlock / 2; ++i) {
    parts.code[i] = static_cast<int16_t>((qs[i] & 15) - bias);
    parts.code[i + kSmallBlock / 2] = static_cast<int16_t>((qs[i] >> 4) - bias);
  }
}

void PackNibbles(const BlockParts& parts, int bias, uint8_t* qs) {
  for (int i = 0; i < kSmallBlock / 2; ++i) {
    const int low = parts.code[i] + bias, high = parts.code[i + kSmallBlock / 2] + bias;
    qs[i] = static_cast<uint8_t>((low & 15) | (high & 15) << 4);
  }
}

void AddFifthBits(const uint8_t* qh, BlockParts& parts) {
  for (int i = 0; i < kSmallBlock; ++i) {
    parts.code[i] = static_cast<int16_t>(parts.code[i] + 16 * ((qh[i / 8] >> (i % 8)) & 1));
  }
}

void PackFifthBits(const BlockParts& parts, int bias, uint8_t* qh) {
  std::memset(qh, 0, kSmallBlock / 8);
  for (int i = 0; i < kSmallBlock; ++i) {
    qh[i / 8] = static_cast<uint8_t>(qh[i / 8] | (((parts.code[i] + bias) >> 4) & 1) << (i % 8));
  }
}

BlockParts UnpackSmall(BlockType type, const std::byte* bytes) {
  BlockParts parts;
  parts.scale[0] = 1;
  if (type == BlockType::kQ8_0) {
    const auto block = Load<BlockQ8_0>(bytes);
    parts.d = block.d;
    for (int i = 0; i < kSmallBlock; ++i) parts.code[i] = block.qs[i];
  } else if (type == BlockType::kQ4_0) {
    const auto block = Load<BlockQ4_0>(bytes);
    parts.d = block.d;
    UnpackNibbles(block.qs, 8, parts);
  } else if (type == BlockType::kIQ4_NL) {
    const auto block = Load<BlockIQ4_NL>(bytes);
    parts.d = block.d;
    UnpackLevels(block.qs, 0, parts);
  } else if (type == BlockType::kQ5_0) {
    const auto block = Load<BlockQ5_0>(bytes);
    parts.d = block.d;
    UnpackNibbles(block.qs, 16, parts);
    AddFifthBits(block.qh, parts);
  } else if (type == BlockType::kQ4_1) {
    const auto block = Load<BlockQ4_1>(bytes);
    parts.d = block.d;
    parts.dmin = block.m ^ kFp16SignBit;
    parts.minimum[0] = 1;
    UnpackNibbles(block.qs, 0, parts);
  } else {
    const auto block = Load<BlockQ5_1>(bytes);
    parts.d = block.d;
    parts.dmin = block.m ^ kFp16SignBit;
    parts.minimum[0] = 1;
    UnpackNibbles(block.qs, 0, parts);
    AddFifthBits(block.qh, parts);
  }
  return parts;
}

void PackSmall(BlockType type, const BlockParts& parts, std::byte* bytes) {
  if (type == BlockType::kQ8_0) {
    BlockQ8_0 block;
    block.d = parts.d;
    for (int i = 0; i < kSmallBlock; ++i) block.qs[i] = static_cast<int8_t>(parts.code[i]);
    Store(block, bytes);
  } else if (type == BlockType::kQ4_0) {
    BlockQ4_0 block;
    block.d = parts.d;
    PackNibbles(parts, 8, block.qs);
    Store(block, bytes);
  } else if (type == BlockType::kIQ4_NL) {
    BlockIQ4_NL block;
    block.d = parts.d;
    PackLevels(parts, 0, block.qs);
    Store(block, bytes);
  } else if (type == BlockType::kQ5_0) {
    BlockQ5_0 block;
    block.d = parts.d;
    PackNibbles(parts, 16, block.qs);
    PackFifthBits(parts, 16, block.qh);
    Store(block, bytes);
  } else if (type == BlockType::kQ4_1) {
    BlockQ4_1 block;
    block.d = parts.d;
    block.m = parts.dmin ^ kFp16SignBit;
    PackNibbles(parts, 0, block.qs);
    Store(block, bytes);
  } else {
    BlockQ5_1 block;
    block.d = parts.d;
    block.m = parts.dmin ^ kFp16SignBit;
    PackNibbles(parts, 0, block.qs);
    PackFifthBits(parts, 0, block.qh);
    Store(block, bytes);
  }
}

}  // namespace

int PartsTraits::NearestCode(float value) const {
  if (levels == nullptr) return static_cast<int>(std::nearbyint(value));
  const int8_t* above = std::lower_bound(levels, levels + level_count, value);
  if (above == levels) return *above;
  if (above == levels + level_count) return above[-1];
  const float middle = 0.5f * static_cast<float>(above[-1] + above[0]);
  return value > middle ? above[0] : above[-1];
}

const PartsTraits* FindPartsTraits(BlockType type) {
  static constexpr PartsTraits kQ2K = {256, 16, 0, 3, 0, 15, 0, 15, true};
  static constexpr PartsTraits kQ3K = {256, 16, -4, 3, -32, 31, 0, 0, false};
  static constexpr PartsTraits kQ4K = {256, 32, 0, 15, 0, 63, 0, 63, true};
  static constexpr PartsTraits kQ5K = {256, 32, 0, 31, 0, 63, 0, 63, true};
  static constexpr PartsTraits kQ6K = {256, 16, -32, 31, -128, 127, 0, 0, false};
  static constexpr PartsTraits kQ80 = {32, 32, -127, 127, 1, 1, 0, 0, false};
  static constexpr PartsTraits kQ40 = {32, 32, -8, 7, 1, 1, 0, 0, false};
  static constexpr PartsTraits kQ50 = {32, 32, -16, 15, 1, 1, 0, 0, false};
  static constexpr PartsTraits kQ41 = {32, 32, 0, 15, 1, 1, 1, 1, true};
  static constexpr PartsTraits kQ51 = {32, 32, 0, 31, 1, 1, 1, 1, true};
  static constexpr PartsTraits kIQ4NL = {32, 32, -127, 113, 1, 1, 0, 0, false, kIq4Grid, 16};
  static constexpr PartsTraits kIQ4XS = {256, 32, -127, 113, -32, 31, 0, 0, false, kIq4Grid, 16};
  switch (type) {
    case BlockType::kQ2_K:
      return &kQ2K;
    case BlockType::kQ3_K:
      return &kQ3K;
    case BlockType::kQ4_K:
      return &kQ4K;
    case BlockType::kQ5_K:
      return &kQ5K;
    case BlockType::kQ6_K:
      return &kQ6K;
    case BlockType::kQ8_0:
      return &kQ80;
    case BlockType::kQ4_0:
      return &kQ40;
    case BlockType::kQ5_0:
      return &kQ50;
    case BlockType::kQ4_1:
      return &kQ41;
    case BlockType::kQ5_1:
      return &kQ51;
    case BlockType::kIQ4_NL:
      return &kIQ4NL;
    case BlockType::kIQ4_XS:
      return &kIQ4XS;
    default:
      return nullptr;
  }
}

BlockParts UnpackBlock(BlockType type, const std::byte* block) {
  DRAGOMAN_CHECK(FindPartsTraits(type) != nullptr);
  if (type == BlockType::kQ2_K) return UnpackQ2K(block);
  if (type == BlockType::kQ3_K) return UnpackQ3K(block);
  if (type == BlockType::kQ4_K) return UnpackQ4K(block);
  if (type == BlockType::kQ5_K) return UnpackQ5K(block);
  if (type == BlockType::kQ6_K) return UnpackQ6K(block);
  if (type == BlockType::kIQ4_XS) return UnpackIQ4XS(block);
  return UnpackSmall(type, block);
}

void PackBlock(BlockType type, const BlockParts& parts, std::byte* block) {
  DRAGOMAN_CHECK(FindPartsTraits(type) != nullptr);
  if (type == BlockType::kQ2_K) return PackQ2K(parts, block);
  if (type == BlockType::kQ3_K) return PackQ3K(parts, block);
  if (type == BlockType::kQ4_K) return PackQ4K(parts, block);
  if (type == BlockType::kQ5_K) return PackQ5K(parts, block);
  if (type == BlockType::kQ6_K) return PackQ6K(parts, block);
  if (type == BlockType::kIQ4_XS) return PackIQ4XS(parts, block);
  PackSmall(type, parts, block);
}

}  // namespace dragoman
