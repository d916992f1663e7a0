#include "quantize/error_feedback.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <memory>
#include <random>
#include <vector>

#include "quantize/tensor_encoder.h"

namespace dragoman {
namespace {

constexpr int64_t kTestDim = 512;
constexpr int64_t kTestRows = 24;

// The covariance of inputs that are sums of a few patterns, as those of real layers are.
Hessian CorrelatedHessian(int64_t dim, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  const int64_t patterns = dim / 8;
  Hessian hessian;
  hessian.dim = dim;
  hessian.tokens = static_cast<uint64_t>(2 * dim);
  hessian.mean.assign(static_cast<size_t>(dim * dim), 0.0f);
  std::vector<float> pattern(static_cast<size_t>(dim));
  for (int64_t p = 0; p < patterns; ++p) {
    for (float& x : pattern) x = normal(random) / std::sqrt(static_cast<float>(patterns));
    float* out = hessian.mean.data();
    for (const float a : pattern) {
      for (const float b : pattern) *out++ += a * b;
    }
  }
  for (int64_t i = 0; i < dim; ++i) hessian.mean[static_cast<size_t>(i * dim + i)] += 0.09f;
  return hessian;
}

std::vector<float> RandomWeights(int64_t count, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(0.0f, 0.05f);
  std::vector<float> weights(static_cast<size_t>(count));
  for (float& w : weights) w = normal(random);
  return weights;
}

double LossOf(const std::vector<float>& values, BlockType type, const std::vector<std::byte>& bytes,
              const std::vector<float>& hessian, int64_t rows = kTestRows, int64_t dim = kTestDim) {
  std::vector<float> decoded(values.size());
  TraitsOf(type).decode(bytes.data(), static_cast<int64_t>(values.size()), decoded.data());
  double loss = 0;
  std::vector<double> error(static_cast<size_t>(dim));
  for (int64_t row = 0; row < rows; ++row) {
    for (int64_t i = 0; i < dim; ++i) {
      const auto at = static_cast<size_t>(row * dim + i);
      error[static_cast<size_t>(i)] = static_cast<double>(values[at]) - decoded[at];
    }
    const float* h = hessian.data();
    for (const double a : error) {
      for (const double b : error) loss += a * b * *h++;
    }
  }
  return loss;
}

Result<FeedbackFactor> FactorOf(const Hessian& hessian, double damping, int threads = 2) {
  const auto backend = OpenBackend("auto", threads);
  ThreadPool pool(threads);
  return FactorForFeedback(hessian, damping, **backend, pool);
}

std::vector<float> Damped(const Hessian& hessian, const FeedbackFactor& factor) {
  std::vector<float> damped = hessian.mean;
  for (int64_t i = 0; i < hessian.dim; ++i) {
    damped[static_cast<size_t>(i * hessian.dim + i)] += factor.diagonal_add;
  }
  return damped;
}

class ErrorFeedback : public ::testing::TestWithParam<BlockType> {
 protected:
  static void SetUpTestSuite() {
    hessian_ = new Hessian(CorrelatedHessian(kTestDim, 3));
    factor_ = new FeedbackFactor(*FactorOf(*hessian_, 0.01));
    damped_ = new std::vector<float>(Damped(*hessian_, *factor_));
  }
  static void TearDownTestSuite() {
    delete hessian_;
    delete damped_;
    delete factor_;
  }

  FeedbackLoss Round(int threads, const FeedbackOptions& options, std::vector<std::byte>& out) {
    const auto backend = OpenBackend("auto", threads);
    ThreadPool pool(threads);
    out.resize(static_cast<size_t>(*TensorBytes(GetParam(), kTestRows, kTestDim)));
    return RoundWithFeedback({factor_, &hessian_->mean}, GetParam(), values_.data(), kTestRows,
                             options, **backend, pool, out.data());
  }

