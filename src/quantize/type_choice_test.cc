// The choice under a budget against every combination, and what cannot be met.
#include "quantize/type_choice.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "base/random.h"

namespace dragoman {
namespace {

constexpr BlockType kThree[] = {BlockType::kQ2_K, BlockType::kQ4_K, BlockType::kQ8_0};

// Tensors of random sizes whose divergence falls with size, by differing amounts.
std::vector<TensorCosts> RandomTensors(uint64_t seed, size_t count) {
  Random random(seed);
  std::vector<TensorCosts> tensors(count);
  for (TensorCosts& tensor : tensors) {
    uint64_t bytes = 0;
    double kl = 1;
    for (const BlockType type : kThree) {
      bytes += 32 * (1 + random.Below(20));
      kl *= 0.05 + 0.9 * random.Uniform();
      tensor.types.push_back({type, bytes, kl});
    }
  }
  return tensors;
}

struct Total {
  uint64_t bytes = 0;
  double kl = 0;
};

Total TotalOf(const std::vector<TensorCosts>& tensors, const std::vector<size_t>& chosen) {
  Total total;
  for (size_t i = 0; i < tensors.size(); ++i) {
    total.bytes += tensors[i].types[chosen[i]].bytes;
    total.kl += tensors[i].types[chosen[i]].predicted_kl;
  }
  return total;
}

double LeastOfAllCombinations(const std::vector<TensorCosts>& tensors, uint64_t budget) {
  double least = std::numeric_limits<double>::infinity();
  std::vector<size_t> chosen(tensors.size(), 0);
  for (;;) {
    const Total total = TotalOf(tensors, chosen);
    if (total.bytes <= budget) least = std::min(least, total.kl);
    size_t i = 0;
    while (i < chosen.size() && ++chosen[i] == std::size(kThree)) chosen[i++] = 0;
    if (i == chosen.size()) return least;
  }
}

TEST(TypeChoice, IsAboutTheBestOfAllCombinationsAndNeverOverTheBudget) {
  double worst = 1;
  for (uint64_t seed = 0; seed < 40; ++seed) {
    const auto tensors = RandomTensors(seed, 7);
    const uint64_t least = TotalOf(tensors, std::vector<size_t>(7, 0)).bytes;
    const uint64_t most = TotalOf(tensors, std::vector<size_t>(7, 2)).bytes;
    for (const double share : {0.0, 0.2, 0.5, 0.8, 1.0}) {
      const auto budget = least + static_cast<uint64_t>(share * static_cast<double>(most - least));
      const auto chosen = ChooseWithinBudget(tensors, budget);
      ASSERT_TRUE(chosen) << ToString(chosen.error());
      const Total total = TotalOf(tensors, *chosen);
      EXPECT_LE(total.bytes, budget);
      worst = std::max(worst, total.kl / LeastOfAllCombinations(tensors, budget));
    }
  }
  EXPECT_LT(worst, 1.0 + 1e-9);
}

TEST(TypeChoice, TakesTheBestTypesWhenEverythingFits) {
  const auto tensors = RandomTensors(1, 5);
  const auto chosen = ChooseWithinBudget(tensors, uint64_t{1} << 40);
  ASSERT_TRUE(chosen);
  EXPECT_EQ(*chosen, std::vector<size_t>(5, 2));
}

TEST(TypeChoice, LeavesOutATypeThatIsLargerAndWorse) {
  const std::vector<TensorCosts> tensors = {
      {"a", {{BlockType::kQ4_K, 100, 0.2}, {BlockType::kQ4_1, 120, 0.3}}}};
  const auto chosen = ChooseWithinBudget(tensors, 200);
  ASSERT_TRUE(chosen);
  EXPECT_EQ(*chosen, std::vector<size_t>{0});
}

TEST(TypeChoice, RefusesABudgetBelowTheSmallestTypes) {
  const auto tensors = RandomTensors(1, 5);
  const uint64_t least = TotalOf(tensors, std::vector<size_t>(5, 0)).bytes;
  ASSERT_TRUE(ChooseWithinBudget(tensors, least));
  const auto refused = ChooseWithinBudget(tensors, least - 1);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, ::testing::HasSubstr(std::to_string(least)));
}

}  // namespace
}  // namespace dragoman
