#include "quantize/feedback_factor.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace dragoman {
namespace {

constexpr double kDampingGrowth = 4;     // of the damping, each time a pivot comes out too small
constexpr double kSmallestPivot = 1e-5;  // of the mean diagonal; well above float32 rounding
constexpr int64_t kPanel = 256;          // columns eliminated together
constexpr int64_t kStrip = 256;          // of a panel or the rest, in work at a time

// Eliminates columns from the last to the first, in place in the lower triangle: row k ends as
// M_ik, i < k.
class Elimination {
 public:
  Elimination(const Hessian& hessian, double diagonal_add, double smallest_pivot, Backend& backend,
              ThreadPool& pool)
      : n_(hessian.dim),
        smallest_pivot_(smallest_pivot),
        backend_(backend),
        pool_(pool),
        matrix_(static_cast<size_t>(n_ * n_)),
        residual_(static_cast<size_t>(n_)) {
    for (int64_t k = 0; k < n_; ++k) {
      const float* from = hessian.mean.data() + k * n_;
      std::copy(from, from + k + 1, Row(k));
      Row(k)[k] = static_cast<float>(from[k] + diagonal_add);
    }
  }

  // False when a pivot is not well above zero.
  bool Run() {
    for (int64_t end = n_; end > 0; end = std::max<int64_t>(0, end - kPanel)) {
      first_ = std::max<int64_t>(0, end - kPanel);
      count_ = end - first_;
      if (!EliminateDiagonal()) return false;
      EliminatePanel();
      SubtractFromRest();
    }
    return true;
  }

  FeedbackFactor Finish(double diagonal_add) {
    for (int64_t k = 0; k < n_; ++k) Row(k)[k] = 0;
    return {n_, std::move(matrix_), std::move(residual_), static_cast<float>(diagonal_add)};
  }

 private:
  float* Row(int64_t k) { return matrix_.data() + k * n_; }
  double& Inner(int64_t k, int64_t i) { return inner_[static_cast<size_t>(k * count_ + i)]; }

  // inner_ [count, count]: the coefficients among the panel's own columns; pivots_ [count].
  bool EliminateDiagonal() {
    inner_.assign(static_cast<size_t>(count_ * count_), 0.0);
    pivots_.assign(static_cast<size_t>(count_), 0.0);
    for (int64_t k = 0; k < count_; ++k) {
      for (int64_t i = 0; i <= k; ++i) Inner(k, i) = Row(first_ + k)[first_ + i];
    }
    for (int64_t k = count_ - 1; k >= 0; --k) {
      const double pivot = Inner(k, k);
      if (!(pivot > smallest_pivot_)) return false;
      pivots_[static_cast<size_t>(k)] = pivot;
      residual_[static_cast<size_t>(first_ + k)] = static_cast<float>(pivot);
      for (int64_t i = 0; i < k; ++i) {
        const double share = Inner(k, i) / pivot;
        for (int64_t j = 0; j <= i; ++j) Inner(i, j) -= share * Inner(k, j);
      }
      for (int64_t i = 0; i < k; ++i) {
        Inner(k, i) /= pivot;
        Row(first_ + k)[first_ + i] = static_cast<float>(Inner(k, i));
      }
    }
    return true;
  }

  // The panel's rows in the columns before it, by strips of columns. Leaves them transposed in
  // shares_ [first, count], and times the pivots in scaled_.
  void EliminatePanel() {
    shares_.resize(static_cast<size_t>(first_ * count_));
    scaled_.resize(shares_.size());
    const int64_t strips = (first_ + kStrip - 1) / kStrip;
    pool_.ParallelFor(strips, 1, [&](int64_t begin, int64_t end, int) {
      std::vector<double> strip(static_cast<size_t>(count_ * kStrip));
      for (int64_t s = begin; s < end; ++s) {
        EliminateStrip(s * kStrip, std::min(kStrip, first_ - s * kStrip), strip.data());
      }
    });
  }

  void EliminateStrip(int64_t column, int64_t width, double* strip) {
    for (int64_t k = 0; k < count_; ++k) {
      const float* from = Row(first_ + k) + column;
      std::copy(from, from + width, strip + k * kStrip);
    }
    for (int64_t k = count_ - 1; k >= 0; --k) {
      const double* from = strip + k * kStrip;
      for (int64_t i = 0; i < k; ++i) {
        const double share = Inner(k, i);
        double* to = strip + i * kStrip;
        for (int64_t j = 0; j < width; ++j) to[j] -= share * from[j];
      }
    }
    for (int64_t k = 0; k < count_; ++k) {
      for (int64_t j = 0; j < width; ++j) {
        const double value = strip[k * kStrip + j];
        const auto share = static_cast<float>(value / pivots_[static_cast<size_t>(k)]);
        const auto at = static_cast<size_t>((column + j) * count_ + k);
        Row(first_ + k)[column + j] = share;
        shares_[at] = share;
        scaled_[at] = static_cast<float>(value);
      }
    }
  }

  // The lower triangle before the panel, by strips of rows: less scaled_ shares_^T.
  void SubtractFromRest() {
    for (int64_t row = 0; row < first_; row += kStrip) {
      const int64_t rows = std::min(kStrip, first_ - row), cols = row + rows;
      product_.resize(static_cast<size_t>(rows * cols));
      const WeightMatrix shares{BlockType::kF32, cols, count_,
                                reinterpret_cast<const std::byte*>(shares_.data())};
      backend_.MatMul(shares, scaled_.data() + row * count_, rows, product_.data());
      pool_.ParallelFor(rows, 16, [&](int64_t begin, int64_t end, int) {
        for (int64_t r = begin; r < end; ++r) {
          const float* from = product_.data() + r * cols;
          float* to = Row(row + r);
          for (int64_t i = 0; i <= row + r; ++i) to[i] -= from[i];
        }
      });
    }
  }

  const int64_t n_;
  const double smallest_pivot_;
  Backend& backend_;
  ThreadPool& pool_;
  std::vector<float> matrix_, residual_;
  int64_t first_ = 0, count_ = 0;  // columns of the panel
  std::vector<double> inner_, pivots_;
  std::vector<float> shares_, scaled_, product_;
};

}  // namespace

Result<FeedbackFactor> FactorForFeedback(const Hessian& hessian, double damping, Backend& backend,
                                         ThreadPool& pool) {
  const int64_t n = hessian.dim;
  double mean = 0;
  for (int64_t i = 0; i < n; ++i) mean += hessian.mean[static_cast<size_t>(i * n + i)];
  mean /= static_cast<double>(std::max<int64_t>(n, 1));
  for (double share = damping; std::isfinite(mean) && mean > 0 && share < 1;
       share = std::max(share, 1e-6) * kDampingGrowth) {
    Elimination elimination(hessian, share * mean, kSmallestPivot * mean, backend, pool);
    if (elimination.Run()) return elimination.Finish(share * mean);
  }
  return Fail(ErrorCode::kInvalidArgument,
              fmt::format("second moments of {} columns: expected a positive definite matrix, "
                          "found a mean diagonal of {}",
                          n, mean));
}

}  // namespace dragoman
