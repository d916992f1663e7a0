#include "quantize/type_choice.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <numeric>
#include <optional>
#include <utility>

#include "base/thread_pool.h"
#include "kernels/kernels.h"
#include "quantize/block_parts.h"
#include "quantize/error_feedback.h"
#include "quantize/proxy_check.h"
#include "quantize/quantize.h"

namespace dragoman {
namespace {

// `count` rows evenly spread over the tensor, as float32, and the weights of their outputs.
struct SampledRows {
  std::vector<float> values;
  std::vector<float> weights;
  int64_t count = 0;
};

Result<SampledRows> SampleRows(const Checkpoint& checkpoint, const ModelTensor& tensor,
                               const Hessian& hessian, int64_t most_rows) {
  const TensorInfo& info = *tensor.info;
  const auto rows = static_cast<int64_t>(info.rows()), cols = static_cast<int64_t>(info.cols());
  const auto row_bytes =
      static_cast<size_t>(*TensorBytes(info.type, 1, static_cast<uint64_t>(cols)));
  SampledRows sample;
  sample.count = std::min(rows, most_rows);
  sample.values.resize(static_cast<size_t>(sample.count * cols));
  for (int64_t i = 0; i < sample.count; ++i) {
    const int64_t row = i * rows / sample.count + rows / sample.count / 2;
    TraitsOf(info.type).decode(checkpoint.Data(info).data() + static_cast<size_t>(row) * row_bytes,
                               cols, sample.values.data() + i * cols);
    sample.weights.push_back(
        hessian.row_weights.empty() ? 1.0f : hessian.row_weights[static_cast<size_t>(row)]);
  }
  if (!std::all_of(sample.values.begin(), sample.values.end(),
                   [](float x) { return std::isfinite(x); })) {
    return Fail(ErrorCode::kCorruptFile, "expected finite weights, found NaN or infinity",
                checkpoint.files()[info.file_index] + ": tensor " + info.name);
  }
  return sample;
}

// Sum over the sampled rows of weight * (w - q) H (w - q)^T.
double WeightedLoss(const SampledRows& sample, BlockType type, const std::vector<std::byte>& blocks,
                    const Hessian& hessian, Backend& backend) {
  std::vector<float> error(sample.values.size()), pull(sample.values.size());
  TraitsOf(type).decode(blocks.data(), static_cast<int64_t>(error.size()), error.data());
  for (size_t i = 0; i < error.size(); ++i) error[i] = sample.values[i] - error[i];
  const WeightMatrix matrix{BlockType::kF32, hessian.dim, hessian.dim,
                            reinterpret_cast<const std::byte*>(hessian.mean.data())};
  backend.MatMul(matrix, error.data(), sample.count, pull.data());
  double loss = 0;
  for (int64_t row = 0; row < sample.count; ++row) {
    double sum = 0;
    for (int64_t i = row * hessian.dim; i < (row + 1) * hessian.dim; ++i) {
      sum += static_cast<double>(error[static_cast<size_t>(i)]) * pull[static_cast<size_t>(i)];
    }
    loss += sample.weights[static_cast<size_t>(row)] * sum;
  }
  return loss;
}

bool DividesRows(BlockType type, uint64_t cols) {
  return FindPartsTraits(type) != nullptr && cols % TraitsOf(type).block_elems == 0;
}

// By rising bytes.
void SortBySize(TensorCosts& costs) {
  std::sort(costs.types.begin(), costs.types.end(), [](const TypeCost& a, const TypeCost& b) {
    return std::pair(a.bytes, a.type) < std::pair(b.bytes, b.type);
  });
}

Result<TensorCosts> CostsOf(const Checkpoint& checkpoint, const ModelTensor& tensor,
                            const Hessian& hessian, const TypeCostOptions& options,
                            Backend& backend, ThreadPool& pool) {
  const TensorInfo& info = *tensor.info;
  DRAGOMAN_ASSIGN_OR_RETURN(const SampledRows sample,
                            SampleRows(checkpoint, tensor, hessian, options.sample_rows));
  DRAGOMAN_ASSIGN_OR_RETURN(const FeedbackFactor factor,
                            FactorForFeedback(hessian, options.damping, backend, pool));
  const FeedbackContext context{&factor, &hessian.mean};
  const double share = static_cast<double>(info.rows()) / static_cast<double>(sample.count);
  const auto predicted = [&](BlockType type, const std::vector<std::byte>& blocks) {
    return 0.5 * share * WeightedLoss(sample, type, blocks, hessian, backend);
  };
  TensorCosts costs;
  costs.name = tensor.name;
  const bool whole = info.cols() % kMaxBlockElems == 0;
  for (const BlockType type : whole ? options.types : options.types_of_32) {
    if (!DividesRows(type, info.cols())) continue;
    std::vector<std::byte> blocks(
        static_cast<size_t>(*TensorBytes(type, static_cast<uint64_t>(sample.count), info.cols())));
    RoundWithFeedback(context, type, sample.values.data(), sample.count, FeedbackOptions{}, backend,
                      pool, blocks.data());
    costs.types.push_back(
        {type, *TensorBytes(type, info.rows(), info.cols()), predicted(type, blocks)});
  }
  const BlockType probe = ProbeType(info.cols());
  if (DividesRows(probe, info.cols())) {
    std::vector<std::byte> blocks(
        static_cast<size_t>(*TensorBytes(probe, static_cast<uint64_t>(sample.count), info.cols())));
    QuantizeRows(probe, sample.values.data(), sample.count, static_cast<int64_t>(info.cols()), {},
                 blocks.data());
    costs.probe_kl = predicted(probe, blocks);
  }
  if (costs.types.empty()) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("no candidate type divides the rows of {} ({} columns)", tensor.name,
                            info.cols()));
  }
  SortBySize(costs);
  return costs;
}

