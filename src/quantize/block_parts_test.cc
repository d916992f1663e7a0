#include "quantize/block_parts.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

namespace dragoman {
namespace {

std::vector<BlockType> TypesWithParts() {
  std::vector<BlockType> types;
  for (const BlockTraits& traits : AllBlockTraits()) {
    if (FindPartsTraits(traits.type) != nullptr) types.push_back(traits.type);
  }
  return types;
}

// Any bytes are a block; only the fp16 factors are made small finite numbers.
std::vector<std::byte> RandomBlock(const BlockTraits& traits, std::mt19937& random) {
  std::vector<std::byte> block(traits.block_bytes);
  for (std::byte& byte : block) byte = static_cast<std::byte>(random() & 255);
  for (uint32_t i = 0; i < traits.factor_count; ++i) {
    block[traits.factor_offsets_bytes[i] + 1u] &= std::byte{0xbb};  // exponent below 15
  }
  return block;
}

TEST(BlockParts, CoverTheTypesThatErrorFeedbackNeeds) {
  EXPECT_GE(TypesWithParts().size(), 12u);
  EXPECT_EQ(FindPartsTraits(BlockType::kF16), nullptr);
}

TEST(BlockParts, PackingGivesTheSameBytesBack) {
  std::mt19937 random(1);
  for (const BlockType type : TypesWithParts()) {
    for (int round = 0; round < 50; ++round) {
      const auto block = RandomBlock(TraitsOf(type), random);
      std::vector<std::byte> packed(block.size());
      PackBlock(type, UnpackBlock(type, block.data()), packed.data());
      ASSERT_EQ(packed, block) << TraitsOf(type).name;
    }
  }
}

TEST(BlockParts, StandForTheValuesThatTheDecoderGives) {
  std::mt19937 random(2);
  for (const BlockType type : TypesWithParts()) {
    const PartsTraits& traits = *FindPartsTraits(type);
    ASSERT_EQ(static_cast<uint32_t>(traits.elems), TraitsOf(type).block_elems);
    const auto block = RandomBlock(TraitsOf(type), random);
    const BlockParts parts = UnpackBlock(type, block.data());
    std::vector<float> decoded(static_cast<size_t>(traits.elems));
    TraitsOf(type).decode(block.data(), traits.elems, decoded.data());
    for (int i = 0; i < traits.elems; ++i) {
      const int sub = i / traits.sub_elems;
      const float value = parts.step(sub) * static_cast<float>(parts.code[i]) - parts.offset(sub);
      const float expected = decoded[static_cast<size_t>(i)];
      EXPECT_NEAR(value, expected, 1e-6f * std::max(1.0f, std::abs(expected)))
          << TraitsOf(type).name << " element " << i;
    }
  }
}

TEST(BlockParts, TheNearestCodeIsThatOfAllCodes) {
  for (const BlockType type : TypesWithParts()) {
    const PartsTraits& traits = *FindPartsTraits(type);
    std::vector<int> codes(traits.levels, traits.levels + traits.level_count);
    for (int code = traits.code_low; traits.levels == nullptr && code <= traits.code_high; ++code) {
      codes.push_back(code);
    }
    const auto low = static_cast<float>(traits.code_low),
               high = static_cast<float>(traits.code_high);
    for (int step = 0; step <= 1000; ++step) {
      const float value = low + (high - low) * static_cast<float>(step) / 1000;
      const auto distance = [&](int code) { return std::abs(value - static_cast<float>(code)); };
      const int nearest = *std::min_element(
          codes.begin(), codes.end(), [&](int a, int b) { return distance(a) < distance(b); });
      const int found = traits.NearestCode(value);
      EXPECT_NE(std::find(codes.begin(), codes.end(), found), codes.end())
          << TraitsOf(type).name << " " << value;
      EXPECT_EQ(distance(found), distance(nearest)) << TraitsOf(type).name << " " << value;
    }
  }
}

}  // namespace
}  // namespace dragoman