  static Hessian* hessian_;
  static std::vector<float>* damped_;
  static FeedbackFactor* factor_;
  const std::vector<float> values_ = RandomWeights(kTestRows * kTestDim, 4);
};
Hessian* ErrorFeedback::hessian_;
std::vector<float>* ErrorFeedback::damped_;
FeedbackFactor* ErrorFeedback::factor_;

TEST_P(ErrorFeedback, LosesMuchLessThanRounding) {
  std::vector<std::byte> rounded(
      static_cast<size_t>(*TensorBytes(GetParam(), kTestRows, kTestDim)));
  EncodeRows(GetParam(), values_.data(), kTestRows, kTestDim, {}, rounded.data());
  const double plain = LossOf(values_, GetParam(), rounded, *damped_);
  std::vector<std::byte> fed;
  const FeedbackLoss loss = Round(2, {}, fed);
  const double found = LossOf(values_, GetParam(), fed, *damped_);
  EXPECT_LT(found, 0.75 * plain);
  EXPECT_LT(loss.after_passes, loss.after_feedback);
  EXPECT_NEAR(loss.after_passes, found, 1e-3 * found);  // what is reported is what is written
}

TEST_P(ErrorFeedback, GivesTheSameBytesForAnyNumberOfThreads) {
  std::vector<std::byte> one, three;
  Round(1, {}, one);
  Round(3, {}, three);
  EXPECT_EQ(one, three);
}

TEST_P(ErrorFeedback, GivesTheSameBytesInGroupsOfAnySize) {
  FeedbackOptions one_group;
  one_group.least_gain = 0;  // the same number of passes, which else a group's gain decides
  FeedbackOptions small = one_group;
  small.group_elems = 10 * kTestDim;  // groups of 8 rows
  std::vector<std::byte> whole, groups;
  const FeedbackLoss expected = Round(2, one_group, whole), found = Round(2, small, groups);
  EXPECT_EQ(whole, groups);
  EXPECT_NEAR(found.after_passes, expected.after_passes, 1e-9 * expected.after_passes);
}

TEST(ErrorFeedbackRows, MayEndWithinAChunk) {
  constexpr int64_t kDim = 288,
                    kRows = 11;  // one chunk and a block; no multiple of the rows of a task
  const Hessian hessian = CorrelatedHessian(kDim, 7);
  const auto factor = FactorOf(hessian, 0.01);
  const auto values = RandomWeights(kRows * kDim, 8);
  const auto backend = OpenBackend("auto", 2);
  ThreadPool pool(2);
  std::vector<std::byte> out(*TensorBytes(BlockType::kQ4_0, kRows, kDim));
  const FeedbackLoss loss =
      RoundWithFeedback({&*factor, &hessian.mean}, BlockType::kQ4_0, values.data(), kRows, {},
                        **backend, pool, out.data());
  const double found = LossOf(values, BlockType::kQ4_0, out, Damped(hessian, *factor), kRows, kDim);
  EXPECT_NEAR(loss.after_passes, found, 1e-3 * found);
  EXPECT_LT(loss.after_passes, loss.after_feedback);
}

INSTANTIATE_TEST_SUITE_P(Types, ErrorFeedback,
                         ::testing::Values(BlockType::kQ2_K, BlockType::kQ3_K, BlockType::kIQ4_XS,
                                           BlockType::kIQ4_NL, BlockType::kQ4_K, BlockType::kQ5_K,
                                           BlockType::kQ6_K, BlockType::kQ8_0, BlockType::kQ4_0,
                                           BlockType::kQ4_1, BlockType::kQ5_0, BlockType::kQ5_1),
                         [](const auto& param) { return std::string(TraitsOf(param.param).name); });

// Panels are 256 wide: 300 columns are one whole and a part.
TEST(FeedbackFactor, MultipliesBackToTheDampedMatrix) {
  for (const int64_t size : {int64_t{64}, int64_t{300}}) {
    const Hessian hessian = CorrelatedHessian(size, 5);
    const auto factor = FactorOf(hessian, 0.01);
    ASSERT_TRUE(factor.has_value());
    const std::vector<float> damped = Damped(hessian, *factor);
    const auto m = [&](int64_t i, int64_t k) -> double {
      if (i == k) return 1;
      return factor->feedback[static_cast<size_t>(k * size + i)];
    };
    for (int64_t i = 0; i < size; ++i) {
      for (int64_t j = 0; j < size; ++j) {
        double sum = 0;
        for (int64_t k = 0; k < size; ++k) {
          sum += m(i, k) * factor->residual[static_cast<size_t>(k)] * m(j, k);
        }
        // A few units in the last place of the entries, which are near 1.
        ASSERT_NEAR(sum, damped[static_cast<size_t>(i * size + j)], 3e-6) << i << ", " << j;
      }
    }
  }
}

TEST(FeedbackFactor, IsTheSameForAnyNumberOfThreads) {
  const Hessian hessian = CorrelatedHessian(600, 6);
  const auto one = FactorOf(hessian, 0.01, 1), three = FactorOf(hessian, 0.01, 3);
  EXPECT_EQ(one->feedback, three->feedback);
  EXPECT_EQ(one->residual, three->residual);
}

TEST(FeedbackFactor, DampsMoreWhenColumnsAreCopiesOfEachOther) {
  const auto factor = FactorOf({8, 1, std::vector<float>(64, 1.0f)}, 0.0);
  ASSERT_TRUE(factor.has_value());
  EXPECT_GT(factor->diagonal_add, 0);
}

TEST(FeedbackFactor, RefusesWhatNoDampingMends) {
  EXPECT_FALSE(FactorOf({4, 1, std::vector<float>(16, 0.0f)}, 0.01).has_value());
  const float nan = std::numeric_limits<float>::quiet_NaN();
  EXPECT_FALSE(FactorOf({4, 1, std::vector<float>(16, nan)}, 0.01).has_value());
}

TEST(HessianOwner, IsSharedByTensorsWithOneInput) {
  EXPECT_EQ(HessianOwner("blk.3.attn_k.weight"), "blk.3.attn_q.weight");
  EXPECT_EQ(HessianOwner("blk.3.attn_v.weight"), "blk.3.attn_q.weight");
  EXPECT_EQ(HessianOwner("blk.3.ffn_up.weight"), "blk.3.ffn_gate.weight");
  EXPECT_EQ(HessianOwner("blk.3.ffn_down.weight"), "blk.3.ffn_down.weight");
  EXPECT_EQ(HessianOwner("token_embd.weight"), "token_embd.weight");
}

}  // namespace
}  // namespace dragoman
