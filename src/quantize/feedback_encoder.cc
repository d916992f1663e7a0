#include "quantize/feedback_encoder.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "quantize/block_parts.h"

namespace dragoman {
namespace {

constexpr size_t kFactorsKept = 2;  // tensors of one input lie close together

// Sum over the rows of w H w^T: what the loss is relative to.
double OutputEnergy(const std::vector<float>& values, int64_t rows, const Hessian& hessian,
                    Backend& backend) {
  constexpr int64_t kRows = 256;
  const int64_t dim = hessian.dim;
  const WeightMatrix matrix{BlockType::kF32, dim, dim,
                            reinterpret_cast<const std::byte*>(hessian.mean.data())};
  std::vector<float> product(static_cast<size_t>(std::min(rows, kRows) * dim));
  double energy = 0;
  for (int64_t first = 0; first < rows; first += kRows) {
    const int64_t count = std::min(kRows, rows - first);
    const float* from = values.data() + first * dim;
    backend.MatMul(matrix, from, count, product.data());
    for (int64_t i = 0; i < count * dim; ++i) {
      energy += static_cast<double>(from[i]) * product[static_cast<size_t>(i)];
    }
  }
  return energy;
}

TensorError CompareValues(const std::vector<float>& source, BlockType type,
                          const std::vector<std::byte>& blocks, int64_t cols) {
  const BlockTraits& traits = TraitsOf(type);
  const auto row_bytes = static_cast<size_t>(*TensorBytes(type, 1, static_cast<uint64_t>(cols)));
  std::vector<float> decoded(static_cast<size_t>(cols));
  TensorError error;
  for (size_t row = 0; row * decoded.size() < source.size(); ++row) {
    traits.decode(blocks.data() + row * row_bytes, cols, decoded.data());
    for (size_t i = 0; i < decoded.size(); ++i) {
      const double x = source[row * decoded.size() + i], rest = x - decoded[i];
      error.mean_squared += rest * rest;
      error.mean_square_of_source += x * x;
    }
  }
  const double elems = std::max<double>(1, static_cast<double>(source.size()));
  error.mean_squared /= elems;
  error.mean_square_of_source /= elems;
  return error;
}

}  // namespace

FeedbackEncoder::FeedbackEncoder(const HessianMap& hessians, double damping,
                                 FeedbackOptions options)
    : hessians_(hessians), damping_(damping), options_(options) {}

bool FeedbackEncoder::Covers(const EncodeRequest& request) const {
  if (request.tensor->is_norm || FindPartsTraits(request.type) == nullptr) return false;
  return FindHessian(hessians_, request.tensor->name) != nullptr;
}

Result<const FeedbackEncoder::Prepared*> FeedbackEncoder::PreparedFor(const Hessian& hessian,
                                                                      ThreadPool& pool) {
  for (const auto& known : prepared_) {
    if (known->hessian == &hessian) return known.get();
  }
  if (prepared_.size() == kFactorsKept) prepared_.erase(prepared_.begin());
  auto fresh = std::make_unique<Prepared>();
  fresh->hessian = &hessian;
  DRAGOMAN_ASSIGN_OR_RETURN(fresh->factor,
                            FactorForFeedback(hessian, damping_, pool, &fresh->damped));
  prepared_.push_back(std::move(fresh));
  return prepared_.back().get();
}

Result<FeedbackTensorError> FeedbackEncoder::Encode(const Checkpoint& checkpoint,
                                                    const EncodeRequest& request, ThreadPool& pool,
                                                    const ByteSink& sink,
                                                    const std::function<void(uint64_t)>& on_piece) {
  const TensorInfo& info = *request.tensor->info;
  const Hessian& hessian = *FindHessian(hessians_, request.tensor->name);
  const auto rows = static_cast<int64_t>(info.rows()), cols = static_cast<int64_t>(info.cols());
  if (hessian.dim != cols) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("second moments of {}: expected {} columns, found {}",
                            request.tensor->name, cols, hessian.dim));
  }
  if (!backend_) {
    DRAGOMAN_ASSIGN_OR_RETURN(backend_, OpenBackend("auto", pool.threads()));
  }
  std::vector<float> values(static_cast<size_t>(rows * cols));
  TraitsOf(info.type).decode(checkpoint.Data(info).data(), rows * cols, values.data());
  if (!std::all_of(values.begin(), values.end(), [](float x) { return std::isfinite(x); })) {
    return Fail(ErrorCode::kCorruptFile, "expected finite weights, found NaN or infinity",
                checkpoint.files()[info.file_index] + ": tensor " + info.name);
  }
  DRAGOMAN_ASSIGN_OR_RETURN(const Prepared* prepared, PreparedFor(hessian, pool));
  std::vector<std::byte> blocks(
      static_cast<size_t>(*TensorBytes(request.type, info.rows(), info.cols())));
  const FeedbackLoss loss =
      RoundWithFeedback({&prepared->factor, &prepared->damped}, request.type, values.data(), rows,
                        options_, *backend_, pool, blocks.data());
  FeedbackTensorError error;
  error.weights = CompareValues(values, request.type, blocks, cols);
  const double energy = OutputEnergy(values, rows, hessian, *backend_);
  error.output_loss = energy > 0 ? loss.after_passes / energy : 0;
  DRAGOMAN_RETURN_IF_ERROR(sink(blocks));
  if (on_piece) on_piece(info.size_bytes);
  return error;
}

}  // namespace dragoman
