// The vector search against its scalar twin: the same bits on every instruction set this machine
// has.
#include "quantize/lane_search.h"

#include <gtest/gtest.h>
#include <hwy/targets.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "base/float16.h"
#include "base/random.h"
#include "blocks/block_type.h"
#include "quantize/block32_rows.h"
#include "quantize/k_rows.h"
#include "quantize/plain_rows.h"

namespace dragoman {
namespace {

// Runs `body` once on each instruction set that is compiled in and present, then returns to the
// best.
template <typename Body>
void OnEachTarget(const Body& body) {
  for (int64_t targets = hwy::SupportedTargets() & HWY_TARGETS; targets != 0;
       targets &= targets - 1) {
    const int64_t target = targets & -targets;
    hwy::GetChosenTarget().Update(target);
    SCOPED_TRACE(hwy::TargetName(target));
    body();
  }
  hwy::GetChosenTarget().Update(hwy::SupportedTargets());
}

// Rows of many kinds: ordinary, one-sided, constant, sparse, with outliers, tiny, huge, not finite.
std::vector<float> HardRows(int64_t rows, int64_t cols, uint64_t seed) {
  Random random(seed);
  std::vector<float> values(static_cast<size_t>(rows * cols));
  for (int64_t row = 0; row < rows; ++row) {
    for (int64_t i = 0; i < cols; ++i) {
      const auto normal = static_cast<float>(random.Normal());
      float value = 0.03f * normal;
      switch (row % 14) {
        case 1:
          value = std::abs(value);
          break;
        case 2:
          value = -std::abs(value);
          break;
        case 3:
          value = 0.25f;
          break;
        case 4:
          value = -0.25f;
          break;
        case 5:
          value = 0;
          break;
        case 6:
          value = random.Below(20) == 0 ? normal : 0.0f;
          break;
        case 7:
          value = random.Below(64) == 0 ? 50 * normal : value;
          break;
        case 8:
          value = 1e-7f * normal;
          break;
        case 9:
          value = 3e-39f * normal;
          break;
        case 10:
          value = 1e30f * normal;
          break;
        case 11:
          value = 5e6f * normal;
          break;
        case 12:
          value = random.Below(9) == 0 ? std::numeric_limits<float>::quiet_NaN() : value;
          break;
        case 13:
          value = random.Below(9) == 0 ? -std::numeric_limits<float>::infinity() : value;
          break;
        default:
          break;
      }
      values[static_cast<size_t>(row * cols + i)] = value;
    }
  }
  return values;
}

std::vector<float> RandomWeights(int64_t cols) {
  Random random(7);
  std::vector<float> moments(static_cast<size_t>(cols));
  for (float& moment : moments) moment = static_cast<float>(std::exp(2.0 * random.Normal()));
  moments[3] = 0;
  return NormalizeImportance(moments.data(), cols);
}

TEST(LaneSearch, VectorAndScalarGiveTheSameBlocks) {
  constexpr int64_t kRows = 42, kCols = 768;  // an odd number of superblocks in all
  const std::vector<float> values = HardRows(kRows + 1, kCols, 1);
  for (const BlockType type :
       {BlockType::kQ2_K, BlockType::kQ3_K, BlockType::kQ4_K, BlockType::kQ5_K, BlockType::kQ6_K,
        BlockType::kIQ4_XS, BlockType::kIQ4_NL, BlockType::kQ4_0, BlockType::kQ4_1,
        BlockType::kQ5_0, BlockType::kQ5_1}) {
    const bool k_quant = TraitsOf(type).block_elems == 256;
    const auto quantize = k_quant ? QuantizeKRows : QuantizeBlock32Rows;
    for (const bool weighted : {false, true}) {
      const std::vector<float> weights = weighted ? RandomWeights(kCols) : std::vector<float>();
      std::vector<std::byte> expected(*TensorBytes(type, kRows + 1, kCols)), found(expected.size());
      quantize(ScalarLaneKernels(), type, values.data(), kRows + 1, kCols, weights,
               expected.data());
      OnEachTarget([&] {
        std::fill(found.begin(), found.end(), std::byte{0});
        quantize(SimdLaneKernels(), type, values.data(), kRows + 1, kCols, weights, found.data());
        EXPECT_TRUE(found == expected) << TraitsOf(type).name << (weighted ? " weighted" : "");
      });
    }
  }
}

TEST(LaneSearch, ForcingATargetIsSeen) {
  std::vector<std::string> names;
  OnEachTarget([&] { names.emplace_back(SimdLaneKernels().name); });
  ASSERT_FALSE(names.empty());
  for (size_t i = 1; i < names.size(); ++i) EXPECT_NE(names[i], names[0]);
}

// The starting values of a random pattern plus every special one.
std::vector<float> AllKindsOfFloats() {
  std::vector<float> values;
  Random random(3);
  for (int i = 0; i < 20000; ++i) {
    const auto bits = static_cast<uint32_t>(random.Next());
    float value;
    std::memcpy(&value, &bits, sizeof(value));
    values.push_back(value);
  }
  for (uint32_t half = 0; half < 0x10000;
       ++half) {  // every fp16 and its neighbours, and the ties between
    const float value = Fp16ToFloat(static_cast<uint16_t>(half));
    const float next = Fp16ToFloat(static_cast<uint16_t>(half + 1));
    values.insert(values.end(), {value, std::nextafter(value, 1e9f), std::nextafter(value, -1e9f)});
    if (std::isfinite(value) && std::isfinite(next)) values.push_back(value + (next - value) / 2);
  }
  values.resize(values.size() - values.size() % 32 - 32 + 7);  // an odd tail
  return values;
}

TEST(PlainRows, SixteenBitFloatsEqualTheScalarConversion) {
  const std::vector<float> values = AllKindsOfFloats();
  const auto count = static_cast<int64_t>(values.size());
  std::vector<uint16_t> expected(values.size()), found(values.size());
  EXPECT_FALSE(FloatsToFp16Scalar(values.data(), count, expected.data()));
  OnEachTarget([&] {
    EXPECT_FALSE(FloatsToFp16(values.data(), count, found.data()));
    EXPECT_TRUE(found == expected);
  });
  EXPECT_FALSE(FloatsToBf16Scalar(values.data(), count, expected.data()));
  OnEachTarget([&] {
    EXPECT_FALSE(FloatsToBf16(values.data(), count, found.data()));
    EXPECT_TRUE(found == expected);
  });
}

TEST(PlainRows, OneValueTooLargeIsReportedWhereverItStands) {
  constexpr int64_t kCount = 67;
  std::vector<uint16_t> out(kCount);
  OnEachTarget([&] {
    for (int64_t place = -1; place < kCount; ++place) {
      std::vector<float> values(kCount, -65504.0f);
      if (place >= 0) values[static_cast<size_t>(place)] = 65520.0f;
      EXPECT_EQ(FloatsToFp16(values.data(), kCount, out.data()), place < 0) << place;
      EXPECT_TRUE(FloatsToBf16(values.data(), kCount, out.data()));
    }
  });
}

TEST(PlainRows, Q8_0EqualsItsTwin) {
  const std::vector<float> values = HardRows(28, 320, 5);
  const auto count = static_cast<int64_t>(values.size());
  std::vector<std::byte> expected(*TensorBytes(BlockType::kQ8_0, 1, values.size())),
      found(expected.size());
  QuantizeQ8_0Scalar(values.data(), count, expected.data());
  OnEachTarget([&] {
    QuantizeQ8_0(values.data(), count, found.data());
    EXPECT_TRUE(found == expected);
  });
}

}  // namespace
}  // namespace dragoman
