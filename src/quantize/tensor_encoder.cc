#include "quantize/tensor_encoder.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstring>
#include <string>

#include "quantize/block32_rows.h"
#include "quantize/k_rows.h"
#include "quantize/lane_search.h"
#include "quantize/plain_rows.h"
#include "quantize/quantize.h"

namespace dragoman {
namespace {

// A slice is what one thread works on between two looks at the shared counter: its float copy fits
// the second-level cache. A piece is what is encoded before it is handed to the sink.
constexpr int64_t kSliceElems = 32 * 1024;
constexpr int64_t kPieceElems = 8 * 1024 * 1024;

// Sums of one slice; added up in order of the slices, so that the thread count does not show.
struct SliceSums {
  double squared_error = 0, square = 0;
};

// In eight running sums, to keep rounding small and the loop wide.
SliceSums CompareSlices(const float* source, const float* decoded, int64_t count) {
  constexpr int kSums = 8;
  double errors[kSums] = {}, squares[kSums] = {};
  int64_t i = 0;
  for (; i + kSums <= count; i += kSums) {
    for (int k = 0; k < kSums; ++k) {
      const double x = source[i + k], rest = static_cast<double>(source[i + k]) - decoded[i + k];
      errors[k] += rest * rest;
      squares[k] += x * x;
    }
  }
  SliceSums sums;
  for (; i < count; ++i) {
    const double x = source[i], rest = x - decoded[i];
    sums.squared_error += rest * rest;
    sums.square += x * x;
  }
  for (int k = 0; k < kSums; ++k) {
    sums.squared_error += errors[k];
    sums.square += squares[k];
  }
  return sums;
}

class TensorEncoding {
 public:
  TensorEncoding(const Checkpoint& checkpoint, const EncodeRequest& request, ThreadPool& pool)
      : request_(request), pool_(pool), source_(checkpoint.Data(*request.tensor->info)) {
    const TensorInfo& info = *request.tensor->info;
    cols_ = static_cast<int64_t>(info.cols());
    rows_ = static_cast<int64_t>(info.rows());
    source_row_bytes_ = rows_ == 0 ? 0 : source_.size() / static_cast<size_t>(rows_);
    out_row_bytes_ = static_cast<size_t>(*TensorBytes(request.type, 1, info.cols()));
    rows_per_slice_ = std::max<int64_t>(1, kSliceElems / cols_);
    rows_per_piece_ = std::max<int64_t>(1, kPieceElems / cols_ / rows_per_slice_) * rows_per_slice_;
    where_ = checkpoint.files()[info.file_index] + ": tensor " + info.name;
    scratch_.resize(static_cast<size_t>(pool.threads()));
  }

  Result<TensorError> Run(const ByteSink& sink, const std::function<void(uint64_t)>& on_piece) {
    std::vector<std::byte> piece(static_cast<size_t>(std::min(rows_, rows_per_piece_)) *
                                 out_row_bytes_);
    double squared_error = 0, square = 0;
    for (int64_t first = 0; first < rows_; first += rows_per_piece_) {
      const int64_t count = std::min(rows_per_piece_, rows_ - first);
      for (const SliceSums& sums : EncodePiece(first, count, piece.data())) {
        squared_error += sums.squared_error;
        square += sums.square;
      }
      DRAGOMAN_RETURN_IF_ERROR(CheckSums(squared_error, square));
      DRAGOMAN_RETURN_IF_ERROR(sink(
          std::span<const std::byte>(piece).first(static_cast<size_t>(count) * out_row_bytes_)));
      if (on_piece) on_piece(static_cast<uint64_t>(count) * source_row_bytes_);
    }
    const double elems = std::max(1.0, static_cast<double>(rows_) * static_cast<double>(cols_));
    return TensorError{squared_error / elems, square / elems};
  }

 private:
  struct Scratch {
    std::vector<float> values, decoded;
  };

  std::vector<SliceSums> EncodePiece(int64_t first_row, int64_t rows, std::byte* out) {
    const int64_t slices = (rows + rows_per_slice_ - 1) / rows_per_slice_;
    std::vector<SliceSums> sums(static_cast<size_t>(slices));
    pool_.ParallelFor(slices, 1, [&](int64_t begin, int64_t end, int worker) {
      for (int64_t slice = begin; slice < end; ++slice) {
        const int64_t row = slice * rows_per_slice_;
        sums[static_cast<size_t>(slice)] = EncodeSlice(
            first_row + row, std::min(rows_per_slice_, rows - row),
            out + static_cast<size_t>(row) * out_row_bytes_, scratch_[static_cast<size_t>(worker)]);
      }
    });
    return sums;
  }

  SliceSums EncodeSlice(int64_t row, int64_t rows, std::byte* out, Scratch& scratch) {
    const int64_t elems = rows * cols_;
    scratch.values.resize(static_cast<size_t>(rows_per_slice_ * cols_));
    scratch.decoded.resize(scratch.values.size());
    float* values = scratch.values.data();
    const std::byte* from = source_.data() + static_cast<size_t>(row) * source_row_bytes_;
    TraitsOf(request_.tensor->info->type).decode(from, elems, values);
    if (request_.tensor->norm_needs_plus_one) {
      for (int64_t i = 0; i < elems; ++i) values[i] += 1.0f;
    }
    if (!EncodeRows(request_.type, values, rows, cols_, request_.weights, out))
      does_not_fit_ = true;
    TraitsOf(request_.type).decode(out, elems, scratch.decoded.data());
    return CompareSlices(values, scratch.decoded.data(), elems);
  }

