#include "quantize/group_rounding.h"

#include <algorithm>
#include <cmath>

namespace dragoman {
namespace {

constexpr int64_t kWeightsInWork = 16 << 20;
constexpr int64_t kChunkColumns = 256;  // between two products with all errors so far

double DotInDouble(const std::vector<float>& a, const std::vector<float>& b) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i) sum += static_cast<double>(a[i]) * b[i];
  return sum;
}

float DotInLanes(const float* a, const float* b, int64_t count) {
  constexpr int64_t kLanes = 8;
  float sums[kLanes] = {};
  int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    for (int64_t k = 0; k < kLanes; ++k) sums[k] += a[i + k] * b[i + k];
  }
  float sum = 0;
  for (; i < count; ++i) sum += a[i] * b[i];
  for (const float part : sums) sum += part;
  return sum;
}

// One row of a group batch: everything in visiting order.
struct GroupRow {
  float* error = nullptr;      // w - q, [cols]
  float* pull = nullptr;       // error H, [cols]
  uint8_t* codes = nullptr;    // [cols]
  GroupGrid* grids = nullptr;  // [groups]
};

// Moves the numbers of one row to their best values, one at a time.
class GroupDescent {
 public:
  GroupDescent(const GroupFormat& format, const float* hessian, int64_t cols, int64_t group_size)
      : format_(format),
        hessian_(hessian),
        cols_(cols),
        size_(group_size),
        direction_(static_cast<size_t>(group_size)) {}

  // One pass. Returns by how much the loss fell.
  double Pass(const GroupRow& row) {
    row_ = row;
    gain_ = 0;
    for (int64_t first = 0; first < cols_; first += size_) {
      first_ = first;
      grid_ = row.grids + first / size_;
      MoveCodes();
      MoveScale();
      if (!format_.symmetric) MoveZero();
    }
    return gain_;
  }

 private:
  const float* HessianRow(int64_t column) const { return hessian_ + column * cols_; }

  // Adds `change` to the rounded value of a column.
  void Shift(int64_t column, float change) {
    const float* moments = HessianRow(column);
    row_.error[column] -= change;
    for (int64_t i = 0; i < cols_; ++i) row_.pull[i] -= change * moments[i];
  }

  void MoveCodes() {
    for (int64_t column = first_; column < first_ + size_; ++column) {
      const float curvature = HessianRow(column)[column];
      const int now = row_.codes[column];
      const float value = grid_->scale * static_cast<float>(now - grid_->zero);
      const int code = NearestGroupCode(format_, *grid_, value + row_.pull[column] / curvature);
      if (code == now) continue;
      const float change = grid_->scale * static_cast<float>(code - now);
      const double gain =
          static_cast<double>(change) * (2.0 * row_.pull[column] - change * curvature);
      if (!(gain > 0)) continue;
      row_.codes[column] = static_cast<uint8_t>(code);
      gain_ += gain;
      Shift(column, change);
    }
  }

  // Along the direction u the loss changes by t^2 u H u - 2 t u pull.
  struct Slopes {
    double along = 0, curvature = 0;

    double Best() const { return along / curvature; }
    double Gain(double t) const { return t * (2 * along - t * curvature); }
  };

  Slopes SlopesAlongDirection() const {
    Slopes slopes;
    for (int64_t i = 0; i < size_; ++i) {
      const float u = direction_[static_cast<size_t>(i)];
      if (u == 0) continue;
      slopes.curvature += static_cast<double>(u) *
                          DotInLanes(HessianRow(first_ + i) + first_, direction_.data(), size_);
      slopes.along += static_cast<double>(u) * row_.pull[first_ + i];
    }
    return slopes;
  }

  void MoveAlongDirection(float step, double gain) {
    for (int64_t i = 0; i < size_; ++i) {
      const float u = direction_[static_cast<size_t>(i)];
      if (u != 0) Shift(first_ + i, step * u);
    }
    gain_ += gain;
  }

  void MoveScale() {
    for (int64_t i = 0; i < size_; ++i) {
      direction_[static_cast<size_t>(i)] = static_cast<float>(row_.codes[first_ + i] - grid_->zero);
    }
    const Slopes slopes = SlopesAlongDirection();
    if (!(slopes.curvature > 0)) return;
    const float scale = RoundScale(grid_->scale + static_cast<float>(slopes.Best()));
    const float step = scale - grid_->scale;
    if (step == 0 || !(slopes.Gain(step) > 0)) return;
    MoveAlongDirection(step, slopes.Gain(step));
    grid_->scale = scale;
  }

