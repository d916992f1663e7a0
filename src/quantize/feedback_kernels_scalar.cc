#include <cmath>

#include "quantize/feedback_kernels.h"

namespace dragoman {
namespace {

void AddScaledScalar(float factor, const float* x, int64_t count, float* to) {
  for (int64_t i = 0; i < count; ++i) to[i] += factor * x[i];
}

double DotScalar(const float* a, const float* b, int64_t count) {
  double sums[kDotSums] = {};
  for (int64_t i = 0; i < count; ++i) sums[i % kDotSums] += static_cast<double>(a[i]) * b[i];
  double sum = 0;
  for (const double part : sums) sum += part;
  return sum;
}

void MultiplyRowsScalar(const SmallProduct& product) {
  for (int64_t row = 0; row < product.rows; ++row) {
    const float* x = product.x + row * product.x_stride;
    for (int64_t col = 0; col < product.cols; ++col) {
      float sum = 0;
      for (int64_t k = 0; k < product.depth; ++k) {
        sum = std::fma(x[k], product.matrix[k * product.matrix_stride + col], sum);
      }
      product.out[row * product.out_stride + col] = sum;
    }
  }
}

}  // namespace

FeedbackKernels ScalarFeedbackKernels() {
  return {"scalar", AddScaledScalar, DotScalar, MultiplyRowsScalar};
}

}  // namespace dragoman
