// What the row quantizers promise of their result: small error, importance respected, nothing that
// is not finite.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "base/random.h"
#include "blocks/block_type.h"
#include "quantize/quantize.h"

namespace dragoman {
namespace {

constexpr BlockType kTypes[] = {BlockType::kQ2_K,   BlockType::kQ3_K, BlockType::kIQ4_XS,
                                BlockType::kIQ4_NL, BlockType::kQ4_K, BlockType::kQ5_K,
                                BlockType::kQ6_K,   BlockType::kQ8_0, BlockType::kQ4_0,
                                BlockType::kQ4_1,   BlockType::kQ5_0, BlockType::kQ5_1};

std::vector<float> NormalRows(int64_t count, float scale, uint64_t seed) {
  Random random(seed);
  std::vector<float> values(static_cast<size_t>(count));
  for (float& value : values) value = scale * static_cast<float>(random.Normal());
  return values;
}

std::vector<float> RoundTrip(BlockType type, const std::vector<float>& values, int64_t cols,
                             const std::vector<float>& importance = {}) {
  const int64_t rows = static_cast<int64_t>(values.size()) / cols;
  std::vector<std::byte> blocks(
      *TensorBytes(type, static_cast<uint64_t>(rows), static_cast<uint64_t>(cols)));
  QuantizeRows(type, values.data(), rows, cols, importance, blocks.data());
  std::vector<float> decoded(values.size());
  TraitsOf(type).decode(blocks.data(), rows * cols, decoded.data());
  return decoded;
}

double Error(const std::vector<float>& a, const std::vector<float>& b,
             const std::vector<float>& weights = {}) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    const double rest = static_cast<double>(a[i]) - b[i];
    sum += rest * rest * (weights.empty() ? 1.0 : weights[i % weights.size()]);
  }
  return sum;
}

// Rounding to `levels` values between the extremes of each group, with exact scales: what a format
// could do without any search if its scales cost nothing.
double NaiveError(const std::vector<float>& values, size_t group, int levels) {
  double sum = 0;
  for (size_t first = 0; first < values.size(); first += group) {
    const auto begin = values.begin() + static_cast<int64_t>(first);
    const auto [low, high] = std::minmax_element(begin, begin + static_cast<int64_t>(group));
    const double from = std::min(0.0f, *low), step = (std::max(0.0f, *high) - from) / (levels - 1);
    for (size_t i = first; i < first + group; ++i) {
      const double rest = values[i] - (from + step * std::round((values[i] - from) / step));
      sum += rest * rest;
    }
  }
  return sum;
}

TEST(QuantizeRows, BeatsNaiveRoundingBetweenTheExtremes) {
  struct Case {
    BlockType type;
    size_t group;
    int levels;
  };
  const Case cases[] = {{BlockType::kQ2_K, 16, 4},  {BlockType::kQ3_K, 16, 8},
                        {BlockType::kQ4_K, 32, 16}, {BlockType::kQ5_K, 32, 32},
                        {BlockType::kQ6_K, 16, 64}, {BlockType::kQ4_1, 32, 16},
                        {BlockType::kQ5_1, 32, 32}};
  for (const float scale : {1e-3f, 0.03f, 1.0f, 300.0f}) {
    const std::vector<float> values = NormalRows(64 * 512, scale, 11);
    for (const Case& c : cases) {
      const double error = Error(values, RoundTrip(c.type, values, 512));
      // A symmetric code wastes the shorter side of the range, so those types are compared with
      // what their range allows.
      const bool symmetric = c.type == BlockType::kQ3_K || c.type == BlockType::kQ6_K;
      const double slack = symmetric ? 1.2 : 0.87;
      EXPECT_LT(error, slack * NaiveError(values, c.group, c.levels))
          << TraitsOf(c.type).name << " " << scale;
    }
  }
}

