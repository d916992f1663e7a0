#include "quantize/error_feedback.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "quantize/block_parts.h"
#include "quantize/fp16_scale.h"
#include "quantize/tensor_encoder.h"

namespace dragoman {
namespace {

constexpr int64_t kGroupElems = 32 << 20;  // of the rows in work at once: 128 MiB of errors
constexpr int64_t kChunk = 256;            // columns between two products with all errors so far
constexpr int64_t kRowsPerTask = 8;
// The search for scales bears importances within these bounds, relative to their mean.
constexpr float kLeastWeight = 1e-3f, kMostWeight = 1e3f;

void AddScaled(float factor, const float* x, int64_t count, float* to) {
  for (int64_t i = 0; i < count; ++i) to[i] += factor * x[i];
}

double Dot(const float* a, const float* b, int64_t count) {
  double sum = 0;
  for (int64_t i = 0; i < count; ++i) sum += static_cast<double>(a[i]) * b[i];
  return sum;
}

int NearestCode(const PartsTraits& traits, float value, float step, float offset) {
  const float wanted = step == 0 ? 0.0f : (value + offset) / step;
  return traits.NearestCode(std::clamp(wanted, static_cast<float>(traits.code_low),
                                       static_cast<float>(traits.code_high)));
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

// One row while the numbers of its blocks are moved one by one. `error` = w - q, `pull` = error H.
struct RowState {
  float* error = nullptr;
  float* pull = nullptr;
  BlockParts* blocks = nullptr;
};

class RowDescent {
 public:
  RowDescent(const PartsTraits& traits, const float* hessian, int64_t dim)
      : traits_(traits), hessian_(hessian), dim_(dim) {}

  // One pass over every number of the row. Returns by how much the loss fell.
  double Pass(const RowState& row) {
    row_ = row;
    gain_ = 0;
    for (int64_t block = 0; block < dim_ / traits_.elems; ++block) {
      first_ = block * traits_.elems;
      parts_ = row.blocks + block;
      MoveCodes();
      if (traits_.scale_low < traits_.scale_high) MoveSubBlockNumbers();
      MoveFactors();
    }
    return gain_;
  }

 private:
  using Direction = std::array<float, kMaxBlockElems>;

  const float* HessianRow(int64_t column) const { return hessian_ + column * dim_; }

  void MoveCodes() {
    for (int i = 0; i < traits_.elems; ++i) {
      const int sub = i / traits_.sub_elems;
      const float step = parts_->step(sub), offset = parts_->offset(sub);
      if (step == 0) continue;
      const int64_t column = first_ + i;
      const float curvature = HessianRow(column)[column];
      const float now = step * static_cast<float>(parts_->code[i]) - offset;
      const int code = NearestCode(traits_, now + row_.pull[column] / curvature, step, offset);
      if (code == parts_->code[i]) continue;
      const float change = step * static_cast<float>(code - parts_->code[i]);
      const double gain =
          2.0 * change * row_.pull[column] - static_cast<double>(change) * change * curvature;
      if (!(gain > 0)) continue;
      parts_->code[i] = static_cast<int16_t>(code);
      gain_ += gain;
      row_.error[column] -= change;
      AddScaled(-change, HessianRow(column), dim_, row_.pull);
    }
  }

  struct Slope {
    double pull = 0, curvature = 0;  // of the loss along a direction
  };

  Slope Along(const Direction& direction, int from, int to) const {
    Slope slope;
    for (int i = from; i < to; ++i) {
      const auto at = static_cast<size_t>(i);
      slope.pull += static_cast<double>(direction[at]) * row_.pull[first_ + i];
      slope.curvature += direction[at] * Dot(HessianRow(first_ + i) + first_ + from,
                                             direction.data() + from, to - from);
    }
    return slope;
  }

  static double Gain(const Slope& slope, double change) {
    return 2 * change * slope.pull - change * change * slope.curvature;
  }

  // The values of columns from..to rise by change * direction.
  void Move(const Direction& direction, int from, int to, double gain, float change) {
    gain_ += gain;
    for (int i = from; i < to; ++i) {
      const float by = change * direction[static_cast<size_t>(i)];
      if (by == 0) continue;
      row_.error[first_ + i] -= by;
      AddScaled(-by, HessianRow(first_ + i), dim_, row_.pull);
    }
  }

  void MoveWhole(const Direction& direction, int from, int to, int low, int high, int16_t& number) {
    const Slope slope = Along(direction, from, to);
    if (!(slope.curvature > 0)) return;
    const double best =
        std::clamp(number + slope.pull / slope.curvature, double{1} * low, double{1} * high);
    const int found = static_cast<int>(std::nearbyint(best));
    const double gain = Gain(slope, found - number);
    if (found == number || !(gain > 0)) return;
    Move(direction, from, to, gain, static_cast<float>(found - number));
    number = static_cast<int16_t>(found);
  }

  void MoveSubBlockNumbers() {
    const float d = Fp16ToFloat(parts_->d), dmin = Fp16ToFloat(parts_->dmin);
    Direction direction;
    for (int sub = 0; sub < traits_.sub_blocks(); ++sub) {
      const int from = sub * traits_.sub_elems, to = from + traits_.sub_elems;
      for (int i = from; i < to; ++i) {
        direction[static_cast<size_t>(i)] = d * static_cast<float>(parts_->code[i]);
      }
      MoveWhole(direction, from, to, traits_.scale_low, traits_.scale_high, parts_->scale[sub]);
      if (traits_.minimum_low == traits_.minimum_high) continue;
      std::fill(direction.begin() + from, direction.begin() + to, -dmin);
      MoveWhole(direction, from, to, traits_.minimum_low, traits_.minimum_high,
                parts_->minimum[sub]);
    }
  }

  void MoveFactor(const Direction& direction, uint16_t& factor, bool keep_sign) {
    const Slope slope = Along(direction, 0, traits_.elems);
    if (!(slope.curvature > 0)) return;
    const float now = Fp16ToFloat(factor);
    double best = now + slope.pull / slope.curvature;
    if (keep_sign) best = std::max(best, 0.0);
    const uint16_t found = SaturatedFp16(best);
    const float change = Fp16ToFloat(found) - now;
    const double gain = Gain(slope, change);
    if (change == 0 || !(gain > 0)) return;
    Move(direction, 0, traits_.elems, gain, change);
    factor = found;
  }

  void MoveFactors() {
    Direction direction;
    for (int i = 0; i < traits_.elems; ++i) {
      direction[static_cast<size_t>(i)] =
          static_cast<float>(parts_->scale[i / traits_.sub_elems] * parts_->code[i]);
    }
    const bool affine = traits_.has_dmin;
    MoveFactor(direction, parts_->d, affine);
    if (!affine) return;
    for (int i = 0; i < traits_.elems; ++i) {
      direction[static_cast<size_t>(i)] =
          -static_cast<float>(parts_->minimum[i / traits_.sub_elems]);
    }
    MoveFactor(direction, parts_->dmin, traits_.minimum_low < traits_.minimum_high);
  }

  const PartsTraits& traits_;
  const float* hessian_;
  const int64_t dim_;
  RowState row_;
  BlockParts* parts_ = nullptr;
  int64_t first_ = 0;  // column of the block
  double gain_ = 0;
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
        blocks_(static_cast<size_t>(rows * blocks_per_row_)) {}

  void RoundLeftToRight() {
    std::vector<float> carried;  // [rows, chunk], from the columns before the chunk
    for (int64_t first = 0; first < dim_; first += kChunk) {
      const int64_t count = std::min(kChunk, dim_ - first);
      carried.assign(static_cast<size_t>(rows_ * count), 0.0f);
      if (first > 0) {
        // Later columns' errors are still zero, as are the coefficients on them.
        Product(context_.factor->feedback.data() + first * dim_, count, carried.data());
      }
      PrepareChunk(first, count);
      pool_.ParallelFor(rows_, kRowsPerTask, [&](int64_t begin, int64_t end, int) {
        for (int64_t row = begin; row < end; row += kRowsPerTask) {
          RoundChunk(row, std::min(kRowsPerTask, end - row), first, count,
                     carried.data() + row * count);
        }
      });
    }
  }

  // Sum over the rows of error H error^T; refreshes the rows' pulls.
  double Loss() {
    pull_.resize(error_.size());
    Product(context_.hessian->data(), dim_, pull_.data());
    return Dot(error_.data(), pull_.data(), rows_ * dim_);
  }

  // One pass over all rows. Returns by how much the loss fell.
  double Descend() {
    std::vector<double> gains(static_cast<size_t>(rows_));
    pool_.ParallelFor(rows_, 1, [&](int64_t begin, int64_t end, int) {
      RowDescent descent(traits_, context_.hessian->data(), dim_);
      for (int64_t row = begin; row < end; ++row) {
        gains[static_cast<size_t>(row)] =
            descent.Pass({error_.data() + row * dim_, pull_.data() + row * dim_,
                          blocks_.data() + row * blocks_per_row_});
      }
    });
    double sum = 0;
    for (const double gain : gains) sum += gain;
    return sum;
  }

  void Pack(std::byte* out) const {
    const size_t block_bytes = TraitsOf(type_).block_bytes;
    for (size_t i = 0; i < blocks_.size(); ++i) PackBlock(type_, blocks_[i], out + i * block_bytes);
  }

 private:
  // out [rows, count] = error [rows, dim] * matrix [count, dim]^T.
  void Product(const float* matrix, int64_t count, float* out) {
    const WeightMatrix weights{BlockType::kF32, count, dim_,
                               reinterpret_cast<const std::byte*>(matrix)};
    backend_.MatMul(weights, error_.data(), rows_, out);
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

  void RoundChunk(int64_t row, int64_t rows, int64_t first, int64_t count, float* carried) {
    const int64_t elems = traits_.elems;
    const size_t block_bytes = TraitsOf(type_).block_bytes;
    std::vector<float> wanted(static_cast<size_t>(rows * elems));
    std::vector<std::byte> bytes(static_cast<size_t>(rows) * block_bytes);
    for (int64_t at = 0; at < count; at += elems) {
      for (int64_t r = 0; r < rows; ++r) {
        const float* source = values_ + (row + r) * dim_ + first + at;
        for (int64_t i = 0; i < elems; ++i) {
          wanted[static_cast<size_t>(r * elems + i)] = source[i] + carried[r * count + at + i];
        }
      }
      EncodeRows(type_, wanted.data(), rows, elems, weights_[static_cast<size_t>(at / elems)],
                 bytes.data());
      for (int64_t r = 0; r < rows; ++r) {
        const int64_t block = (row + r) * blocks_per_row_ + (first + at) / elems;
        BlockParts parts = UnpackBlock(type_, bytes.data() + static_cast<size_t>(r) * block_bytes);
        RoundBlock(row + r, first, at, count, carried + r * count, parts);
        blocks_[static_cast<size_t>(block)] = parts;
      }
    }
  }

  void RoundBlock(int64_t row, int64_t first, int64_t at, int64_t count, float* carried,
                  BlockParts& parts) {
    const float* source = values_ + row * dim_ + first;
    float* error = error_.data() + row * dim_ + first;
    for (int i = 0; i < traits_.elems; ++i) {
      const int64_t k = at + i;
      const int sub = i / traits_.sub_elems;
      const float step = parts.step(sub), offset = parts.offset(sub);
      const int code = NearestCode(traits_, source[k] + carried[k], step, offset);
      parts.code[i] = static_cast<int16_t>(code);
      error[k] = source[k] - (step * static_cast<float>(code) - offset);
      AddScaled(error[k], within_.data() + k * count + k + 1, count - k - 1, carried + k + 1);
    }
  }

  const FeedbackContext& context_;
  const BlockType type_;
  const PartsTraits& traits_;
  const float* values_;
  const int64_t rows_, dim_, blocks_per_row_;
  Backend& backend_;
  ThreadPool& pool_;
  std::vector<float> error_, pull_;  // [rows, dim]
  std::vector<BlockParts> blocks_;
  std::vector<float> within_;  // [chunk, chunk]
  std::vector<std::vector<float>> weights_;
};

}  // namespace

FeedbackLoss RoundWithFeedback(const FeedbackContext& context, BlockType type, const float* values,
                               int64_t rows, const FeedbackOptions& options, Backend& backend,
                               ThreadPool& pool, std::byte* out) {
  const int64_t dim = context.factor->dim;
  const auto row_bytes = static_cast<size_t>(*TensorBytes(type, 1, static_cast<uint64_t>(dim)));
  const int64_t group_rows = std::max<int64_t>(1, kGroupElems / dim / kRowsPerTask) * kRowsPerTask;
  FeedbackLoss total;
  for (int64_t first = 0; first < rows; first += group_rows) {
    RowGroup group(context, type, values + first * dim, std::min(group_rows, rows - first), backend,
                   pool);
    group.RoundLeftToRight();
    double loss = group.Loss();
    total.after_feedback += loss;
    for (int pass = 0; pass < options.most_passes; ++pass) {
      const double gain = group.Descend();
      loss = group.Loss();  // anew: rounding adds up in the pulls
      if (gain < options.least_gain * loss) break;
    }
    total.after_passes += loss;
    group.Pack(out + static_cast<size_t>(first) * row_bytes);
  }
  return total;
}

}  // namespace dragoman