  void MoveZero() {
    std::fill(direction_.begin(), direction_.end(), 1.0f);
    const Slopes slopes = SlopesAlongDirection();
    if (!(slopes.curvature > 0)) return;
    const auto most = static_cast<float>(format_.max_code());
    const auto wanted = std::clamp(static_cast<float>(slopes.Best()) / grid_->scale, -most, most);
    const int zero =
        std::clamp(grid_->zero - static_cast<int>(RoundToWhole(wanted)), 1, format_.max_code());
    const float step = grid_->scale * static_cast<float>(grid_->zero - zero);
    if (step == 0 || !(slopes.Gain(step) > 0)) return;
    MoveAlongDirection(step, slopes.Gain(step));
    grid_->zero = zero;
  }

  const GroupFormat& format_;
  const float* hessian_;
  const int64_t cols_, size_;
  GroupRow row_;
  GroupGrid* grid_ = nullptr;
  int64_t first_ = 0;             // column of the group
  std::vector<float> direction_;  // [size], of a move of the group's columns
  double gain_ = 0;
};

// Rows of one tensor that are in work at the same time.
class GroupBatch {
 public:
  GroupBatch(const GroupContext& context, const GroupFormat& format, const float* values,
             int64_t rows, Backend& backend, ThreadPool& pool)
      : context_(context),
        format_(format),
        rows_(rows),
        cols_(context.order->cols()),
        size_(context.order->group_size),
        groups_(context.order->groups()),
        backend_(backend),
        pool_(pool),
        values_(static_cast<size_t>(rows * cols_)),
        error_(values_.size()),
        codes_(values_.size()),
        grids_(static_cast<size_t>(rows * groups_)) {
    for (int64_t row = 0; row < rows; ++row) {
      for (int64_t i = 0; i < cols_; ++i) {
        values_[static_cast<size_t>(row * cols_ + i)] =
            values[row * cols_ + context.order->column_at[static_cast<size_t>(i)]];
      }
    }
  }

  void RoundInOrder() {
    std::vector<float> carried;  // [rows, chunk], from the columns before the chunk
    for (int64_t first = 0; first < cols_; first += kChunkColumns) {
      const int64_t count = std::min(kChunkColumns, cols_ - first);
      carried.assign(static_cast<size_t>(rows_ * count), 0.0f);
      if (first > 0) {
        // Later columns' errors are still zero, as are the coefficients on them.
        Product(context_.factor->feedback.data() + first * cols_, count, carried.data());
      }
      PrepareChunk(first, count);
      pool_.ParallelFor(rows_, 4, [&](int64_t begin, int64_t end, int) {
        for (int64_t row = begin; row < end; ++row) {
          RoundChunk(row, first, count, carried.data() + row * count);
        }
      });
    }
    std::vector<float>().swap(values_);
  }

  // Sum over the rows of error H error^T; refreshes the rows' pulls.
  double Loss() {
    pull_.resize(error_.size());
    Product(context_.hessian->data(), cols_, pull_.data());
    return DotInDouble(error_, pull_);
  }

  // One pass over all rows. Returns by how much the loss fell.
  double Descend() {
    std::vector<double> gains(static_cast<size_t>(rows_));
    pool_.ParallelFor(rows_, 1, [&](int64_t begin, int64_t end, int) {
      GroupDescent descent(format_, context_.hessian->data(), cols_, size_);
      for (int64_t row = begin; row < end; ++row) {
        gains[static_cast<size_t>(row)] =
            descent.Pass({error_.data() + row * cols_, pull_.data() + row * cols_,
                          codes_.data() + row * cols_, grids_.data() + row * groups_});
      }
    });
    double sum = 0;
    for (const double gain : gains) sum += gain;
    return sum;
  }

  // Into the rows of `out` from first_row on, in the order of the file.
  void Store(int64_t first_row, GroupedMatrix& out) const {
    const ColumnOrder& order = *context_.order;
    for (int64_t row = 0; row < rows_; ++row) {
      for (int64_t i = 0; i < cols_; ++i) {
        out.codes[static_cast<size_t>((first_row + row) * cols_ +
                                      order.column_at[static_cast<size_t>(i)])] =
            codes_[static_cast<size_t>(row * cols_ + i)];
      }
      for (int64_t group = 0; group < groups_; ++group) {
        const GroupGrid& grid = grids_[static_cast<size_t>(row * groups_ + group)];
        const auto to = static_cast<size_t>((first_row + row) * groups_ +
                                            order.stored_groups[static_cast<size_t>(group)]);
        out.scales[to] = grid.scale;
        out.zeros[to] = static_cast<uint8_t>(grid.zero);
      }
    }
  }

