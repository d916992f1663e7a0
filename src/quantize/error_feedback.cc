#include "quantize/error_feedback.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>

#include "quantize/block_parts.h"
#include "quantize/feedback_kernels.h"
#include "quantize/fp16_scale.h"
#include "quantize/lane_search.h"
#include "quantize/tensor_encoder.h"

namespace dragoman {
namespace {

// Columns between two products with all errors so far. The part of H that joins them is 256 KiB: it
// stays in the second-level cache while rows are worked on in turn.
constexpr int64_t kChunk = 256;
constexpr int64_t kRowsPerTask = 8;
// The search for scales bears importances within these bounds, relative to their mean.
constexpr float kLeastWeight = 1e-3f, kMostWeight = 1e3f;

int NearestCode(const PartsTraits& traits, float value, float step, float offset) {
  const float wanted = step == 0 ? 0.0f : (value + offset) / step;
  const float at =
      std::clamp(wanted, static_cast<float>(traits.code_low), static_cast<float>(traits.code_high));
  if (traits.levels != nullptr) return traits.NearestCode(at);
  return static_cast<int>((at + kRoundingBias) - kRoundingBias);
}

std::vector<float> RelativeWeights(const float* residual, int64_t count) {
  double sum = 0;
  for (int64_t i = 0; i < count; ++i) sum += residual[i];
  const auto mean = static_cast<float>(sum / static_cast<double>(count));
  std::vector<float> weights(static_cast<size_t>(count));
  for (size_t i = 0; i < weights.size(); ++i) {
    weights[i] = std::clamp(residual[i] / mean, kLeastWeight, kMostWeight);
  }
  return weights;
}

// One row within a chunk of columns, while the numbers of its blocks are moved one by one.
// `error` = w - q, `pull` = error H.
struct RowState {
  float* error = nullptr;        // [chunk]
  float* pull = nullptr;         // [chunk]
  BlockParts* blocks = nullptr;  // those of the chunk
  double gain = 0;               // by how much the loss fell
};

// Moves the numbers of some rows within a chunk. Whole blocks are moved along for all rows
// together: their products with H then read it once.
class ChunkDescent {
 public:
  // hessian [count, count]: the part that joins the chunk's columns.
  ChunkDescent(const PartsTraits& traits, const FeedbackKernels& kernels, const float* hessian,
               int64_t count)
      : traits_(traits), kernels_(kernels), hessian_(hessian), count_(count) {}

  void Pass(RowState* rows, int64_t row_count) {
    rows_ = rows;
    row_count_ = row_count;
    for (int64_t block = 0; block < count_ / traits_.elems; ++block) {
      block_ = block;
      first_ = block * traits_.elems;
      for (int64_t r = 0; r < row_count; ++r) {
        MoveCodes(rows[r]);
        if (traits_.scale_low < traits_.scale_high) MoveSubBlockNumbers(rows[r]);
      }
      MoveFactors();
    }
  }

 private:
  const float* HessianRow(int64_t column) const { return hessian_ + column * count_; }

  // out [rows, cols from `col` on] = direction [rows, depth] * H, direction on columns `from` on.
  void TimesHessian(const float* direction, int64_t rows, int64_t from, int64_t depth, int64_t col,
                    int64_t cols, float* out) const {
    kernels_.multiply_rows({direction, kMaxBlockElems, rows, depth, cols, HessianRow(from) + col,
                            count_, out, kChunk});
  }

