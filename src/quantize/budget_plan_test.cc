// Plans under a size limit: never a byte over it, close to it, and what cannot be met.
#include "quantize/budget_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "quantize/quantize_source.h"

namespace dragoman {
namespace {

constexpr char kBundledModel[] = DRAGOMAN_SOURCE_DIR "/models/mini";

// Independent inputs, each tensor's as important as the number of its name says.
HessianMap PlainMoments(const QuantizeSource& source) {
  HessianMap map;
  for (const ModelTensor& tensor : source.map.tensors) {
    if (tensor.is_norm) continue;
    Hessian& hessian = map[tensor.name];
    hessian.dim = static_cast<int64_t>(tensor.info->cols());
    hessian.tokens = 1;
    const auto dim = static_cast<size_t>(hessian.dim);
    hessian.mean.assign(dim * dim, 0.0f);
    const float size = 1e-4f * static_cast<float>(1 + tensor.name.size() % 7);
    for (size_t i = 0; i < dim; ++i) hessian.mean[i * dim + i] = size;
  }
  return map;
}

class BudgetPlanTest : public ::testing::Test {
 protected:
  BudgetPlanTest() : moments_(PlainMoments(*OpenQuantizeSource(kBundledModel))) {
    options_.sample_rows = 2;
  }
  Result<BudgetPlan> Plan(uint64_t bytes) {
    options_.max_file_bytes = bytes;
    return PlanWithinBudget(kBundledModel, moments_, options_);
  }
  MomentsInMemory moments_;
  BudgetOptions options_;
};

TEST_F(BudgetPlanTest, FillsTheLimitAndNeverExceedsIt) {
  double predicted = 1e300;
  for (const uint64_t limit : {uint64_t{12'345'678}, uint64_t{25'000'001}}) {
    const auto budget = Plan(limit);
    ASSERT_TRUE(budget) << ToString(budget.error());
    EXPECT_LE(budget->plan.file_bytes, limit);
    EXPECT_GT(budget->plan.file_bytes, limit - limit / 100);
    EXPECT_LT(*budget->plan.predicted_kl, predicted) << "more bytes lose less";
    predicted = *budget->plan.predicted_kl;
  }
}

TEST_F(BudgetPlanTest, TheFileHasThePlannedSizeToTheByte) {
  const auto budget = Plan(17'000'000);
  ASSERT_TRUE(budget) << ToString(budget.error());
  QuantizeOptions options;
  options.recipe = budget->recipe;
  options.max_size_bytes = 17'000'000;
  const std::string output = ::testing::TempDir() + "/budget.gguf";
  const auto report = Quantize(kBundledModel, output, options);
  ASSERT_TRUE(report) << ToString(report.error());
  EXPECT_EQ(std::filesystem::file_size(output), budget->plan.file_bytes);
  for (size_t i = 0; i < report->tensors.size(); ++i) {
    EXPECT_EQ(report->tensors[i].type, budget->plan.tensors[i].type) << report->tensors[i].name;
  }
}

TEST_F(BudgetPlanTest, SaysTheSmallestFileWhenNothingFits) {
  const auto refused = Plan(5'000'000);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(refused.error().message, ::testing::HasSubstr("the smallest file has 9"));
}

}  // namespace
}  // namespace dragoman