 private:
  // out [rows, count] = error [rows, cols] * matrix [count, cols]^T.
  void Product(const float* matrix, int64_t count, float* out) {
    const WeightMatrix weights{BlockType::kF32, count, cols_,
                               reinterpret_cast<const std::byte*>(matrix)};
    backend_.MatMul(weights, error_.data(), rows_, out);
  }

  // The coefficients within the chunk, by the column that hands its error on.
  void PrepareChunk(int64_t first, int64_t count) {
    within_.assign(static_cast<size_t>(count * count), 0.0f);
    for (int64_t k = 0; k < count; ++k) {
      for (int64_t i = 0; i < k; ++i) {
        within_[static_cast<size_t>(i * count + k)] =
            context_.factor->feedback[static_cast<size_t>((first + k) * cols_ + first + i)];
      }
    }
  }

  void RoundChunk(int64_t row, int64_t first, int64_t count, const float* carried) {
    const float* source = values_.data() + row * cols_ + first;
    float* error = error_.data() + row * cols_ + first;
    uint8_t* codes = codes_.data() + row * cols_ + first;
    std::vector<float> wanted(static_cast<size_t>(count));
    for (int64_t k = 0; k < count; ++k) wanted[static_cast<size_t>(k)] = source[k] + carried[k];
    for (int64_t k = 0; k < count; ++k) {
      GroupGrid& grid = grids_[static_cast<size_t>(row * groups_ + (first + k) / size_)];
      if ((first + k) % size_ == 0) grid = SearchAt(first + k, source + k, wanted.data() + k);
      const int code = NearestGroupCode(format_, grid, wanted[static_cast<size_t>(k)]);
      codes[k] = static_cast<uint8_t>(code);
      error[k] = source[k] - grid.scale * static_cast<float>(code - grid.zero);
      const float* onward = within_.data() + k * count;
      for (int64_t i = k + 1; i < count; ++i)
        wanted[static_cast<size_t>(i)] += error[k] * onward[i];
    }
  }

  // A group that reaches beyond the chunk is the only one of its row: nothing is carried yet.
  GroupGrid SearchAt(int64_t column, const float* source, const float* wanted) const {
    return SearchGroup(format_, size_ > kChunkColumns ? source : wanted,
                       context_.factor->residual.data() + column, size_);
  }

  const GroupContext& context_;
  const GroupFormat& format_;
  const int64_t rows_, cols_, size_, groups_;
  Backend& backend_;
  ThreadPool& pool_;
  std::vector<float> values_, error_, pull_;  // [rows, cols]
  std::vector<uint8_t> codes_;                // [rows, cols]
  std::vector<GroupGrid> grids_;              // [rows, groups]
  std::vector<float> within_;                 // [chunk, chunk]
};

GroupedMatrix EmptyMatrix(const ColumnOrder& order, int bits, int64_t rows) {
  GroupedMatrix matrix;
  matrix.bits = bits;
  matrix.rows = rows;
  matrix.cols = order.cols();
  matrix.groups = order.groups();
  matrix.codes.resize(static_cast<size_t>(rows * matrix.cols));
  matrix.scales.resize(static_cast<size_t>(rows * matrix.groups));
  matrix.zeros.resize(matrix.scales.size());
  matrix.group_of.resize(static_cast<size_t>(matrix.cols));
  for (int64_t i = 0; i < matrix.cols; ++i) {
    matrix.group_of[static_cast<size_t>(order.column_at[static_cast<size_t>(i)])] =
        order.stored_groups[static_cast<size_t>(i / order.group_size)];
  }
  return matrix;
}

}  // namespace

GroupRoundingLoss RoundToGroups(const GroupContext& context, const GroupFormat& format,
                                const float* values, int64_t rows,
                                const GroupRoundingOptions& options, Backend& backend,
                                ThreadPool& pool, GroupedMatrix& out) {
  const int64_t cols = context.order->cols();
  const int64_t batch_rows = std::max<int64_t>(1, kWeightsInWork / cols);
  out = EmptyMatrix(*context.order, format.bits, rows);
  GroupRoundingLoss total;
  for (int64_t first = 0; first < rows; first += batch_rows) {
    GroupBatch batch(context, format, values + first * cols, std::min(batch_rows, rows - first),
                     backend, pool);
    batch.RoundInOrder();
    double loss = batch.Loss();
    total.after_feedback += loss;
    for (int pass = 0; pass < options.most_passes; ++pass) {
      const double gain = batch.Descend();
      loss = batch.Loss();  // anew: rounding adds up in the pulls
      if (gain < options.least_gain * loss) break;
    }
    total.after_passes += loss;
    batch.Store(first, out);
  }
  return total;
}

}  // namespace dragoman
