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

GroupSums CompareValues(const float* source, int64_t rows, int64_t cols, BlockType type,
                        const std::vector<std::byte>& blocks, ThreadPool& pool) {
  const auto row_bytes = static_cast<size_t>(*TensorBytes(type, 1, static_cast<uint64_t>(cols)));
  return SumRows<GroupSums>(rows, pool, [&](int64_t row) {
    std::vector<float> decoded(static_cast<size_t>(cols));
    TraitsOf(type).decode(blocks.data() + static_cast<size_t>(row) * row_bytes, cols,
                          decoded.data());
    GroupSums sums;
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

FeedbackEncoder::FeedbackEncoder(SecondMoments& moments, double damping, FeedbackOptions options,
                                 OutputJournal* journal)
    : moments_(moments), damping_(damping), options_(options), journal_(journal) {}

bool FeedbackEncoder::Covers(const EncodeRequest& request) const {
  return !request.tensor->is_norm && FindPartsTraits(request.type) != nullptr &&
         moments_.Has(request.tensor->name);
}

Result<const FeedbackEncoder::Input*> FeedbackEncoder::InputOf(const EncodeRequest& request,
                                                               ThreadPool& pool) {
  if (input_) return &*input_;
  DRAGOMAN_ASSIGN_OR_RETURN(const Hessian* hessian, moments_.Of(request.tensor->name));
  const auto cols = static_cast<int64_t>(request.tensor->info->cols());
  if (hessian->dim != cols) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("second moments of {}: expected {} columns, found {}",
                            request.tensor->name, cols, hessian->dim));
  }
  if (!backend_) {
    DRAGOMAN_ASSIGN_OR_RETURN(backend_,
                              OpenBackend("auto", pool.threads(), {.float32_activations = true}));
  }
  DRAGOMAN_ASSIGN_OR_RETURN(FeedbackFactor factor,
                            FactorForFeedback(*hessian, damping_, *backend_, pool));
  input_.emplace(Input{hessian, std::move(factor)});
  return &*input_;
}

Result<EncodedRows> FeedbackEncoder::EncodeGroup(const Checkpoint& checkpoint,
                                                 const EncodeRequest& request, int64_t first_row,
                                                 int64_t rows, ThreadPool& pool) {
  const TensorInfo& info = *request.tensor->info;
  const auto cols = static_cast<int64_t>(info.cols());
  DRAGOMAN_ASSIGN_OR_RETURN(const Input* input, InputOf(request, pool));
  values_.resize(static_cast<size_t>(rows * cols));
  if (!DecodeGroup(info, checkpoint.Data(info), first_row, rows, pool, values_.data())) {
    return Fail(ErrorCode::kCorruptFile, "expected finite weights, found NaN or infinity",
                checkpoint.files()[info.file_index] + ": tensor " + info.name);
  }
  const FeedbackContext context{&input->factor, &input->hessian->mean};
  EncodedRows group;
  group.blocks.resize(*TensorBytes(request.type, static_cast<uint64_t>(rows), info.cols()));
  const FeedbackLoss loss = RoundWithFeedback(context, request.type, values_.data(), rows, options_,
                                              *backend_, pool, group.blocks.data());
  group.sums = CompareValues(values_.data(), rows, cols, request.type, group.blocks, pool);
  group.sums.loss = loss.after_passes;
  group.sums.energy = OutputEnergy(values_.data(), rows, *input->hessian, *backend_, pool);
  return group;
}

Result<FeedbackTensorError> FeedbackEncoder::Encode(const Checkpoint& checkpoint,
                                                    const EncodeRequest& request, ThreadPool& pool,
                                                    const ByteSink& sink,
                                                    const std::function<void(uint64_t)>& on_piece) {
  const TensorInfo& info = *request.tensor->info;
  const auto rows = static_cast<int64_t>(info.rows()), cols = static_cast<int64_t>(info.cols());
  const int64_t group_rows = std::min(rows, FeedbackGroupRows(cols, options_));
  const uint64_t row_bytes = *TensorBytes(request.type, 1, info.cols());
  std::vector<std::byte> all;
  GroupSums total;
  input_.reset();
  for (int64_t first = 0; first < rows; first += group_rows) {
    const int64_t count = std::min(group_rows, rows - first);
    std::optional<EncodedRows> group;
    if (journal_ != nullptr) {
      group = journal_->Find(request.tensor->name, first, static_cast<uint64_t>(count) * row_bytes);
    }
    if (!group) {
      DRAGOMAN_ASSIGN_OR_RETURN(group, EncodeGroup(checkpoint, request, first, count, pool));
      if (journal_ != nullptr) {
        DRAGOMAN_RETURN_IF_ERROR(journal_->Append(request.tensor->name, first, *group));
      }
    }
    total += group->sums;
    DRAGOMAN_RETURN_IF_ERROR(sink(group->blocks));
    if (moments_.wants_blocks()) all.insert(all.end(), group->blocks.begin(), group->blocks.end());
    if (on_piece) on_piece(static_cast<uint64_t>(count) * *TensorBytes(info.type, 1, info.cols()));
  }
  if (moments_.wants_blocks()) {
    DRAGOMAN_RETURN_IF_ERROR(moments_.Quantized(request.tensor->name, request.type, all));
  }
  const double elems = std::max(1.0, static_cast<double>(rows) * static_cast<double>(cols));
  return FeedbackTensorError{{total.squared_error / elems, total.square / elems},
                             total.energy > 0 ? total.loss / total.energy : 0};
}

}  // namespace dragoman