  void MoveCodes(RowState& row) {
    BlockParts& parts = row.blocks[block_];
    for (int i = 0; i < traits_.elems; ++i) {
      const int sub = i / traits_.sub_elems;
      const float step = parts.step(sub), offset = parts.offset(sub);
      if (step == 0) continue;
      const int64_t column = first_ + i;
      const float curvature = HessianRow(column)[column], pull = row.pull[column];
      // A change by one step or more would not pay.
      if (2 * std::abs(pull) <= std::abs(step) * curvature) continue;
      const float now = step * static_cast<float>(parts.code[i]) - offset;
      const int code = NearestCode(traits_, now + pull / curvature, step, offset);
      if (code == parts.code[i]) continue;
      const float change = step * static_cast<float>(code - parts.code[i]);
      const double gain = 2.0 * change * pull - static_cast<double>(change) * change * curvature;
      if (!(gain > 0)) continue;
      parts.code[i] = static_cast<int16_t>(code);
      row.gain += gain;
      row.error[column] -= change;
      kernels_.add_scaled(-change, HessianRow(column), count_, row.pull);
    }
  }

  struct Slope {
    double pull = 0, curvature = 0;  // of the loss along a direction
  };

  static double Gain(const Slope& slope, double change) {
    return 2 * change * slope.pull - change * change * slope.curvature;
  }

  // The scale or minimum of a sub-block, columns from..from + count of the chunk, along
  // `direction`: whole numbers within low..high.
  void MoveWhole(RowState& row, const float* direction, int64_t from, int64_t count, int low,
                 int high, int16_t& number) {
    float product[kChunk];
    TimesHessian(direction, 1, from, count, from, count, product);
    const Slope slope = {kernels_.dot(direction, row.pull + from, count),
                         kernels_.dot(direction, product, count)};
    if (!(slope.curvature > 0)) return;
    const double best =
        std::clamp(number + slope.pull / slope.curvature, double{1} * low, double{1} * high);
    const int found = static_cast<int>(std::nearbyint(best));
    const double gain = Gain(slope, found - number);
    if (found == number || !(gain > 0)) return;
    TimesHessian(direction, 1, from, count, 0, count_, product);
    const auto change = static_cast<float>(found - number);
    row.gain += gain;
    kernels_.add_scaled(-change, direction, count, row.error + from);
    kernels_.add_scaled(-change, product, count_, row.pull);
    number = static_cast<int16_t>(found);
  }

  void MoveSubBlockNumbers(RowState& row) {
    BlockParts& parts = row.blocks[block_];
    const float d = Fp16ToFloat(parts.d), dmin = Fp16ToFloat(parts.dmin);
    float direction[kMaxBlockElems];
    const int count = traits_.sub_elems;
    for (int sub = 0; sub < traits_.sub_blocks(); ++sub) {
      const int16_t* codes = parts.code + sub * count;
      for (int i = 0; i < count; ++i) direction[i] = d * static_cast<float>(codes[i]);
      MoveWhole(row, direction, first_ + sub * count, count, traits_.scale_low, traits_.scale_high,
                parts.scale[sub]);
      if (traits_.minimum_low == traits_.minimum_high) continue;
      std::fill(direction, direction + count, -dmin);
      MoveWhole(row, direction, first_ + sub * count, count, traits_.minimum_low,
                traits_.minimum_high, parts.minimum[sub]);
    }
  }

  // The fp16 factor `factor` of every row's block, each along its row of directions_.
  void MoveFactor(uint16_t BlockParts::*factor, bool keep_sign) {
    TimesHessian(directions_.data(), row_count_, first_, traits_.elems, 0, count_,
                 products_.data());
    for (int64_t r = 0; r < row_count_; ++r) {
      RowState& row = rows_[r];
      const float* direction = directions_.data() + r * kMaxBlockElems;
      const float* product = products_.data() + r * kChunk;
      const Slope slope = {kernels_.dot(direction, row.pull + first_, traits_.elems),
                           kernels_.dot(direction, product + first_, traits_.elems)};
      if (!(slope.curvature > 0)) continue;
      uint16_t& bits = row.blocks[block_].*factor;
      const float now = Fp16ToFloat(bits);
      double best = now + slope.pull / slope.curvature;
      if (keep_sign) best = std::max(best, 0.0);
      const uint16_t found = SaturatedFp16(best);
      const float change = Fp16ToFloat(found) - now;
      const double gain = Gain(slope, change);
      if (change == 0 || !(gain > 0)) continue;
      row.gain += gain;
      kernels_.add_scaled(-change, direction, traits_.elems, row.error + first_);
      kernels_.add_scaled(-change, product, count_, row.pull);
      bits = found;
    }
  }

