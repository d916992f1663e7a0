#include "quantize/scale_tuning.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "base/float16.h"
#include "base/random.h"
#include "base/thread_pool.h"
#include "quantize/block_parts.h"

namespace dragoman {
namespace {

constexpr int64_t kOutputsAtOnce = 2048;  // rows of a weight's gradient held at once

// Adam's state of a list of numbers.
class Adam {
 public:
  explicit Adam(size_t size) : mean_(size), square_(size) {}

  // By how much number i moves, in units of the rate; called once per number and step.
  float Step(size_t i, float gradient, int step) {
    constexpr float kMeanDecay = 0.9f, kSquareDecay = 0.99f, kLeast = 1e-12f;
    mean_[i] = kMeanDecay * mean_[i] + (1 - kMeanDecay) * gradient;
    square_[i] = kSquareDecay * square_[i] + (1 - kSquareDecay) * gradient * gradient;
    const float mean = mean_[i] / (1 - std::pow(kMeanDecay, static_cast<float>(step)));
    const float square = square_[i] / (1 - std::pow(kSquareDecay, static_cast<float>(step)));
    return -mean / (std::sqrt(square) + kLeast);
  }

 private:
  std::vector<float> mean_, square_;
};

// One quantized matrix whose factors move: d and dmin of every block, kept as float32 and written
// back as the fp16 nearest to it.
class TunableMatrix {
 public:
  TunableMatrix(const WeightMatrix& matrix, TunedMatrix& own)
      : type_(matrix.type),
        traits_(*FindPartsTraits(matrix.type)),
        rows_(matrix.rows),
        cols_(matrix.cols),
        own_(own),
        adam_(static_cast<size_t>(2 * blocks())) {
    const auto bytes = static_cast<size_t>(
        *TensorBytes(type_, static_cast<uint64_t>(rows_), static_cast<uint64_t>(cols_)));
    own.type = type_;
    own.blocks.assign(matrix.data, matrix.data + bytes);
    factors_.resize(static_cast<size_t>(2 * blocks()));
    gradients_.resize(factors_.size());
    for (int64_t b = 0; b < blocks(); ++b) {
      const BlockParts parts = UnpackBlock(type_, Block(b));
      factors_[static_cast<size_t>(2 * b)] = Fp16ToFloat(parts.d);
      factors_[static_cast<size_t>(2 * b + 1)] = Fp16ToFloat(parts.dmin);
    }
  }

  // by_weight: gradient by the decoded weights of rows [first, first + count).
  void AddGradient(int64_t first, int64_t count, const float* by_weight, ThreadPool& pool) {
    const int64_t per_row = cols_ / traits_.elems;
    pool.ParallelFor(count * per_row, 64, [&](int64_t begin, int64_t end, int) {
      for (int64_t i = begin; i < end; ++i) {
        const int64_t b = first * per_row + i;
        const BlockParts parts = UnpackBlock(type_, Block(b));
        const float* by = by_weight + i * traits_.elems;
        float by_d = 0, by_dmin = 0;
        for (int s = 0; s < traits_.sub_blocks(); ++s) {
          float by_step = 0, by_offset = 0;
          for (int e = s * traits_.sub_elems; e < (s + 1) * traits_.sub_elems; ++e) {
            by_step += by[e] * static_cast<float>(parts.code[e]);
            by_offset -= by[e];
          }
          by_d += by_step * static_cast<float>(parts.scale[s]);
          by_dmin += by_offset * static_cast<float>(parts.minimum[s]);
        }
        gradients_[static_cast<size_t>(2 * b)] += by_d;
        gradients_[static_cast<size_t>(2 * b + 1)] += by_dmin;
      }
    });
  }

  void Step(int step, double rate, ThreadPool& pool) {
    pool.ParallelFor(blocks(), 64, [&](int64_t begin, int64_t end, int) {
      for (int64_t b = begin; b < end; ++b) {
        BlockParts parts = UnpackBlock(type_, Block(b));
        const uint16_t d = Move(static_cast<size_t>(2 * b), step, rate);
        const uint16_t dmin =
            traits_.has_dmin ? Move(static_cast<size_t>(2 * b + 1), step, rate) : parts.dmin;
        if (d == parts.d && dmin == parts.dmin) continue;
        parts.d = d;
        parts.dmin = dmin;
        PackBlock(type_, parts, own_.blocks.data() + BlockOffset(b));
      }
    });
  }

  int64_t rows() const { return rows_; }
  int64_t cols() const { return cols_; }

 private:
  int64_t blocks() const { return rows_ * (cols_ / traits_.elems); }
  size_t BlockOffset(int64_t b) const {
    return static_cast<size_t>(b) * TraitsOf(type_).block_bytes;
  }
  const std::byte* Block(int64_t b) const { return own_.blocks.data() + BlockOffset(b); }

