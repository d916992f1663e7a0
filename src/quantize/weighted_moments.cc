#include "quantize/weighted_moments.h"

#include <cmath>
#include <utility>

namespace dragoman {

WeightedMoments::WeightedMoments(int64_t dim) : dim_(dim), sums_(static_cast<size_t>(dim * dim)) {}

void WeightedMoments::Add(const float* x, int64_t rows, std::span<const float> weights,
                          Backend& backend, MomentScratch& scratch) {
  scratch.scaled.resize(static_cast<size_t>(rows * dim_));
  for (int64_t r = 0; r < rows; ++r) {  // transposed: [dim, rows]
    const float root = std::sqrt(weights[static_cast<size_t>(r)]);
    for (int64_t i = 0; i < dim_; ++i) {
      scratch.scaled[static_cast<size_t>(i * rows + r)] = root * x[r * dim_ + i];
    }
  }
  scratch.product.resize(sums_.size());
  const WeightMatrix columns{BlockType::kF32, dim_, rows,
                             reinterpret_cast<const std::byte*>(scratch.scaled.data())};
  backend.MatMul(columns, scratch.scaled.data(), dim_, scratch.product.data());
  backend.Add(sums_.data(), scratch.product.data(), dim_ * dim_);
}

Hessian WeightedMoments::Take(uint64_t tokens, double scale) {
  Hessian hessian;
  hessian.dim = dim_;
  hessian.tokens = tokens;
  const auto dim = static_cast<size_t>(dim_);
  const auto half = static_cast<float>(0.5 * scale);
  for (size_t i = 0; i < dim; ++i) {
    for (size_t j = 0; j <= i; ++j) {
      const float both = half * (sums_[i * dim + j] + sums_[j * dim + i]);
      sums_[i * dim + j] = sums_[j * dim + i] = both;
    }
  }
  hessian.mean = std::move(sums_);
  return hessian;
}

}  // namespace dragoman
