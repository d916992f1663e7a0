#include <gtest/gtest.h>

#include <bit>
#include <cstring>
#include <string>
#include <vector>

#include "base/float16.h"
#include "base/random.h"
#include "base/sha256.h"
#include "blocks/block_type.h"
#include "blocks/iq4_nl.h"
#include "blocks/k_scales.h"
#include "blocks/q4_k.h"
#include "blocks/q8_0.h"

namespace dragoman {
namespace {

// `count` blocks of random bytes whose fp16 factors are finite (below 2, subnormals included).
std::vector<std::byte> RandomBlocks(const BlockTraits& traits, int count, uint64_t seed) {
  Random random(seed);
  std::vector<std::byte> bytes(static_cast<size_t>(count) * traits.block_bytes);
  for (std::byte& byte : bytes) byte = static_cast<std::byte>(random.Next() >> 56);
  for (size_t block = 0; block < bytes.size(); block += traits.block_bytes) {
    for (uint32_t f = 0; f < traits.factor_count; ++f) {
      bytes[block + traits.factor_offsets_bytes[f] + 1] &= std::byte{0xbf};
    }
  }
  return bytes;
}

std::string DecodedDigest(const BlockTraits& traits, const std::byte* blocks, int count) {
  std::vector<float> out(static_cast<size_t>(count) * traits.block_elems);
  traits.decode(blocks, static_cast<int64_t>(out.size()), out.data());
  Sha256 digest;
  digest.Update(std::as_bytes(std::span(out)));
  return digest.HexDigest();
}

// SHA-256 of the float32 that ggml's dequantize_row_* (release 0.5.0 of llama.cpp) makes of
// RandomBlocks(type, 64, 100 + id).
struct Golden {
  const char* name;
  const char* sha256;
};
class DecodeGolden : public testing::TestWithParam<Golden> {};

TEST_P(DecodeGolden, EqualsGgmlToTheLastBit) {
  const auto type = ParseBlockType(GetParam().name);
  ASSERT_TRUE(type.has_value());
  const BlockTraits& traits = TraitsOf(*type);
  const auto blocks = RandomBlocks(traits, 64, 100 + static_cast<uint64_t>(*type));
  EXPECT_EQ(DecodedDigest(traits, blocks.data(), 64), GetParam().sha256);
  // Decoders promise to take any alignment.
  std::vector<std::byte> shifted(blocks.size() + 1);
  std::memcpy(shifted.data() + 1, blocks.data(), blocks.size());
  EXPECT_EQ(DecodedDigest(traits, shifted.data() + 1, 64), GetParam().sha256);
}

INSTANTIATE_TEST_SUITE_P(
    Types, DecodeGolden,
    testing::Values(
        Golden{"Q4_0", "a82daa25367e13d8c08f8268e169e13b9e4c03a9d283e6fa50a4de7292b073a5"},
        Golden{"Q4_1", "5cce73498ea836035dbc50eea2e72dd1274158e7175bc9ce99c0c36bc582cf1a"},
        Golden{"Q5_0", "fda26f41a7685a6f2e552265a72f5a482c96aae264d63604d7cb7d8e4e57f117"},
        Golden{"Q5_1", "d7a5b7f284b8e1026f8d170b42d89e944d7355e08255e63fd586d190ff825801"},
        Golden{"Q8_0", "bb36cf27d7d603dee83cd5149df611fd7e91054ce37ab2bbfb57b5afd335ef8f"},
        Golden{"Q2_K", "6721b6d6c6b2ca2933d044b2cd6f9ed54fdd325682746b00e7e3746b364600df"},
        Golden{"Q3_K", "d4a7c0c134211df97cb233c16e57c85f29212c6cca6ba45a91c6ea3d44d03ec6"},
        Golden{"Q4_K", "ce476b12b7feea3c1ffd3435da0d424dd10fe9df7738defa2f86998b439bf2ab"},
        Golden{"Q5_K", "da43f01dc3a11c53d0117a04d4b15e5f1b3e119f9987a93256989c59332fdd37"},
        Golden{"Q6_K", "0f29fbe16a754093b1a17a2a02c253a7dafdbb2f55dfd86fc86d30f662030ff1"},
        Golden{"IQ4_NL", "d49d63eb0bf7a129340ab144a9bdaecf71025d2242517b86e33688052ff3a727"},
        Golden{"IQ4_XS", "6547bed986cd4d1435cbb404acac505f400b99e60b9c75a208b95105657bb36a"}),
    [](const testing::TestParamInfo<Golden>& param) { return std::string(param.param.name); });

TEST(BlockTraits, SizesAreThoseOfTheFormat) {
  struct Expected {
    BlockType type;
    uint32_t elems, bytes;
  };
  const Expected kExpected[] = {
      {BlockType::kF32, 1, 4},      {BlockType::kF16, 1, 2},        {BlockType::kQ4_0, 32, 18},
      {BlockType::kQ4_1, 32, 20},   {BlockType::kQ5_0, 32, 22},     {BlockType::kQ5_1, 32, 24},
      {BlockType::kQ8_0, 32, 34},   {BlockType::kQ2_K, 256, 84},    {BlockType::kQ3_K, 256, 110},
      {BlockType::kQ4_K, 256, 144}, {BlockType::kQ5_K, 256, 176},   {BlockType::kQ6_K, 256, 210},
      {BlockType::kIQ4_NL, 32, 18}, {BlockType::kIQ4_XS, 256, 136}, {BlockType::kI8, 1, 1},
      {BlockType::kI16, 1, 2},      {BlockType::kI32, 1, 4},        {BlockType::kI64, 1, 8},
      {BlockType::kF64, 1, 8},      {BlockType::kBF16, 1, 2},
  };
  EXPECT_EQ(AllBlockTraits().size(), std::size(kExpected));
  for (const Expected& expected : kExpected) {
    const BlockTraits& traits = TraitsOf(expected.type);
    EXPECT_EQ(traits.block_elems, expected.elems) << traits.name;
    EXPECT_EQ(traits.block_bytes, expected.bytes) << traits.name;
    EXPECT_EQ(traits.is_quantized, expected.elems > 1) << traits.name;
    EXPECT_EQ(FindBlockTraits(static_cast<uint32_t>(expected.type)), &traits);
    EXPECT_EQ(ParseBlockType(traits.name), expected.type);
    EXPECT_LE(traits.factor_count, 2u);
    EXPECT_EQ(traits.factor_count > 0, traits.is_quantized) << traits.name;
    for (uint32_t f = 0; f < traits.factor_count; ++f) {
      EXPECT_LE(traits.factor_offsets_bytes[f] + 2u, traits.block_bytes) << traits.name;
    }
  }
}

TEST(BlockTraits, UnknownIdsAndNames) {
  for (uint32_t id : {4u, 5u, 9u, 15u, 16u, 31u, 39u, 1000u, 0xffffffffu}) {
    EXPECT_EQ(FindBlockTraits(id), nullptr) << id;
  }
  EXPECT_EQ(ParseBlockType("q4_k"), BlockType::kQ4_K);
  EXPECT_EQ(ParseBlockType("bf16"), BlockType::kBF16);
  EXPECT_FALSE(ParseBlockType("").has_value());
  EXPECT_FALSE(ParseBlockType("Q4_KX").has_value());
}

TEST(TensorBytes, CountsWholeBlocksAndNoticesOverflow) {
  EXPECT_EQ(TensorBytes(BlockType::kQ4_K, 10240, 2560), 10240ull * 10 * 144);
  EXPECT_EQ(TensorBytes(BlockType::kF32, 1, 2560), 10240u);
  EXPECT_EQ(TensorBytes(BlockType::kQ6_K, 3, 100), std::nullopt);
  EXPECT_EQ(TensorBytes(BlockType::kQ8_0, 0, 32), 0u);
  EXPECT_EQ(TensorBytes(BlockType::kF32, uint64_t{1} << 33, uint64_t{1} << 33), std::nullopt);
  EXPECT_EQ(TensorBytes(BlockType::kF32, 1, uint64_t{1} << 62), std::nullopt);
}

TEST(Decode, Q8_0ByHand) {
  BlockQ8_0 block{};
  block.d = FloatToFp16(0.5f);
  block.qs[0] = -127;
  block.qs[31] = 3;
  float out[32];
  DecodeQ8_0(reinterpret_cast<const std::byte*>(&block), 32, out);
  EXPECT_EQ(out[0], -63.5f);
  EXPECT_EQ(out[1], 0.0f);
  EXPECT_EQ(out[31], 1.5f);
}

TEST(Decode, Q4_KByHand) {
  BlockQ4_K block{};
  block.d = FloatToFp16(1.0f);
  block.dmin = FloatToFp16(0.5f);
  block.scales[1] = 2;      // scale of sub-block 1
  block.scales[5] = 6;      // minimum of sub-block 1
  block.scales[0] = 0xc0;   // high bits of scale 4: 48
  block.scales[8] = 0x35;   // low nibbles: scale 4 is 48 + 5, minimum 4 is 3
  block.qs[4] = 0x70;       // weight 32 + 4: q 7
  block.qs[64 + 9] = 0x0a;  // weight 128 + 9: q 10
  float out[256];
  DecodeQ4_K(reinterpret_cast<const std::byte*>(&block), 256, out);
  EXPECT_EQ(out[32 + 4], 2.0f * 7 - 3.0f);
  EXPECT_EQ(out[33], -3.0f);
  EXPECT_EQ(out[128 + 9], 53.0f * 10 - 1.5f);
}

TEST(KScales, EveryPositionRoundTrips) {
  uint8_t packed[12] = {};
  for (int j = 0; j < 8; ++j) {
    const uint8_t scale = static_cast<uint8_t>(61 - 7 * j), min = static_cast<uint8_t>(9 * j + 0);
    if (j < 4) {
      packed[j] |= scale;
      packed[j + 4] |= min;
    } else {
      packed[j + 4] = static_cast<uint8_t>((scale & 15) | (min & 15) << 4);
      packed[j - 4] |= static_cast<uint8_t>(scale >> 4 << 6);
      packed[j] |= static_cast<uint8_t>(min >> 4 << 6);
    }
  }
  for (int j = 0; j < 8; ++j) {
    EXPECT_EQ(UnpackScaleMin(packed, j).scale, 61 - 7 * j) << j;
    EXPECT_EQ(UnpackScaleMin(packed, j).min, 9 * j) << j;
  }
}

TEST(Decode, PlainFloatsKeepSpecialValues) {
  const uint16_t bits[] = {0x7f80, 0x3f80, 0x0001};
  float out[3];
  TraitsOf(BlockType::kBF16).decode(reinterpret_cast<const std::byte*>(bits), 3, out);
  EXPECT_EQ(out[0], std::numeric_limits<float>::infinity());
  EXPECT_EQ(out[1], 1.0f);
  EXPECT_EQ(std::bit_cast<uint32_t>(out[2]), 0x10000u);
}

}  // namespace
}  // namespace dragoman
