#include "quantize/proxy_check.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

#include "base/thread_pool.h"
#include "quantize/tensor_encoder.h"

namespace dragoman {
namespace {

constexpr size_t kMostBatches = 6;
constexpr int64_t kMostLogits = int64_t{1} << 27;  // of the unquantized model, kept: 512 MiB
constexpr double kWidestFactor = 4;

using ChosenBatches = std::vector<const PackedSequences*>;

// Evenly spread, so that they hold different languages.
ChosenBatches SomeBatches(std::span<const PackedSequences> batches, int64_t vocab) {
  int64_t most_asked = 1;
  for (const PackedSequences& batch : batches) {
    most_asked = std::max(most_asked, static_cast<int64_t>(batch.asked_rows.size()));
  }
  const auto fitting =
      static_cast<size_t>(std::max<int64_t>(1, kMostLogits / (most_asked * vocab)));
  const size_t count = std::min({kMostBatches, fitting, batches.size()});
  ChosenBatches some;
  for (size_t i = 0; i < count; ++i) some.push_back(&batches[i * batches.size() / count]);
  return some;
}

double LogSumExp(const float* logits, int64_t count) {
  const float highest = *std::max_element(logits, logits + count);
  double sum = 0;
  for (int64_t i = 0; i < count; ++i) sum += std::exp(static_cast<double>(logits[i]) - highest);
  return highest + std::log(sum);
}

// Sum over rows of KL(p || q), both given as logits [rows, vocab].
double SumOfDivergence(std::span<const float> p, std::span<const float> q, int64_t vocab,
                       ThreadPool& pool) {
  const int64_t rows = static_cast<int64_t>(p.size()) / vocab;
  std::vector<double> by_row(static_cast<size_t>(rows));
  pool.ParallelFor(rows, 1, [&](int64_t begin, int64_t end, int) {
    for (int64_t row = begin; row < end; ++row) {
      const float *a = p.data() + row * vocab, *b = q.data() + row * vocab;
      const double a_sum = LogSumExp(a, vocab), b_sum = LogSumExp(b, vocab);
      double kl = 0;
      for (int64_t i = 0; i < vocab; ++i) {
        const double log_p = a[i] - a_sum, log_q = b[i] - b_sum;
        kl += std::exp(log_p) * (log_p - log_q);
      }
      by_row[static_cast<size_t>(row)] = kl;
    }
  });
  double sum = 0;
  for (const double kl : by_row) sum += kl;
  return sum;
}

std::vector<std::byte> RoundPlainly(const WeightMatrix& matrix, BlockType type, ThreadPool& pool) {
  constexpr int64_t kRowsPerTask = 16;
  const auto row_bytes =
      static_cast<size_t>(*TensorBytes(type, 1, static_cast<uint64_t>(matrix.cols)));
  const auto source_bytes =
      static_cast<size_t>(*TensorBytes(matrix.type, 1, static_cast<uint64_t>(matrix.cols)));
  std::vector<std::byte> blocks(row_bytes * static_cast<size_t>(matrix.rows));
  pool.ParallelFor(matrix.rows, kRowsPerTask, [&](int64_t begin, int64_t end, int) {
    std::vector<float> values(static_cast<size_t>((end - begin) * matrix.cols));
    TraitsOf(matrix.type)
        .decode(matrix.data + static_cast<size_t>(begin) * source_bytes,
                (end - begin) * matrix.cols, values.data());
    EncodeRows(type, values.data(), end - begin, matrix.cols, {},
               blocks.data() + static_cast<size_t>(begin) * row_bytes);
  });
  return blocks;
}

// Rounded while it lives; afterwards the model has its own matrices again.
class RoundedGroup {
 public:
  explicit RoundedGroup(Gemma3& model) : model_(model) {}
  ~RoundedGroup() {
    for (const auto& [name, matrix] : originals_) {
      const auto bytes = *TensorBytes(matrix.type, static_cast<uint64_t>(matrix.rows),
                                      static_cast<uint64_t>(matrix.cols));
      (void)model_.ReplaceMatrix(name, matrix.type, {matrix.data, static_cast<size_t>(bytes)});
    }
  }
  RoundedGroup(const RoundedGroup&) = delete;
  RoundedGroup& operator=(const RoundedGroup&) = delete;

  Result<void> Round(std::string_view group, ThreadPool& pool) {
    for (const std::string& name : model_.matrix_names()) {
      if (ProxyGroupOf(name) != group) continue;
      const WeightMatrix matrix = model_.matrix(name);
      const BlockType type = ProbeType(static_cast<uint64_t>(matrix.cols));
      blocks_.push_back(RoundPlainly(matrix, type, pool));
      DRAGOMAN_RETURN_IF_ERROR(model_.ReplaceMatrix(name, type, blocks_.back()));
      originals_.emplace_back(name, matrix);
    }
    return {};
  }

 private:
  Gemma3& model_;
  std::vector<std::pair<std::string, WeightMatrix>> originals_;
  std::vector<std::vector<std::byte>> blocks_;
};

}  // namespace

BlockType ProbeType(uint64_t cols) {
  if (cols % kMaxBlockElems == 0) return BlockType::kQ4_K;
  return cols % 32 == 0 ? BlockType::kQ4_0 : BlockType::kBF16;
}

std::string_view ProxyGroupOf(std::string_view tensor) {
  if (tensor.find(".attn_") != std::string_view::npos) return "attention";
  return tensor.find(".ffn_") != std::string_view::npos ? "ffn" : "embedding";
}

double ProxyGroup::factor() const {
  if (predicted_kl <= 0 || measured_kl <= 0) return 1;
  return std::clamp(measured_kl / predicted_kl, 1 / kWidestFactor, kWidestFactor);
}

Result<void> MeasureProxy(Gemma3& model, std::span<const PackedSequences> batches,
                          std::span<ProxyGroup> groups) {
  const int64_t vocab = model.config().vocab;
  const ChosenBatches some = SomeBatches(batches, vocab);
  ThreadPool pool(model.backend().threads());
  Gemma3Gradients pass(model);
  std::vector<std::vector<float>> before;
  int64_t asked = 0;
  for (const PackedSequences* batch : some) {
    DRAGOMAN_ASSIGN_OR_RETURN(const auto logits, pass.Forward(*batch));
    before.emplace_back(logits.begin(), logits.end());
    asked += static_cast<int64_t>(batch->asked_rows.size());
  }
  for (ProxyGroup& group : groups) {
    RoundedGroup rounded(model);
    DRAGOMAN_RETURN_IF_ERROR(rounded.Round(group.name, pool));
    double sum = 0;
    for (size_t i = 0; i < some.size(); ++i) {
      DRAGOMAN_ASSIGN_OR_RETURN(const auto logits, pass.Forward(*some[i]));
      sum += SumOfDivergence(before[i], logits, vocab, pool);
    }
    group.measured_kl = sum / static_cast<double>(std::max<int64_t>(1, asked));
  }
  return {};
}

}  // namespace dragoman