  void MoveFactors() {
    const bool affine = traits_.has_dmin;
    ForDirections([&](const BlockParts& parts, int i) {
      return static_cast<float>(parts.scale[i / traits_.sub_elems] * parts.code[i]);
    });
    MoveFactor(&BlockParts::d, affine);
    if (!affine) return;
    ForDirections([&](const BlockParts& parts, int i) {
      return -static_cast<float>(parts.minimum[i / traits_.sub_elems]);
    });
    MoveFactor(&BlockParts::dmin, traits_.minimum_low < traits_.minimum_high);
  }

  template <typename Value>
  void ForDirections(const Value& value) {
    for (int64_t r = 0; r < row_count_; ++r) {
      float* direction = directions_.data() + r * kMaxBlockElems;
      for (int i = 0; i < traits_.elems; ++i) direction[i] = value(rows_[r].blocks[block_], i);
    }
  }

  const PartsTraits& traits_;
  const FeedbackKernels& kernels_;
  const float* hessian_;
  const int64_t count_;
  RowState* rows_ = nullptr;
  int64_t row_count_ = 0;
  int64_t block_ = 0, first_ = 0;  // of the chunk; its first column
  std::array<float, kRowsPerTask * kMaxBlockElems> directions_;
  std::array<float, kRowsPerTask * kChunk> products_;
};

// Rows of one tensor that are in work at the same time.
class RowGroup {
 public:
  RowGroup(const FeedbackContext& context, BlockType type, const float* values, int64_t rows,
           Backend& backend, ThreadPool& pool)
      : context_(context),
        type_(type),
        traits_(*FindPartsTraits(type)),
        values_(values),
        rows_(rows),
        dim_(context.factor->dim),
        blocks_per_row_(dim_ / traits_.elems),
        backend_(backend),
        pool_(pool),
        error_(static_cast<size_t>(rows * dim_)),
        product_(static_cast<size_t>(rows * std::min(kChunk, dim_))),
        blocks_(static_cast<size_t>(rows * blocks_per_row_)) {}

  // Returns the loss, as the factor gives it.
  double RoundLeftToRight() {
    double loss = 0;
    for (int64_t first = 0; first < dim_; first += kChunk) {
      const int64_t count = std::min(kChunk, dim_ - first);
      if (first == 0) {
        std::fill(product_.begin(), product_.end(), 0.0f);
      } else {
        // Later columns' errors are still zero, as are the coefficients on them.
        Product(context_.factor->feedback.data() + first * dim_, count);
      }
      PrepareChunk(first, count);
      loss +=
          ForRows([&](int64_t row, int64_t rows) { return RoundChunk(row, rows, first, count); });
    }
    return loss;
  }

  // Sum over the rows of error H error^T.
  double Loss() {
    double loss = 0;
    for (int64_t first = 0; first < dim_; first += kChunk) {
      const int64_t count = PullChunk(first);
      loss += ForRows([&](int64_t row, int64_t rows) {
        double sum = 0;
        for (int64_t r = row; r < row + rows; ++r) {
          sum += kernels_.dot(error_.data() + r * dim_ + first, product_.data() + r * count, count);
        }
        return sum;
      });
    }
    return loss;
  }

  // One pass over all numbers of all rows. Returns by how much the loss fell.
  double Descend() {
    double gain = 0;
    for (int64_t first = 0; first < dim_; first += kChunk) {
      const int64_t count = PullChunk(first);
      CopyHessianChunk(first, count);
      gain +=
          ForRows([&](int64_t row, int64_t rows) { return DescendChunk(row, rows, first, count); });
    }
    return gain;
  }

  void Pack(std::byte* out) const {
    const size_t block_bytes = TraitsOf(type_).block_bytes;
    for (size_t i = 0; i < blocks_.size(); ++i) PackBlock(type_, blocks_[i], out + i * block_bytes);
  }

