// The vector arithmetic of error feedback, on pieces that fit the second-level cache.
//
// Highway (feedback_kernels_simd.cc), chosen at run time, and a scalar twin
// (feedback_kernels_scalar.cc). Every element of a result is computed by the same operations in the
// same order whatever the width of the vectors and the number of rows: multiply_rows adds fused
// multiply-adds over depth in turn, dot sums into 8 running sums by place, added up in order. So
// the twins agree bit for bit wherever the machine fuses (AVX2, AVX-512, NEON), and to float
// rounding where it cannot.
#ifndef DRAGOMAN_QUANTIZE_FEEDBACK_KERNELS_H_
#define DRAGOMAN_QUANTIZE_FEEDBACK_KERNELS_H_

#include <cstdint>

namespace dragoman {

inline constexpr int kDotSums = 8;

// out [rows, cols] = x [rows, depth] * matrix [depth, cols]; strides in elements.
struct SmallProduct {
  const float* x = nullptr;
  int64_t x_stride = 0;
  int64_t rows = 0, depth = 0, cols = 0;
  const float* matrix = nullptr;
  int64_t matrix_stride = 0;
  float* out = nullptr;
  int64_t out_stride = 0;
};

struct FeedbackKernels {
  const char* name;
  // to [count] += factor * x, rounded twice.
  void (*add_scaled)(float factor, const float* x, int64_t count, float* to);
  // Sum of a * b over count, in double.
  double (*dot)(const float* a, const float* b, int64_t count);
  void (*multiply_rows)(const SmallProduct& product);
};

FeedbackKernels ScalarFeedbackKernels();
// Those of the best instruction set that this machine has (or that a test has chosen through
// Highway).
FeedbackKernels SimdFeedbackKernels();

}  // namespace dragoman

#endif  // DRAGOMAN_QUANTIZE_FEEDBACK_KERNELS_H_