  uint16_t Move(size_t i, int step, double rate) {
    const float factor = factors_[i];
    // The rate is relative, so the gradient is taken by the factor's logarithm.
    const float by = adam_.Step(i, gradients_[i] * factor, step);
    gradients_[i] = 0;
    if (factor != 0) factors_[i] = factor * (1.0f + static_cast<float>(rate) * by);
    return FloatToFp16(factors_[i]);
  }

  const BlockType type_;
  const PartsTraits& traits_;
  const int64_t rows_, cols_;
  TunedMatrix& own_;
  Adam adam_;
  std::vector<float> factors_, gradients_;  // d and dmin of every block
};

class TunableNorm {
 public:
  explicit TunableNorm(std::vector<float>& own) : own_(own), adam_(own.size()) {
    double sum = 0;
    for (const float x : own) sum += std::abs(x);
    size_ = static_cast<float>(sum / static_cast<double>(own.size()));
    gradients_.resize(own.size());
  }

  void AddGradient(std::span<const float> by) {
    for (size_t i = 0; i < by.size(); ++i) gradients_[i] += by[i];
  }

  void Step(int step, double rate) {
    for (size_t i = 0; i < own_.size(); ++i) {
      own_[i] += static_cast<float>(rate) * size_ * adam_.Step(i, gradients_[i], step);
      gradients_[i] = 0;
    }
  }

 private:
  std::vector<float>& own_;
  Adam adam_;
  float size_ = 1;
  std::vector<float> gradients_;
};

// Softmax of a row in place; returns log of its normalizer relative to the highest.
void LogSoftmax(float* row, int64_t vocab) {
  const float highest = *std::max_element(row, row + vocab);
  double sum = 0;
  for (int64_t i = 0; i < vocab; ++i) sum += std::exp(row[i] - highest);
  const auto rest = static_cast<float>(highest + std::log(sum));
  for (int64_t i = 0; i < vocab; ++i) row[i] -= rest;
}

class Tuner {
 public:
  Tuner(Gemma3& reference, Gemma3& candidate, const TuningOptions& options)
      : reference_(reference),
        candidate_(candidate),
        reference_pass_(reference),
        candidate_pass_(candidate),
        options_(options),
        pool_(candidate.backend().threads()) {}

  Result<void> Adopt(const std::vector<std::string>& matrices,
                     const std::vector<std::string>& norms, TunedWeights& own) {
    own_ = &own;
    for (const std::string& name : matrices) {
      const WeightMatrix matrix = candidate_.matrix(name);
      if (FindPartsTraits(matrix.type) == nullptr) continue;
      TunedMatrix& mine = own.matrices[name];
      matrices_.try_emplace(name, matrix, mine);
      DRAGOMAN_RETURN_IF_ERROR(candidate_.ReplaceMatrix(name, mine.type, mine.blocks));
    }
    for (const std::string& name : norms) {
      std::vector<float>& mine = own.norms[name];
      const std::span<const float> now = candidate_.norm(name);
      mine.assign(now.begin(), now.end());
      norms_.try_emplace(name, mine);
    }
    return {};
  }

  // One batch: divergence, gradients, a step. Returns the mean divergence before the step.
  Result<double> Step(const PackedSequences& batch, int step, double decay) {
    DRAGOMAN_ASSIGN_OR_RETURN(const auto wanted, reference_pass_.Forward(batch));
    DRAGOMAN_ASSIGN_OR_RETURN(const auto found, candidate_pass_.Forward(batch));
    const double kl = Divergence(wanted, found, static_cast<int64_t>(batch.asked_rows.size()));
    GradientTaps taps;
    taps.linear = [&](const LinearGradient& linear) { AddLinear(linear); };
    taps.norm = [&](std::string_view name, std::span<const float> by) {
      const auto norm = norms_.find(name);
      if (norm != norms_.end()) norm->second.AddGradient(by);
    };
    taps.embedding = [&](std::span<const int32_t> tokens, const float* by) {
      AddEmbedding(tokens, by);
    };
    candidate_pass_.Backward(by_logits_.data(), taps);
    for (auto& [name, matrix] : matrices_) matrix.Step(step, options_.factor_rate * decay, pool_);
    for (auto& [name, norm] : norms_) {
      norm.Step(step, options_.norm_rate * decay);
      DRAGOMAN_RETURN_IF_ERROR(candidate_.ReplaceNorm(name, own_->norms.find(name)->second));
    }
    return kl;
  }

