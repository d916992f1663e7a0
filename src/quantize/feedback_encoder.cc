#include "quantize/feedback_encoder.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <span>

#include "quantize/block_parts.h"
#include "quantize/feedback_kernels.h"

namespace dragoman {
namespace {

constexpr int64_t kRowsPerLoop = 16;  // of the plain loops over rows

// Sums body(row) over the rows, in their order whatever the threads.
template <typename Sums, typename Body>
Sums SumRows(int64_t rows, ThreadPool& pool, const Body& body) {
  std::vector<Sums> parts(static_cast<size_t>(rows));
  pool.ParallelFor(rows, kRowsPerLoop, [&](int64_t begin, int64_t end, int) {
    for (int64_t row = begin; row < end; ++row) parts[static_cast<size_t>(row)] = body(row);
  });
  Sums sum{};
  for (const Sums& part : parts) sum += part;
  return sum;
}

// What is added up over a tensor, group by group.
struct EncodedSums {
  double squared_error = 0, square = 0;  // of the values
  double loss = 0, energy = 0;           // (w - q) H (w - q)^T, w H w^T

  EncodedSums& operator+=(const EncodedSums& other) {
    squared_error += other.squared_error;
    square += other.square;
    loss += other.loss;
    energy += other.energy;
    return *this;
  }
};

// Sum over the rows of w H w^T: what the loss is relative to.
double OutputEnergy(const float* values, int64_t rows, const Hessian& hessian, Backend& backend,
                    ThreadPool& pool) {
  constexpr int64_t kColumns = 256;  // of H at a time: it streams from memory once
  const FeedbackKernels kernels = SimdFeedbackKernels();
  const int64_t dim = hessian.dim;
  std::vector<float> product(static_cast<size_t>(rows * std::min(dim, kColumns)));
  double energy = 0;
  for (int64_t first = 0; first < dim; first += kColumns) {
    const int64_t count = std::min(kColumns, dim - first);
    const WeightMatrix part{BlockType::kF32, count, dim,
                            reinterpret_cast<const std::byte*>(hessian.mean.data() + first * dim)};
    backend.MatMul(part, values, rows, product.data());
    energy += SumRows<double>(rows, pool, [&](int64_t row) {
      return kernels.dot(values + row * dim + first, product.data() + row * count, count);
    });
  }
  return energy;
}

EncodedSums CompareValues(const float* source, int64_t rows, int64_t cols, BlockType type,
                          const std::vector<std::byte>& blocks, ThreadPool& pool) {
  const auto row_bytes = static_cast<size_t>(*TensorBytes(type, 1, static_cast<uint64_t>(cols)));
  return SumRows<EncodedSums>(rows, pool, [&](int64_t row) {
    std::vector<float> decoded(static_cast<size_t>(cols));
    TraitsOf(type).decode(blocks.data() + static_cast<size_t>(row) * row_bytes, cols,
                          decoded.data());
    EncodedSums sums;
    for (int64_t i = 0; i < cols; ++i) {
      const double x = source[row * cols + i], rest = x - decoded[static_cast<size_t>(i)];
      sums.squared_error += rest * rest;
      sums.square += x * x;
    }
    return sums;
  });
}

// values [rows, cols] of the tensor from row `first` on. False when one is not finite.
bool DecodeGroup(const TensorInfo& info, std::span<const std::byte> bytes, int64_t first,
                 int64_t rows, ThreadPool& pool, float* values) {
  const auto cols = static_cast<int64_t>(info.cols());
  const auto row_bytes = static_cast<size_t>(*TensorBytes(info.type, 1, info.cols()));
  std::atomic<bool> finite{true};
  pool.ParallelFor(rows, kRowsPerLoop, [&](int64_t begin, int64_t end, int) {
    float* to = values + begin * cols;
    const int64_t count = (end - begin) * cols;
    TraitsOf(info.type).decode(bytes.data() + static_cast<size_t>(first + begin) * row_bytes, count,
                               to);
    if (!std::all_of(to, to + count, [](float x) { return std::isfinite(x); })) finite = false;
  });
  return finite;
}

}  // namespace

FeedbackEncoder::FeedbackEncoder(SecondMoments& moments, double damping, FeedbackOptions options)
    : moments_(moments), damping_(damping), options_(options) {}

Result<bool> FeedbackEncoder::Covers(const EncodeRequest& request) {
  if (request.tensor->is_norm || FindPartsTraits(request.type) == nullptr) return false;
  DRAGOMAN_ASSIGN_OR_RETURN(const Hessian* hessian, moments_.Of(request.tensor->name));
  return hessian != nullptr;
}

Result<FeedbackTensorError> FeedbackEncoder::Encode(const Checkpoint& checkpoint,
                                                    const EncodeRequest& request, ThreadPool& pool,
                                                    const ByteSink& sink,
                                                    const std::function<void(uint64_t)>& on_piece) {
  const TensorInfo& info = *request.tensor->info;
  DRAGOMAN_ASSIGN_OR_RETURN(const Hessian* found, moments_.Of(request.tensor->name));
  const Hessian& hessian = *found;
  const auto rows = static_cast<int64_t>(info.rows()), cols = static_cast<int64_t>(info.cols());
  if (hessian.dim != cols) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("second moments of {}: expected {} columns, found {}",
                            request.tensor->name, cols, hessian.dim));
  }
  if (!backend_) {
    DRAGOMAN_ASSIGN_OR_RETURN(backend_,
                              OpenBackend("auto", pool.threads(), {.float32_activations = true}));
  }
  DRAGOMAN_ASSIGN_OR_RETURN(const FeedbackFactor factor,
                            FactorForFeedback(hessian, damping_, *backend_, pool));
  const FeedbackContext context{&factor, &hessian.mean};
  const int64_t group_rows = std::min(rows, FeedbackGroupRows(cols, options_));
  const uint64_t source_row_bytes = *TensorBytes(info.type, 1, info.cols());
  const uint64_t row_bytes = *TensorBytes(request.type, 1, info.cols());
  std::vector<float> values(static_cast<size_t>(group_rows * cols));
  std::vector<std::byte> blocks, all;
  EncodedSums total;
  for (int64_t first = 0; first < rows; first += group_rows) {
    const int64_t count = std::min(group_rows, rows - first);
    if (!DecodeGroup(info, checkpoint.Data(info), first, count, pool, values.data())) {
      return Fail(ErrorCode::kCorruptFile, "expected finite weights, found NaN or infinity",
                  checkpoint.files()[info.file_index] + ": tensor " + info.name);
    }
    blocks.resize(static_cast<uint64_t>(count) * row_bytes);
    total.loss += RoundWithFeedback(context, request.type, values.data(), count, options_,
                                    *backend_, pool, blocks.data())
                      .after_passes;
    total.energy += OutputEnergy(values.data(), count, hessian, *backend_, pool);
    total += CompareValues(values.data(), count, cols, request.type, blocks, pool);
    DRAGOMAN_RETURN_IF_ERROR(sink(blocks));
    if (moments_.wants_blocks()) all.insert(all.end(), blocks.begin(), blocks.end());
    if (on_piece) on_piece(static_cast<uint64_t>(count) * source_row_bytes);
  }
  if (moments_.wants_blocks()) {
    DRAGOMAN_RETURN_IF_ERROR(moments_.Quantized(request.tensor->name, request.type, all));
  }
  const double elems = std::max(1.0, static_cast<double>(rows) * static_cast<double>(cols));
  return FeedbackTensorError{{total.squared_error / elems, total.square / elems},
                             total.energy > 0 ? total.loss / total.energy : 0};
}

}  // namespace dragoman