constexpr char kProbe[] = "probe";  // among the stored costs

// What the costs of a tensor depend on besides the calibration.
std::string CostsKey(const ModelTensor& tensor, const TypeCostOptions& options) {
  std::string key = fmt::format("3 {} {} {}x{}", options.sample_rows, options.damping,
                                tensor.info->rows(), tensor.info->cols());
  for (const auto* types : {&options.types, &options.types_of_32}) {
    for (const BlockType type : *types) key += fmt::format(" {}", TraitsOf(type).name);
    key += ";";
  }
  return key;
}

std::optional<TensorCosts> StoredCosts(const ModelTensor& tensor, const TypeCostOptions& options) {
  if (options.store == nullptr) return std::nullopt;
  const auto stored = options.store->LoadCosts(CostsKey(tensor, options), tensor.name);
  if (!stored) return std::nullopt;
  TensorCosts costs;
  costs.name = tensor.name;
  for (const StoredTypeCost& cost : *stored) {
    if (cost.type == kProbe) {
      costs.probe_kl = cost.predicted_kl;
      continue;
    }
    const std::optional<BlockType> type = ParseBlockType(cost.type);
    const auto bytes =
        type ? TensorBytes(*type, tensor.info->rows(), tensor.info->cols()) : std::nullopt;
    if (!bytes) return std::nullopt;
    costs.types.push_back({*type, *bytes, cost.predicted_kl});
  }
  if (costs.types.empty()) return std::nullopt;
  SortBySize(costs);
  return costs;
}

void StoreCosts(const ModelTensor& tensor, const TensorCosts& costs,
                const TypeCostOptions& options) {
  if (options.store == nullptr) return;
  std::vector<StoredTypeCost> stored;
  for (const TypeCost& cost : costs.types) {
    stored.push_back({std::string(TraitsOf(cost.type).name), cost.predicted_kl});
  }
  stored.push_back({kProbe, costs.probe_kl});
  options.store->SaveCosts(CostsKey(tensor, options), tensor.name, stored);
}

Result<void> CheckMoments(const ModelTensor& tensor, const Hessian* hessian) {
  const auto cols = static_cast<int64_t>(tensor.info->cols());
  if (hessian != nullptr && hessian->dim == cols) return {};
  return Fail(ErrorCode::kInvalidArgument,
              fmt::format("expected second moments of {} columns for {}, found {}", cols,
                          tensor.name, hessian == nullptr ? 0 : hessian->dim));
}

// ---- The choice ----

constexpr uint64_t kUnits = uint64_t{1} << 17;

