#include <gtest/gtest.h>

#include <cstring>

#include "base/float16.h"
#include "base/random.h"
#include "formats/checkpoint.h"

namespace dragoman {
namespace {

struct Plain {
  BlockType type;
  uint64_t infinity, nan, largest_finite;
};
class ScanFinitePlain : public testing::TestWithParam<Plain> {};

// Every length around the vector widths, every position of the one bad value, both signs, any
// alignment.
TEST_P(ScanFinitePlain, FindsEveryBadValueAndNoOther) {
  const Plain& plain = GetParam();
  const size_t elem_bytes = TraitsOf(plain.type).block_bytes;
  const uint64_t sign = uint64_t{1} << (elem_bytes * 8 - 1);
  for (size_t elems : {1, 2, 31, 32, 33, 257, 700}) {
    for (size_t shift : {size_t{0}, elem_bytes, size_t{1}}) {
      std::vector<std::byte> memory(elems * elem_bytes + shift + 8);
      const std::span bytes = std::span(memory).subspan(shift, elems * elem_bytes);
      const auto set = [&](size_t i, uint64_t bits) {
        std::memcpy(bytes.data() + i * elem_bytes, &bits, elem_bytes);
      };
      for (size_t i = 0; i < elems; ++i) set(i, plain.largest_finite | (i % 2 == 0 ? 0 : sign));
      FiniteScan scan = ScanFinite(plain.type, bytes);
      ASSERT_EQ(scan.nan_count + scan.inf_count, 0u);
      for (size_t i = 0; i < elems; i += 1 + elems / 40) {
        set(i, plain.infinity | sign);
        scan = ScanFinite(plain.type, bytes);
        ASSERT_EQ(scan.inf_count, 1u) << i << " of " << elems;
        ASSERT_EQ(scan.nan_count, 0u);
        ASSERT_EQ(scan.first_bad_elem, i);
        set(i, plain.nan);
        scan = ScanFinite(plain.type, bytes);
        ASSERT_EQ(scan.nan_count, 1u);
        ASSERT_EQ(scan.inf_count, 0u);
        ASSERT_EQ(scan.first_bad_elem, i);
        set(i, 0);
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Types, ScanFinitePlain,
                         testing::Values(Plain{BlockType::kBF16, 0x7f80, 0x7f81, 0x7f7f},
                                         Plain{BlockType::kF16, 0x7c00, 0x7e00, 0x7bff},
                                         Plain{BlockType::kF32, 0x7f800000, 0xffc00000, 0x7f7fffff},
                                         Plain{BlockType::kF64, 0x7ff0000000000000,
                                               0x7ff8000000000000, 0x7fefffffffffffff}),
                         [](const testing::TestParamInfo<Plain>& param) {
                           return std::string(TraitsOf(param.param.type).name);
                         });

TEST(ScanFinite, CountsAcrossStretchesAndReportsTheFirst) {
  std::vector<float> values(100000, 1.0f);
  values[70000] = std::numeric_limits<float>::quiet_NaN();
  values[20000] = std::numeric_limits<float>::infinity();
  values[99999] = -std::numeric_limits<float>::infinity();
  const FiniteScan scan = ScanFinite(BlockType::kF32, std::as_bytes(std::span(values)));
  EXPECT_EQ(scan.nan_count, 1u);
  EXPECT_EQ(scan.inf_count, 2u);
  EXPECT_EQ(scan.first_bad_elem, 20000u);
}

TEST(ScanFinite, LooksAtEveryFactorOfABlock) {
  for (const BlockTraits& traits : AllBlockTraits()) {
    if (!traits.is_quantized) continue;
    for (uint32_t f = 0; f < traits.factor_count; ++f) {
      // All other bytes say "infinity" wherever they would be misread as a factor.
      std::vector<std::byte> blocks(3 * traits.block_bytes, std::byte{0x7c});
      const auto set = [&](size_t block, uint32_t factor, uint16_t bits) {
        std::memcpy(&blocks[block * traits.block_bytes + traits.factor_offsets_bytes[factor]],
                    &bits, 2);
      };
      for (size_t block = 0; block < 3; ++block) {
        for (uint32_t g = 0; g < traits.factor_count; ++g) set(block, g, 0x3c00);
      }
      EXPECT_EQ(ScanFinite(traits.type, blocks).inf_count, 0u) << traits.name;
      set(1, f, 0xfc00);
      set(2, f, 0x7c01);
      const FiniteScan scan = ScanFinite(traits.type, blocks);
      EXPECT_EQ(scan.inf_count, 1u) << traits.name;
      EXPECT_EQ(scan.nan_count, 1u) << traits.name;
      EXPECT_EQ(scan.first_bad_elem, traits.block_elems) << traits.name;
    }
  }
}

TEST(ScanFinite, IntegersAreAlwaysFinite) {
  const std::vector<std::byte> bytes(64, std::byte{0xff});
  for (BlockType type : {BlockType::kI8, BlockType::kI16, BlockType::kI32, BlockType::kI64}) {
    EXPECT_EQ(ScanFinite(type, bytes).nan_count, 0u);
  }
  EXPECT_EQ(ScanFinite(BlockType::kBF16, {}).nan_count, 0u);
}

}  // namespace
}  // namespace dragoman
