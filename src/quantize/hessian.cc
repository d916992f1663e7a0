#include "quantize/hessian.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "quantize/calibration_pass.h"

namespace dragoman {
namespace {

constexpr double kDampingGrowth = 4;     // of the damping, each time a pivot comes out too small
constexpr double kSmallestPivot = 1e-7;  // of the mean diagonal

// x [rows, dim] -> out [dim, rows].
void Transpose(const float* x, int64_t rows, int64_t dim, std::vector<float>& out) {
  constexpr int64_t kTile = 32;
  out.resize(static_cast<size_t>(rows * dim));
  for (int64_t r0 = 0; r0 < rows; r0 += kTile) {
    for (int64_t d0 = 0; d0 < dim; d0 += kTile) {
      for (int64_t d = d0; d < std::min(d0 + kTile, dim); ++d) {
        for (int64_t r = r0; r < std::min(r0 + kTile, rows); ++r) {
          out[static_cast<size_t>(d * rows + r)] = x[r * dim + d];
        }
      }
    }
  }
}

// Adds x^T x of every tapped batch.
class HessianSums {
 public:
  explicit HessianSums(Backend& backend) : backend_(backend) {}

  void Add(const LinearInput& input) {
    if (HessianOwner(input.tensor) != input.tensor || input.rows == 0) return;
    Sum& sum = sums_[std::string(input.tensor)];
    sum.dim = input.dim;
    sum.tokens += static_cast<uint64_t>(input.rows);
    const auto elems = static_cast<size_t>(input.dim * input.dim);
    sum.products.resize(elems);
    product_.resize(elems);
    Transpose(input.x, input.rows, input.dim, transposed_);
    const WeightMatrix columns{BlockType::kF32, input.dim, input.rows,
                               reinterpret_cast<const std::byte*>(transposed_.data())};
    backend_.MatMul(columns, transposed_.data(), input.dim, product_.data());
    for (size_t i = 0; i < elems; ++i) sum.products[i] += product_[i];
  }

  HessianMap Finish() {
    HessianMap map;
    for (auto& [name, sum] : sums_) {
      Hessian& hessian = map[name];
      hessian.dim = sum.dim;
      hessian.tokens = sum.tokens;
      hessian.mean.resize(sum.products.size());
      const auto dim = static_cast<size_t>(sum.dim);
      const double scale = 0.5 / static_cast<double>(sum.tokens);
      for (size_t i = 0; i < dim; ++i) {
        for (size_t j = 0; j < dim; ++j) {
          const double both = sum.products[i * dim + j] + sum.products[j * dim + i];
          hessian.mean[i * dim + j] = static_cast<float>(scale * both);
        }
      }
      std::vector<double>().swap(sum.products);
    }
    return map;
  }

