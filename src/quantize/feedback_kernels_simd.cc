// The arithmetic of error feedback in Google Highway, compiled once per instruction set and chosen
// at run time. Each has its counterpart in feedback_kernels_scalar.cc.
#include "quantize/feedback_kernels.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "quantize/feedback_kernels_simd.cc"
#include <hwy/foreach_target.h>  // must come before highway.h
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace dragoman {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using FeedbackFloats = hn::CappedTag<float, 16>;
using FeedbackVec = hn::Vec<FeedbackFloats>;

void FeedbackAddScaled(float factor, const float* HWY_RESTRICT x, int64_t count,
                       float* HWY_RESTRICT to) {
  const FeedbackFloats d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  const auto by = hn::Set(d, factor);
  int64_t i = 0;
  for (; i + lanes <= count; i += lanes) {
    hn::StoreU(hn::Add(hn::LoadU(d, to + i), hn::Mul(by, hn::LoadU(d, x + i))), d, to + i);
  }
  for (; i < count; ++i) to[i] += factor * x[i];
}

// Products of two floats are exact in double: fused or not makes no difference here.
double FeedbackDot(const float* a, const float* b, int64_t count) {
  const hn::CappedTag<double, kDotSums> d;
  const hn::Rebind<float, decltype(d)> half;
  constexpr size_t kVectors = kDotSums / hn::MaxLanes(d);
  static_assert(hn::MaxLanes(d) * kVectors == kDotSums);
  const size_t lanes = hn::Lanes(d);
  hn::Vec<decltype(d)> acc[kVectors];
  for (auto& sum : acc) sum = hn::Zero(d);
  int64_t i = 0;
  for (; i + kDotSums <= count; i += kDotSums) {
    for (size_t v = 0; v < kVectors; ++v) {
      const auto x = hn::PromoteTo(d, hn::LoadU(half, a + i + v * lanes));
      const auto y = hn::PromoteTo(d, hn::LoadU(half, b + i + v * lanes));
      acc[v] = hn::MulAdd(x, y, acc[v]);
    }
  }
  HWY_ALIGN double sums[kDotSums];
  for (size_t v = 0; v < kVectors; ++v) hn::Store(acc[v], d, sums + v * lanes);
  for (; i < count; ++i) sums[i % kDotSums] += static_cast<double>(a[i]) * b[i];
  double sum = 0;
  for (const double part : sums) sum += part;
  return sum;
}

// Rows x two vectors of sums stay in registers.
template <int kRows>
HWY_INLINE void FeedbackTile(const SmallProduct& product, int64_t row, int64_t col) {
  const FeedbackFloats d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  const float* x = product.x + row * product.x_stride;
  const float* matrix = product.matrix + col;
  FeedbackVec left[kRows], right[kRows];
  for (int r = 0; r < kRows; ++r) left[r] = right[r] = hn::Zero(d);
  for (int64_t k = 0; k < product.depth; ++k) {
    const auto m0 = hn::LoadU(d, matrix), m1 = hn::LoadU(d, matrix + lanes);
    matrix += product.matrix_stride;
    for (int r = 0; r < kRows; ++r) {
      const auto by = hn::Set(d, x[r * product.x_stride + k]);
      left[r] = hn::MulAdd(by, m0, left[r]);
      right[r] = hn::MulAdd(by, m1, right[r]);
    }
  }
  for (int r = 0; r < kRows; ++r) {
    float* out = product.out + (row + r) * product.out_stride + col;
    hn::StoreU(left[r], d, out);
    hn::StoreU(right[r], d, out + lanes);
  }
}

HWY_INLINE void FeedbackColumn(const SmallProduct& product, int64_t row, int64_t col) {
  const hn::CappedTag<float, 1> d;
  auto sum = hn::Zero(d);
  for (int64_t k = 0; k < product.depth; ++k) {
    sum = hn::MulAdd(hn::Set(d, product.x[row * product.x_stride + k]),
                     hn::Set(d, product.matrix[k * product.matrix_stride + col]), sum);
  }
  product.out[row * product.out_stride + col] = hn::GetLane(sum);
}

void FeedbackMultiplyRows(const SmallProduct& product) {
  constexpr int kTile = 4;
  const auto step = 2 * static_cast<int64_t>(hn::Lanes(FeedbackFloats()));
  int64_t col = 0;
  for (; col + step <= product.cols; col += step) {
    int64_t row = 0;
    for (; row + kTile <= product.rows; row += kTile) FeedbackTile<kTile>(product, row, col);
    for (; row < product.rows; ++row) FeedbackTile<1>(product, row, col);
  }
  for (; col < product.cols; ++col) {
    for (int64_t row = 0; row < product.rows; ++row) FeedbackColumn(product, row, col);
  }
}

FeedbackKernels FeedbackTable() {
  return {hwy::TargetName(HWY_TARGET), FeedbackAddScaled, FeedbackDot, FeedbackMultiplyRows};
}

}  // namespace HWY_NAMESPACE
}  // namespace dragoman
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace dragoman {

HWY_EXPORT(FeedbackTable);

FeedbackKernels SimdFeedbackKernels() { return HWY_DYNAMIC_DISPATCH(FeedbackTable)(); }

}  // namespace dragoman
#endif  // HWY_ONCE