// The types of a tensor that some price per byte would choose, by rising bytes.
std::vector<size_t> ConvexHull(const std::vector<TypeCost>& types) {
  std::vector<size_t> hull;
  const auto gain_per_byte = [&](size_t from, size_t to) {
    return (types[from].predicted_kl - types[to].predicted_kl) /
           static_cast<double>(types[to].bytes - types[from].bytes);
  };
  for (size_t i = 0; i < types.size(); ++i) {
    if (!hull.empty() && types[i].bytes == types[hull.back()].bytes) {
      if (types[i].predicted_kl >= types[hull.back()].predicted_kl) continue;
      hull.pop_back();
    }
    if (!hull.empty() && types[i].predicted_kl >= types[hull.back()].predicted_kl) continue;
    while (hull.size() > 1 &&
           gain_per_byte(hull[hull.size() - 2], hull.back()) <= gain_per_byte(hull.back(), i)) {
      hull.pop_back();
    }
    hull.push_back(i);
  }
  return hull;
}

class BudgetChoice {
 public:
  BudgetChoice(std::span<const TensorCosts> tensors, uint64_t budget)
      : tensors_(tensors), budget_(budget) {
    for (const TensorCosts& tensor : tensors) {
      hulls_.push_back(ConvexHull(tensor.types));
      chosen_.push_back(hulls_.back().front());
      bytes_ += tensor.types[chosen_.back()].bytes;
    }
  }

  uint64_t bytes() const { return bytes_; }

  // Climbs the hulls, the steepest step that fits first.
  void ClimbHulls() {
    std::vector<size_t> at(tensors_.size(), 0);
    for (;;) {
      size_t best = tensors_.size();
      double best_gain = 0;
      for (size_t t = 0; t < tensors_.size(); ++t) {
        if (at[t] + 1 >= hulls_[t].size()) continue;
        const TypeCost &from = Type(t, hulls_[t][at[t]]), &to = Type(t, hulls_[t][at[t] + 1]);
        if (bytes_ + to.bytes - from.bytes > budget_) continue;
        const double gain =
            (from.predicted_kl - to.predicted_kl) / static_cast<double>(to.bytes - from.bytes);
        if (gain > best_gain) {
          best_gain = gain;
          best = t;
        }
      }
      if (best == tensors_.size()) return;
      Set(best, hulls_[best][++at[best]]);
    }
  }

  // The best choice there is when sizes count in units of `budget / kUnits`, rounded up (a knapsack
  // by dynamic programming): exact for small models, and within one unit a tensor for large ones.
  void SolveInUnits() {
    const uint64_t unit = std::max<uint64_t>(1, (budget_ + kUnits - 1) / kUnits);
    const auto room = static_cast<size_t>(budget_ / unit);
    const auto units = [&](const TypeCost& type) {
      return static_cast<size_t>((type.bytes + unit - 1) / unit);
    };
    constexpr double kNone = std::numeric_limits<double>::infinity();
    std::vector<double> best(room + 1, 0.0), next;
    std::vector<std::vector<uint8_t>> taken;
    for (const TensorCosts& tensor : tensors_) {
      next.assign(room + 1, kNone);
      std::vector<uint8_t>& take = taken.emplace_back(room + 1);
      for (size_t i = 0; i < tensor.types.size(); ++i) {
        const double kl = tensor.types[i].predicted_kl;
        for (size_t used = units(tensor.types[i]); used <= room; ++used) {
          const double sum = best[used - units(tensor.types[i])] + kl;
          if (sum < next[used]) {
            next[used] = sum;
            take[used] = static_cast<uint8_t>(i);
          }
        }
      }
      best.swap(next);
    }
    if (best[room] == kNone || best[room] >= PredictedKl()) return;
    size_t left = room;
    for (size_t t = tensors_.size(); t-- > 0;) {
      const size_t index = taken[t][left];
      left -= units(Type(t, index));
      Set(t, index);
    }
  }

  // Changes one tensor's type, or two tensors' at once, as long as that pays.
  void Exchange() {
    while (ExchangeOnce()) {
    }
  }

  std::vector<size_t> Take() { return std::move(chosen_); }

 private:
  const TypeCost& Type(size_t tensor, size_t index) const { return tensors_[tensor].types[index]; }