 private:
  struct Sum {
    int64_t dim = 0;
    uint64_t tokens = 0;
    std::vector<double> products;
  };
  Backend& backend_;
  std::map<std::string, Sum> sums_;
  std::vector<float> transposed_, product_;
};

double Dot(const double* a, const double* b, int64_t count) {
  constexpr int kSums = 8;
  double sums[kSums] = {};
  int64_t i = 0;
  for (; i + kSums <= count; i += kSums) {
    for (int k = 0; k < kSums; ++k) sums[k] += a[i + k] * b[i + k];
  }
  double sum = 0;
  for (; i < count; ++i) sum += a[i] * b[i];
  for (const double part : sums) sum += part;
  return sum;
}

// Cholesky of the matrix with its rows and columns in reverse order: the last column of H is the
// first pivot. False when a pivot is not well above zero.
bool CholeskyReversed(const Hessian& hessian, double diagonal_add, double smallest_pivot,
                      ThreadPool& pool, std::vector<double>& lower) {
  const int64_t n = hessian.dim;
  lower.assign(static_cast<size_t>(n * n), 0.0);
  const auto source = [&](int64_t i, int64_t j) {
    const double value = hessian.mean[static_cast<size_t>((n - 1 - i) * n + (n - 1 - j))];
    return i == j ? value + diagonal_add : value;
  };
  for (int64_t j = 0; j < n; ++j) {
    double* row_j = lower.data() + j * n;
    const double pivot = source(j, j) - Dot(row_j, row_j, j);
    if (!(pivot > smallest_pivot)) return false;
    const double root = std::sqrt(pivot);
    row_j[j] = root;
    pool.ParallelFor(n - j - 1, 64, [&](int64_t begin, int64_t end, int) {
      for (int64_t i = j + 1 + begin; i < j + 1 + end; ++i) {
        double* row_i = lower.data() + i * n;
        row_i[j] = (source(i, j) - Dot(row_i, row_j, j)) / root;
      }
    });
  }
  return true;
}

FeedbackFactor FromCholesky(const std::vector<double>& lower, int64_t n) {
  FeedbackFactor factor;
  factor.dim = n;
  factor.feedback.assign(static_cast<size_t>(n * n), 0.0f);
  factor.residual.resize(static_cast<size_t>(n));
  for (int64_t k = 0; k < n; ++k) {
    const int64_t column = n - 1 - k;
    const double root = lower[static_cast<size_t>(column * n + column)];
    factor.residual[static_cast<size_t>(k)] = static_cast<float>(root * root);
    for (int64_t i = 0; i < k; ++i) {
      factor.feedback[static_cast<size_t>(k * n + i)] =
          static_cast<float>(lower[static_cast<size_t>((n - 1 - i) * n + column)] / root);
    }
  }
  return factor;
}

}  // namespace

std::string HessianOwner(std::string_view tensor) {
  const auto swapped = [&](std::string_view from, std::string_view to) -> std::string {
    const size_t at = tensor.find(from);
    if (at == std::string_view::npos) return {};
    return std::string(tensor.substr(0, at)) + std::string(to) +
           std::string(tensor.substr(at + from.size()));
  };
  for (const auto& [from, to] :
       {std::pair<std::string_view, std::string_view>{".attn_k.", ".attn_q."},
        {".attn_v.", ".attn_q."},
        {".ffn_up.", ".ffn_gate."}}) {
    std::string owner = swapped(from, to);
    if (!owner.empty()) return owner;
  }
  return std::string(tensor);
}

const Hessian* FindHessian(const HessianMap& map, std::string_view tensor) {
  auto found = map.find(tensor);
  if (found == map.end()) found = map.find(HessianOwner(tensor));
  return found == map.end() ? nullptr : &found->second;
}

Result<HessianMap> CollectHessians(Translator& translator,
                                   std::span<const TranslationRequest> requests,
                                   const std::function<void(size_t done, size_t total)>& progress) {
  HessianSums sums(translator.model().backend());
  DRAGOMAN_RETURN_IF_ERROR(RunCalibration(
      translator, requests, [&](const LinearInput& input) { sums.Add(input); }, progress));
  return sums.Finish();
}

Result<FeedbackFactor> FactorForFeedback(const Hessian& hessian, double damping, ThreadPool& pool,
                                         std::vector<float>* damped) {
  const int64_t n = hessian.dim;
  double mean = 0;
  for (int64_t i = 0; i < n; ++i) mean += hessian.mean[static_cast<size_t>(i * n + i)];
  mean /= static_cast<double>(std::max<int64_t>(n, 1));
  std::vector<double> lower;
  for (double share = damping; std::isfinite(mean) && mean > 0 && share < 1;
       share = std::max(share, 1e-6) * kDampingGrowth) {
    if (!CholeskyReversed(hessian, share * mean, kSmallestPivot * mean, pool, lower)) continue;
    if (damped != nullptr) {
      *damped = hessian.mean;
      for (int64_t i = 0; i < n; ++i) {
        (*damped)[static_cast<size_t>(i * n + i)] += static_cast<float>(share * mean);
      }
    }
    return FromCholesky(lower, n);
  }
  return Fail(ErrorCode::kInvalidArgument,
              fmt::format("second moments of {} columns: expected a positive definite matrix, "
                          "found a mean diagonal of {}",
                          n, mean));
}

}  // namespace dragoman
