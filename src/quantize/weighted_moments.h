// Sums of weight * x x^T over the rows of batches.
#ifndef DRAGOMAN_QUANTIZE_WEIGHTED_MOMENTS_H_
#define DRAGOMAN_QUANTIZE_WEIGHTED_MOMENTS_H_

#include <cstdint>
#include <span>
#include <vector>

#include "kernels/kernels.h"
#include "quantize/hessian.h"

namespace dragoman {

// Buffers that moments of any size can share.
struct MomentScratch {
  std::vector<float> scaled, product;
};

class WeightedMoments {
 public:
  explicit WeightedMoments(int64_t dim);
  // x [rows, dim], weights [rows] >= 0. Batches are summed in float32, each formed by one product
  // on the backend.
  void Add(const float* x, int64_t rows, std::span<const float> weights, Backend& backend,
           MomentScratch& scratch);
  // scale * the sum, exactly symmetric. Leaves nothing behind.
  Hessian Take(uint64_t tokens, double scale);

 private:
  int64_t dim_;
  std::vector<float> sums_;
};

}  // namespace dragoman

#endif  // DRAGOMAN_QUANTIZE_WEIGHTED_MOMENTS_H_