TEST(QuantizeRows, ErrorFallsWithTheBits) {
  const std::vector<float> values = NormalRows(64 * 512, 0.05f, 12);
  double power = 0;
  for (float value : values) power += static_cast<double>(value) * value;
  // Relative mean squared error of a normal distribution, measured; a loss of a twentieth shows.
  const std::pair<BlockType, double> limits[] = {
      {BlockType::kQ2_K, 0.07},     {BlockType::kQ3_K, 0.0212},   {BlockType::kIQ4_XS, 0.0056},
      {BlockType::kIQ4_NL, 0.0055}, {BlockType::kQ4_K, 0.0049},   {BlockType::kQ5_K, 0.0012},
      {BlockType::kQ6_K, 0.000295}, {BlockType::kQ8_0, 0.0000295}};
  for (const auto& [type, limit] : limits) {
    const double relative = Error(values, RoundTrip(type, values, 512)) / power;
    EXPECT_LT(relative, limit) << TraitsOf(type).name;
    EXPECT_GT(relative, limit / 3) << TraitsOf(type).name << ": too good to be true";
  }
}

TEST(QuantizeRows, ImportanceLowersTheWeightedError) {
  const std::vector<float> values = NormalRows(64 * 512, 0.05f, 13);
  std::vector<float> importance(512);
  Random random(5);
  for (float& moment : importance) moment = static_cast<float>(std::exp(1.5 * random.Normal()));
  for (const BlockType type :
       {BlockType::kQ2_K, BlockType::kQ3_K, BlockType::kIQ4_XS, BlockType::kIQ4_NL,
        BlockType::kQ4_K, BlockType::kQ5_K, BlockType::kQ6_K, BlockType::kQ4_0, BlockType::kQ5_0,
        BlockType::kQ5_1}) {
    const auto plain = RoundTrip(type, values, 512),
               weighted = RoundTrip(type, values, 512, importance);
    EXPECT_LT(Error(values, weighted, importance), 0.76 * Error(values, plain, importance))
        << TraitsOf(type).name;
    EXPECT_LT(Error(values, plain), Error(values, weighted)) << TraitsOf(type).name;
  }
}

TEST(QuantizeRows, EqualImportanceChangesNothing) {
  const std::vector<float> values = NormalRows(8 * 512, 0.05f, 14);
  for (const BlockType type : kTypes) {
    EXPECT_EQ(RoundTrip(type, values, 512),
              RoundTrip(type, values, 512, std::vector<float>(512, 3.0f)));
    // All zero (no text reached the layer): the same as none.
    EXPECT_EQ(RoundTrip(type, values, 512),
              RoundTrip(type, values, 512, std::vector<float>(512, 0.0f)));
  }
}

TEST(QuantizeRows, ZeroAndConstantRows) {
  for (const BlockType type : kTypes) {
    EXPECT_EQ(RoundTrip(type, std::vector<float>(512, 0.0f), 256), std::vector<float>(512, 0.0f));
    for (const float value : {0.5f, -0.5f, 100.0f, -3e-3f}) {
      for (const float found : RoundTrip(type, std::vector<float>(512, value), 256)) {
        EXPECT_NEAR(found, value, std::abs(value) * 0.02f) << TraitsOf(type).name;
      }
    }
  }
}

TEST(QuantizeRows, HostileValuesGiveFiniteBlocks) {
  const float inf = std::numeric_limits<float>::infinity(),
              nan = std::numeric_limits<float>::quiet_NaN();
  for (const float special : {inf, -inf, nan, 3e38f, -3e38f, 1e-45f, 65504.0f, 1e10f}) {
    std::vector<float> values = NormalRows(512, 0.05f, 15);
    for (size_t i = 0; i < values.size(); i += 37) values[i] = special;
    std::vector<float> same(512, special);
    for (const BlockType type : kTypes) {
      for (const auto& rows : {values, same}) {
        for (const float found : RoundTrip(type, rows, 512)) {
          ASSERT_TRUE(std::isfinite(found)) << TraitsOf(type).name << " " << special;
        }
      }
    }
  }
}

// Scales in the coarse end of fp16: a step of the scale more, no more.
TEST(QuantizeRows, SmallWeightsKeepTheirSize) {
  for (const float scale : {1e-4f, 3e-5f, 1e-5f}) {
    const std::vector<float> values = NormalRows(16 * 256, scale, 16);
    double power = 0;
    for (float value : values) power += static_cast<double>(value) * value;
    for (const BlockType type :
         {BlockType::kQ4_K, BlockType::kQ5_K, BlockType::kQ6_K, BlockType::kQ8_0}) {
      EXPECT_LT(Error(values, RoundTrip(type, values, 256)), 0.0055 * power)
          << TraitsOf(type).name << " " << scale;
    }
  }
}

}  // namespace
}  // namespace dragoman
