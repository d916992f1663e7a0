#include "quantize/block_parts.h"

#include <cstring>

#include "dragoman/result.h"
#include "blocks/k_scales.h"
#include "blocks/q4_0.h"
#include "blocks/q4_1.h"
#include "blocks/q4_k.h"
#include "blocks/q5_0.h"
#include "blocks/q5_1.h"
#include "blocks/q5_k.h"
#include "blocks/q6_k.h"
#include "blocks/q8_0.h"

namespace dragoman {
namespace {

constexpr int kSmallBlock = 32;
constexpr uint16_t kSignBit = 0x8000;

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
    qh[i / 8] =
        static_cast<uint8_t>(qh[i / 8] | (((parts.code[i] + bias) >> 4) & 1) << (i % 8));
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
  } else if (type == BlockType::kQ5_0) {
    const auto block = Load<BlockQ5_0>(bytes);
    parts.d = block.d;
    UnpackNibbles(block.qs, 16, parts);
    AddFifthBits(block.qh, parts);
  } else if (type == BlockType::kQ4_1) {
    const auto block = Load<BlockQ4_1>(bytes);
    parts.d = block.d;
    parts.dmin = block.m ^ kSignBit;
    parts.minimum[0] = 1;
    UnpackNibbles(block.qs, 0, parts);
  } else {
    const auto block = Load<BlockQ5_1>(bytes);
    parts.d = block.d;
    parts.dmin = block.m ^ kSignBit;
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
  } else if (type == BlockType::kQ5_0) {
    BlockQ5_0 block;
    block.d = parts.d;
    PackNibbles(parts, 16, block.qs);
    PackFifthBits(parts, 16, block.qh);
    Store(block, bytes);
  } else if (type == BlockType::kQ4_1) {
    BlockQ4_1 block;
    block.d = parts.d;
    block.m = parts.dmin ^ kSignBit;
    PackNibbles(parts, 0, block.qs);
    Store(block, bytes);
  } else {
    BlockQ5_1 block;
    block.d = parts.d;
    block.m = parts.dmin ^ kSignBit;
    PackNibbles(parts, 0, block.qs);
    PackFifthBits(parts, 0, block.qh);
    Store(block, bytes);
  }
}

}  // namespace

const PartsTraits* FindPartsTraits(BlockType type) {
  static constexpr PartsTraits kQ4K = {256, 32, 0, 15, 0, 63, 0, 63, true};
  static constexpr PartsTraits kQ5K = {256, 32, 0, 31, 0, 63, 0, 63, true};
  static constexpr PartsTraits kQ6K = {256, 16, -32, 31, -128, 127, 0, 0, false};
  static constexpr PartsTraits kQ80 = {32, 32, -127, 127, 1, 1, 0, 0, false};
  static constexpr PartsTraits kQ40 = {32, 32, -8, 7, 1, 1, 0, 0, false};
  static constexpr PartsTraits kQ50 = {32, 32, -16, 15, 1, 1, 0, 0, false};
  static constexpr PartsTraits kQ41 = {32, 32, 0, 15, 1, 1, 1, 1, true};
  static constexpr PartsTraits kQ51 = {32, 32, 0, 31, 1, 1, 1, 1, true};
  switch (type) {
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
    default:
      return nullptr;
  }
}

BlockParts UnpackBlock(BlockType type, const std::byte* block) {
  DRAGOMAN_CHECK(FindPartsTraits(type) != nullptr);
  if (type == BlockType::kQ4_K) return UnpackQ4K(block);
  if (type == BlockType::kQ5_K) return UnpackQ5K(block);
  if (type == BlockType::kQ6_K) return UnpackQ6K(block);
  return UnpackSmall(type, block);
}

void PackBlock(BlockType type, const BlockParts& parts, std::byte* block) {
  DRAGOMAN_CHECK(FindPartsTraits(type) != nullptr);
  if (type == BlockType::kQ4_K) return PackQ4K(parts, block);
  if (type == BlockType::kQ5_K) return PackQ5K(parts, block);
  if (type == BlockType::kQ6_K) return PackQ6K(parts, block);
  PackSmall(type, parts, block);
}

}  // namespace dragoman