 private:
  // product_ [rows, count] = error [rows, dim] * matrix [count, dim]^T.
  void Product(const float* matrix, int64_t count) {
    const WeightMatrix weights{BlockType::kF32, count, dim_,
                               reinterpret_cast<const std::byte*>(matrix)};
    backend_.MatMul(weights, error_.data(), rows_, product_.data());
  }

  // product_ [rows, count] = error (H + diagonal_add I) on the chunk's columns. Returns count.
  int64_t PullChunk(int64_t first) {
    const int64_t count = std::min(kChunk, dim_ - first);
    Product(context_.hessian->data() + first * dim_, count);
    pool_.ParallelFor(rows_, kRowsPerTask, [&](int64_t begin, int64_t end, int) {
      for (int64_t row = begin; row < end; ++row) {
        kernels_.add_scaled(context_.factor->diagonal_add, error_.data() + row * dim_ + first,
                            count, product_.data() + row * count);
      }
    });
    return count;
  }

  // Sums body(first row, rows) over tasks of kRowsPerTask rows, in order of the rows.
  double ForRows(const std::function<double(int64_t row, int64_t rows)>& body) {
    const int64_t tasks = (rows_ + kRowsPerTask - 1) / kRowsPerTask;
    std::vector<double> sums(static_cast<size_t>(tasks));
    pool_.ParallelFor(tasks, 1, [&](int64_t begin, int64_t end, int) {
      for (int64_t task = begin; task < end; ++task) {
        const int64_t row = task * kRowsPerTask;
        sums[static_cast<size_t>(task)] = body(row, std::min(kRowsPerTask, rows_ - row));
      }
    });
    double sum = 0;
    for (const double part : sums) sum += part;
    return sum;
  }

  // The coefficients within the chunk, by the column that hands its error on; importance by block.
  void PrepareChunk(int64_t first, int64_t count) {
    within_.assign(static_cast<size_t>(count * count), 0.0f);
    for (int64_t k = 0; k < count; ++k) {
      for (int64_t i = 0; i < k; ++i) {
        within_[static_cast<size_t>(i * count + k)] =
            context_.factor->feedback[static_cast<size_t>((first + k) * dim_ + first + i)];
      }
    }
    weights_.clear();
    for (int64_t at = 0; at < count; at += traits_.elems) {
      weights_.push_back(
          RelativeWeights(context_.factor->residual.data() + first + at, traits_.elems));
    }
  }

  double RoundChunk(int64_t row, int64_t rows, int64_t first, int64_t count) {
    const int64_t elems = traits_.elems;
    const size_t block_bytes = TraitsOf(type_).block_bytes;
    float* carried = product_.data() + row * count;
    float wanted[kRowsPerTask * kMaxBlockElems];
    std::vector<std::byte> bytes(static_cast<size_t>(rows) * block_bytes);
    double loss = 0;
    for (int64_t at = 0; at < count; at += elems) {
      for (int64_t r = 0; r < rows; ++r) {
        const float* source = values_ + (row + r) * dim_ + first + at;
        for (int64_t i = 0; i < elems; ++i) {
          wanted[r * elems + i] = source[i] + carried[r * count + at + i];
        }
      }
      EncodeRows(type_, wanted, rows, elems, weights_[static_cast<size_t>(at / elems)],
                 bytes.data());
      for (int64_t r = 0; r < rows; ++r) {
        const int64_t block = (row + r) * blocks_per_row_ + (first + at) / elems;
        BlockParts parts = UnpackBlock(type_, bytes.data() + static_cast<size_t>(r) * block_bytes);
        loss += RoundBlock(row + r, first, at, count, carried + r * count, parts);
        blocks_[static_cast<size_t>(block)] = parts;
      }
    }
    return loss;
  }