  Result<void> CheckSums(double squared_error, double square) const {
    if (!std::isfinite(square)) {
      return Fail(ErrorCode::kCorruptFile, "expected finite weights, found NaN or infinity",
                  where_);
    }
    if (does_not_fit_ || !std::isfinite(squared_error)) {
      return Fail(ErrorCode::kUnsupported,
                  "a weight is too large for " + std::string(TraitsOf(request_.type).name) +
                      ", use BF16 or F32",
                  where_);
    }
    return {};
  }

  const EncodeRequest& request_;
  ThreadPool& pool_;
  std::span<const std::byte> source_;
  int64_t rows_ = 0, cols_ = 0, rows_per_slice_ = 1, rows_per_piece_ = 1;
  size_t source_row_bytes_ = 0, out_row_bytes_ = 0;
  std::string where_;
  std::vector<Scratch> scratch_;
  std::atomic<bool> does_not_fit_{false};
};

bool AllFinite(BlockType type, std::span<const std::byte> bytes, ThreadPool& pool) {
  const uint64_t block_bytes = TraitsOf(type).block_bytes;
  const auto slice_bytes = static_cast<int64_t>((uint64_t{256} << 10) / block_bytes * block_bytes);
  const auto count = static_cast<int64_t>(bytes.size());
  std::atomic<bool> finite{true};
  pool.ParallelFor((count + slice_bytes - 1) / slice_bytes, 1,
                   [&](int64_t begin, int64_t end, int) {
                     const auto from = static_cast<size_t>(begin * slice_bytes);
                     const auto to = static_cast<size_t>(std::min(end * slice_bytes, count));
                     const FiniteScan scan = ScanFinite(type, bytes.subspan(from, to - from));
                     if (scan.nan_count + scan.inf_count > 0) finite = false;
                   });
  return finite;
}

// The same bits in and out: no decoding, no second copy, no loss. The scan keeps the promise that
// nothing bad passes.
Result<TensorError> CopyTensor(const Checkpoint& checkpoint, const TensorInfo& info,
                               ThreadPool& pool, const ByteSink& sink,
                               const std::function<void(uint64_t)>& on_piece) {
  const uint64_t block_bytes = TraitsOf(info.type).block_bytes;
  const uint64_t piece_bytes = (uint64_t{16} << 20) / block_bytes * block_bytes;
  const auto bytes = checkpoint.Data(info);
  for (uint64_t first = 0; first < bytes.size(); first += piece_bytes) {
    const auto piece = bytes.subspan(first, std::min<uint64_t>(piece_bytes, bytes.size() - first));
    if (!AllFinite(info.type, piece, pool)) {
      return Fail(ErrorCode::kCorruptFile, "expected finite weights, found NaN or infinity",
                  checkpoint.files()[info.file_index] + ": tensor " + info.name);
    }
    DRAGOMAN_RETURN_IF_ERROR(sink(piece));
    if (on_piece) on_piece(piece.size());
  }
  return TensorError{};
}

}  // namespace

Result<TensorError> EncodeTensor(const Checkpoint& checkpoint, const EncodeRequest& request,
                                 ThreadPool& pool, const ByteSink& sink,
                                 const std::function<void(uint64_t)>& on_piece) {
  const TensorInfo& info = *request.tensor->info;
  if (info.type == request.type && !request.tensor->norm_needs_plus_one) {
    return CopyTensor(checkpoint, info, pool, sink, on_piece);
  }
  return TensorEncoding(checkpoint, request, pool).Run(sink, on_piece);
}

bool EncodeRows(BlockType type, const float* values, int64_t rows, int64_t cols,
                const std::vector<float>& weights, std::byte* out) {
  const int64_t elems = rows * cols;
  switch (type) {
    case BlockType::kF32:
      std::memcpy(out, values, static_cast<size_t>(elems) * sizeof(float));
      return true;
    case BlockType::kF16:
      return FloatsToFp16(values, elems, reinterpret_cast<uint16_t*>(out));
    case BlockType::kBF16:
      return FloatsToBf16(values, elems, reinterpret_cast<uint16_t*>(out));
    case BlockType::kQ2_K:
    case BlockType::kQ3_K:
    case BlockType::kQ4_K:
    case BlockType::kQ5_K:
    case BlockType::kQ6_K:
    case BlockType::kIQ4_XS:
      QuantizeKRows(SimdLaneKernels(), type, values, rows, cols, weights, out);
      return true;
    case BlockType::kQ4_0:
    case BlockType::kQ4_1:
    case BlockType::kQ5_0:
    case BlockType::kQ5_1:
    case BlockType::kIQ4_NL:
    case BlockType::kQ8_0:
      QuantizeBlock32Rows(SimdLaneKernels(), type, values, rows, cols, weights, out);
      return true;
    default:
      DRAGOMAN_CHECK(false && "no encoder for this type");
      return false;
  }
}

void QuantizeRows(BlockType type, const float* values, int64_t rows, int64_t cols,
                  std::span<const float> importance, std::byte* out) {
  const bool weighted = importance.size() == static_cast<size_t>(cols);
  EncodeRows(type, values, rows, cols,
             weighted ? NormalizeImportance(importance.data(), cols) : std::vector<float>(), out);
}

}  // namespace dragoman