  double PredictedKl() const {
    double sum = 0;
    for (size_t t = 0; t < tensors_.size(); ++t) sum += Type(t, chosen_[t]).predicted_kl;
    return sum;
  }

  void Set(size_t tensor, size_t index) {
    bytes_ = bytes_ - Type(tensor, chosen_[tensor]).bytes + Type(tensor, index).bytes;
    chosen_[tensor] = index;
  }

  struct Change {
    size_t tensor = 0, index = 0;
    int64_t bytes = 0;
    double gain = 0;
  };

  std::vector<Change> AllChanges() const {
    std::vector<Change> changes;
    for (size_t t = 0; t < tensors_.size(); ++t) {
      const TypeCost& now = Type(t, chosen_[t]);
      for (size_t i = 0; i < tensors_[t].types.size(); ++i) {
        if (i == chosen_[t]) continue;
        const TypeCost& to = Type(t, i);
        changes.push_back({t, i, static_cast<int64_t>(to.bytes) - static_cast<int64_t>(now.bytes),
                           now.predicted_kl - to.predicted_kl});
      }
    }
    return changes;
  }

  bool ExchangeOnce() {
    const std::vector<Change> changes = AllChanges();
    const int64_t room = static_cast<int64_t>(budget_ - bytes_);
    double best_gain = 1e-12;
    const Change *first = nullptr, *second = nullptr;
    for (const Change& a : changes) {
      if (a.gain > best_gain && a.bytes <= room) {
        best_gain = a.gain;
        first = &a;
        second = nullptr;
      }
      if (a.gain <= 0) continue;
      for (const Change& b : changes) {
        if (b.tensor == a.tensor || a.bytes + b.bytes > room || a.gain + b.gain <= best_gain) {
          continue;
        }
        best_gain = a.gain + b.gain;
        first = &a;
        second = &b;
      }
    }
    if (first == nullptr) return false;
    Set(first->tensor, first->index);
    if (second != nullptr) Set(second->tensor, second->index);
    return true;
  }

  std::span<const TensorCosts> tensors_;
  const uint64_t budget_;
  std::vector<std::vector<size_t>> hulls_;
  std::vector<size_t> chosen_;
  uint64_t bytes_ = 0;
};

}  // namespace

Result<std::vector<TensorCosts>> MeasureTypeCosts(const Checkpoint& checkpoint,
                                                  std::span<const ModelTensor> tensors,
                                                  SecondMoments& moments,
                                                  const TypeCostOptions& options) {
  ThreadPool pool(options.threads);
  DRAGOMAN_ASSIGN_OR_RETURN(const auto backend,
                            OpenBackend("auto", pool.threads(), {.float32_activations = true}));
  std::vector<const ModelTensor*> matrices;
  for (const ModelTensor& tensor : tensors) {
    if (!tensor.is_norm) matrices.push_back(&tensor);
  }
  std::vector<TensorCosts> all;
  for (const ModelTensor* tensor : matrices) {
    TensorCosts costs;
    if (auto stored = StoredCosts(*tensor, options)) {
      costs = std::move(*stored);
    } else {
      DRAGOMAN_ASSIGN_OR_RETURN(const Hessian* hessian, moments.Of(tensor->name));
      DRAGOMAN_RETURN_IF_ERROR(CheckMoments(*tensor, hessian));
      DRAGOMAN_ASSIGN_OR_RETURN(costs,
                                CostsOf(checkpoint, *tensor, *hessian, options, *backend, pool));
      StoreCosts(*tensor, costs, options);
    }
    all.push_back(std::move(costs));
    if (options.progress) options.progress(all.size(), matrices.size(), tensor->name);
  }
  return all;
}

Result<std::vector<size_t>> ChooseWithinBudget(std::span<const TensorCosts> tensors,
                                               uint64_t budget_bytes) {
  BudgetChoice choice(tensors, budget_bytes);
  if (choice.bytes() > budget_bytes) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("expected at least {} bytes for the tensors in their smallest types, "
                            "found a budget of {}",
                            choice.bytes(), budget_bytes));
  }
  choice.ClimbHulls();
  choice.SolveInUnits();
  choice.Exchange();
  return choice.Take();
}

}  // namespace dragoman