  double RoundBlock(int64_t row, int64_t first, int64_t at, int64_t count, float* carried,
                    BlockParts& parts) {
    constexpr int64_t kAlign = 16;  // whole vectors; the coefficients before column k are zero
    const float* source = values_ + row * dim_ + first;
    float* error = error_.data() + row * dim_ + first;
    double loss = 0;
    for (int i = 0; i < traits_.elems; ++i) {
      const int64_t k = at + i;
      const int sub = i / traits_.sub_elems;
      const float step = parts.step(sub), offset = parts.offset(sub);
      const int code = NearestCode(traits_, source[k] + carried[k], step, offset);
      parts.code[i] = static_cast<int16_t>(code);
      error[k] = source[k] - (step * static_cast<float>(code) - offset);
      const double rest = static_cast<double>(error[k]) + carried[k];
      loss += context_.factor->residual[static_cast<size_t>(first + k)] * rest * rest;
      const int64_t from = (k + 1) / kAlign * kAlign;
      kernels_.add_scaled(error[k], within_.data() + k * count + from, count - from,
                          carried + from);
    }
    return loss;
  }

  void CopyHessianChunk(int64_t first, int64_t count) {
    within_.resize(static_cast<size_t>(count * count));
    for (int64_t k = 0; k < count; ++k) {
      const float* from = context_.hessian->data() + (first + k) * dim_ + first;
      std::copy(from, from + count, within_.data() + k * count);
      within_[static_cast<size_t>(k * count + k)] += context_.factor->diagonal_add;
    }
  }

  double DescendChunk(int64_t row, int64_t rows, int64_t first, int64_t count) {
    RowState states[kRowsPerTask];
    for (int64_t r = 0; r < rows; ++r) {
      const int64_t block = (row + r) * blocks_per_row_ + first / traits_.elems;
      states[r] = {error_.data() + (row + r) * dim_ + first, product_.data() + (row + r) * count,
                   blocks_.data() + block};
    }
    ChunkDescent(traits_, kernels_, within_.data(), count).Pass(states, rows);
    double gain = 0;
    for (int64_t r = 0; r < rows; ++r) gain += states[r].gain;
    return gain;
  }

  const FeedbackContext& context_;
  const BlockType type_;
  const PartsTraits& traits_;
  const float* values_;
  const int64_t rows_, dim_, blocks_per_row_;
  Backend& backend_;
  ThreadPool& pool_;
  const FeedbackKernels kernels_ = SimdFeedbackKernels();
  std::vector<float> error_;    // [rows, dim]
  std::vector<float> product_;  // [rows, chunk]: what is carried into the chunk, or its pulls
  std::vector<BlockParts> blocks_;
  std::vector<float> within_;  // [chunk, chunk]: coefficients, or H
  std::vector<std::vector<float>> weights_;
};

}  // namespace

int64_t FeedbackGroupRows(int64_t dim, const FeedbackOptions& options) {
  return std::max<int64_t>(1, options.group_elems / dim / kRowsPerTask) * kRowsPerTask;
}

FeedbackLoss RoundWithFeedback(const FeedbackContext& context, BlockType type, const float* values,
                               int64_t rows, const FeedbackOptions& options, Backend& backend,
                               ThreadPool& pool, std::byte* out) {
  const int64_t dim = context.factor->dim;
  const auto row_bytes = static_cast<size_t>(*TensorBytes(type, 1, static_cast<uint64_t>(dim)));
  const int64_t group_rows = FeedbackGroupRows(dim, options);
  FeedbackLoss total;
  for (int64_t first = 0; first < rows; first += group_rows) {
    RowGroup group(context, type, values + first * dim, std::min(group_rows, rows - first), backend,
                   pool);
    double loss = group.RoundLeftToRight();
    total.after_feedback += loss;
    for (int pass = 0; pass < options.most_passes; ++pass) {
      const double gain = group.Descend();
      loss -= gain;
      if (gain < options.least_gain * loss) break;
    }
    total.after_passes += group.Loss();
    group.Pack(out + static_cast<size_t>(first) * row_bytes);
  }
  return total;
}

}  // namespace dragoman
