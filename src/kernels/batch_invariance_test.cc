// A row's result is the same to the last bit whatever it is computed beside and by however many
// threads: batched decoding must equal decoding one by one.
#include <gtest/gtest.h>

#include <algorithm>

#include "kernels/kernels.h"
#include "kernels/random_tensors.h"

namespace dragoman {
namespace {

std::vector<std::string> UsableBackends() {
  std::vector<std::string> names;
  for (const BackendInfo& backend : ListBackends()) {
    if (backend.usable) names.push_back(backend.name);
  }
  return names;
}

class BatchInvariance : public testing::TestWithParam<std::string> {
 protected:
  std::unique_ptr<Backend> one_thread_ = std::move(*OpenBackend(GetParam(), 1));
  std::unique_ptr<Backend> two_threads_ = std::move(*OpenBackend(GetParam(), 2));
  std::unique_ptr<Backend> three_threads_ = std::move(*OpenBackend(GetParam(), 3));

  std::vector<Backend*> Backends() {
    return {one_thread_.get(), two_threads_.get(), three_threads_.get()};
  }
};

TEST_P(BatchInvariance, MatMul) {
  constexpr int64_t kRows = 203, kCols = 2304;
  for (const BlockTraits& traits : AllBlockTraits()) {
    if (traits.decode == nullptr) continue;
    SCOPED_TRACE(traits.name);
    const auto bytes = RandomWeights(traits.type, kRows, kCols, 1);
    const WeightMatrix w{traits.type, kRows, kCols, bytes.data()};
    const auto x = RandomFloats(100 * kCols, 2);
    std::vector<float> alone(100 * kRows);
    for (int64_t token = 0; token < 100; ++token) {
      one_thread_->MatMul(w, x.data() + token * kCols, 1, alone.data() + token * kRows);
    }
    for (Backend* backend : Backends()) {
      for (const int64_t tokens : {1, 2, 3, 4, 5, 37, 100}) {
        std::vector<float> together(static_cast<size_t>(tokens * kRows));
        backend->MatMul(w, x.data(), tokens, together.data());
        ASSERT_TRUE(std::equal(together.begin(), together.end(), alone.begin()))
            << tokens << " tokens, " << backend->threads() << " threads";
      }
    }
  }
}

// Plain rows may have any length; their odd ends take another path.
TEST_P(BatchInvariance, MatMulOfOddColumns) {
  constexpr int64_t kRows = 45, kCols = 1091;
  for (const BlockType type : {BlockType::kF32, BlockType::kF16, BlockType::kBF16}) {
    const auto bytes = RandomWeights(type, kRows, kCols, 3);
    const WeightMatrix w{type, kRows, kCols, bytes.data()};
    const auto x = RandomFloats(37 * kCols, 4);
    std::vector<float> together(37 * kRows), alone(kRows);
    two_threads_->MatMul(w, x.data(), 37, together.data());
    for (int64_t token = 0; token < 37; ++token) {
      one_thread_->MatMul(w, x.data() + token * kCols, 1, alone.data());
      ASSERT_TRUE(std::equal(alone.begin(), alone.end(), together.begin() + token * kRows));
    }
  }
}

// A sequence filled at once, token by token, and beside another sequence.
TEST_P(BatchInvariance, Attention) {
  const AttentionShape shape{4, 2, 128, 40, 0.0883883f};
  constexpr int64_t kTokens = 93, kCapacity = 140;
  const int64_t row_elems = shape.heads * shape.head_dim;
  const auto keys = RandomFloats(kCapacity * row_elems, 5),
             values = RandomFloats(kCapacity * row_elems, 6);
  const auto q = RandomFloats(2 * kTokens * row_elems, 7);
  std::vector<float> alone(static_cast<size_t>(kTokens * row_elems));
  for (int64_t token = 0; token < kTokens; ++token) {
    const AttentionSequence one{0, 1, 60 + token, keys.data(), values.data(), kCapacity};
    one_thread_->Attention(q.data() + token * row_elems, {&one, 1}, shape,
                           alone.data() + token * row_elems);
  }
  for (Backend* backend : Backends()) {
    const std::vector<AttentionSequence> both = {
        {0, kTokens, 60, keys.data(), values.data(), kCapacity},
        {kTokens, kTokens, 3, values.data(), keys.data(), kCapacity}};
    std::vector<float> together(q.size());
    backend->Attention(q.data(), both, shape, together.data());
    EXPECT_TRUE(std::equal(alone.begin(), alone.end(), together.begin()));
  }
}

TEST_P(BatchInvariance, RowOperations) {
  constexpr int64_t kTokens = 37, kDim = 1030;
  const auto x = RandomFloats(kTokens * kDim, 8), y = RandomFloats(kTokens * kDim, 9);
  for (Backend* backend : Backends()) {
    std::vector<float> normed(x.size()), gelu(x.size()), row(kDim);
    backend->RmsNorm(x.data(), y.data(), 1e-6f, kTokens, kDim, normed.data());
    backend->GeluMul(x.data(), y.data(), kTokens * kDim, gelu.data());
    for (int64_t token = 0; token < kTokens; ++token) {
      const int64_t at = token * kDim;
      one_thread_->RmsNorm(x.data() + at, y.data(), 1e-6f, 1, kDim, row.data());
      ASSERT_TRUE(std::equal(row.begin(), row.end(), normed.begin() + at));
      one_thread_->GeluMul(x.data() + at, y.data() + at, kDim, row.data());
      ASSERT_TRUE(std::equal(row.begin(), row.end(), gelu.begin() + at));
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Backends, BatchInvariance, testing::ValuesIn(UsableBackends()),
                         [](const testing::TestParamInfo<std::string>& param) {
                           std::string name = param.param;
                           std::replace(name.begin(), name.end(), ':', '_');
                           return name;
                         });

}  // namespace
}  // namespace dragoman