 private:
  // Mean KL(reference || candidate) of the rows, and its gradient by the candidate's logits.
  double Divergence(std::span<const float> wanted, std::span<const float> found, int64_t rows) {
    const int64_t vocab = candidate_.config().vocab;
    by_logits_.assign(found.begin(), found.end());
    wanted_.assign(wanted.begin(), wanted.end());
    std::vector<double> sums(static_cast<size_t>(rows));
    const float share = 1.0f / static_cast<float>(rows);
    pool_.ParallelFor(rows, 4, [&](int64_t begin, int64_t end, int) {
      for (int64_t r = begin; r < end; ++r) {
        float* q = by_logits_.data() + r * vocab;
        float* p = wanted_.data() + r * vocab;
        LogSoftmax(q, vocab);
        LogSoftmax(p, vocab);
        double sum = 0;
        for (int64_t i = 0; i < vocab; ++i) {
          const float probability = std::exp(p[i]);
          sum += static_cast<double>(probability) * (p[i] - q[i]);
          q[i] = share * (std::exp(q[i]) - probability);
        }
        sums[static_cast<size_t>(r)] = sum;
      }
    });
    return std::accumulate(sums.begin(), sums.end(), 0.0) / static_cast<double>(rows);
  }

  // x [rows, dim] -> [dim, rows].
  static void TransposeInto(const float* x, int64_t rows, int64_t dim, int64_t stride,
                            std::vector<float>& out) {
    out.resize(static_cast<size_t>(rows * dim));
    for (int64_t r = 0; r < rows; ++r) {
      for (int64_t d = 0; d < dim; ++d) out[static_cast<size_t>(d * rows + r)] = x[r * stride + d];
    }
  }

  void AddLinear(const LinearGradient& linear) {
    const auto found = matrices_.find(linear.tensor);
    if (found == matrices_.end()) return;
    TransposeInto(linear.x, linear.rows, linear.inputs, linear.inputs, inputs_);
    const WeightMatrix columns{BlockType::kF32, linear.inputs, linear.rows,
                               reinterpret_cast<const std::byte*>(inputs_.data())};
    for (int64_t first = 0; first < linear.outputs; first += kOutputsAtOnce) {
      const int64_t count = std::min(kOutputsAtOnce, linear.outputs - first);
      TransposeInto(linear.by_output + first, linear.rows, count, linear.outputs, outputs_);
      by_weight_.resize(static_cast<size_t>(count * linear.inputs));
      candidate_.backend().MatMul(columns, outputs_.data(), count, by_weight_.data());
      found->second.AddGradient(first, count, by_weight_.data(), pool_);
    }
  }

  void AddEmbedding(std::span<const int32_t> tokens, const float* by) {
    const auto found = matrices_.find("token_embd.weight");
    if (found == matrices_.end()) return;
    const int64_t dim = found->second.cols();
    const float scale = candidate_.config().embedding_scale();
    std::vector<float> row(static_cast<size_t>(dim));
    for (size_t t = 0; t < tokens.size(); ++t) {
      for (int64_t i = 0; i < dim; ++i) {
        row[static_cast<size_t>(i)] = scale * by[static_cast<int64_t>(t) * dim + i];
      }
      found->second.AddGradient(tokens[t], 1, row.data(), pool_);
    }
  }

  Gemma3& reference_;
  Gemma3& candidate_;
  Gemma3Gradients reference_pass_, candidate_pass_;
  const TuningOptions& options_;
  ThreadPool pool_;
  TunedWeights* own_ = nullptr;
  std::map<std::string, TunableMatrix, std::less<>> matrices_;
  std::map<std::string, TunableNorm, std::less<>> norms_;
  std::vector<float> by_logits_, wanted_, inputs_, outputs_, by_weight_;
};

std::vector<size_t> ShuffledOrder(size_t count, Random& random) {
  std::vector<size_t> order(count);
  std::iota(order.begin(), order.end(), size_t{0});
  for (size_t i = count; i > 1; --i) std::swap(order[i - 1], order[random.Below(i)]);
  return order;
}

}  // namespace

Result<TunedWeights> TuneScales(Gemma3& reference, Gemma3& candidate,
                                std::span<const PackedSequences> batches,
                                const TuningOptions& options) {
  if (reference.config().vocab != candidate.config().vocab) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("expected a vocabulary of {} as in the reference, found {}",
                            reference.config().vocab, candidate.config().vocab));
  }
  TunedWeights tuned;
  Tuner tuner(reference, candidate, options);
  DRAGOMAN_RETURN_IF_ERROR(tuner.Adopt(candidate.matrix_names(), candidate.norm_names(), tuned));
  Random random(options.seed);
  const size_t total = batches.size() * static_cast<size_t>(options.epochs);
  size_t done = 0;
  for (int epoch = 0; epoch < options.epochs; ++epoch) {
    double sum = 0;
    for (const size_t i : ShuffledOrder(batches.size(), random)) {
      const double decay = 1.0 - static_cast<double>(done) / static_cast<double>(total);
      DRAGOMAN_ASSIGN_OR_RETURN(const double kl,
                                tuner.Step(batches[i], static_cast<int>(done) + 1, decay));
      sum += kl;
      ++done;
      if (options.progress) options.progress(done, total, kl);
    }
    const double mean = sum / static_cast<double>(batches.size());
    if (epoch == 0) tuned.first_kl = mean;
    tuned.last_kl = mean;
  }
  return tuned;
}

}  // namespace dragoman
