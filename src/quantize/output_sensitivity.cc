#include "quantize/output_sensitivity.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include "base/random.h"
#include "quantize/weighted_moments.h"

namespace dragoman {
namespace {

// Softmax of each row of logits [rows, vocab].
std::vector<float> Probabilities(std::span<const float> logits, int64_t vocab) {
  std::vector<float> p(logits.begin(), logits.end());
  for (size_t first = 0; first < p.size(); first += static_cast<size_t>(vocab)) {
    float* row = p.data() + first;
    const float highest = *std::max_element(row, row + vocab);
    double sum = 0;
    for (int64_t i = 0; i < vocab; ++i) sum += row[i] = std::exp(row[i] - highest);
    const auto inverse = static_cast<float>(1 / sum);
    for (int64_t i = 0; i < vocab; ++i) row[i] *= inverse;
  }
  return p;
}

int64_t Draw(const float* p, int64_t vocab, double at) {
  for (int64_t i = 0; i < vocab; ++i) {
    at -= p[i];
    if (at < 0) return i;
  }
  return std::max_element(p, p + vocab) - p;  // rounding left a rest
}

std::vector<float> RelativeToMean(const std::vector<double>& values) {
  double mean = 0;
  for (const double value : values) mean += value;
  mean /= static_cast<double>(values.size());
  std::vector<float> relative;
  for (const double value : values) {
    relative.push_back(mean > 0 ? static_cast<float>(value / mean) : 1.0f);
  }
  return relative;
}

// Sums one part: some batches, by the same model.
class SensitivityPass {
 public:
  SensitivityPass(Gemma3& model, const SensitivityOptions& options)
      : model_(model), gradients_(model), options_(options) {}

  // `part` seeds the draws.
  void Begin(size_t part) {
    random_ = Random(options_.seed + part);
    part_ = {};
    squares_.clear();
    tables_.clear();
  }

  Result<void> Add(const PackedSequences& batch) {
    DRAGOMAN_ASSIGN_OR_RETURN(const auto logits, gradients_.Forward(batch));
    const int64_t vocab = model_.config().vocab;
    const std::vector<float> p = Probabilities(logits, vocab);
    const auto asked = static_cast<int64_t>(batch.asked_rows.size());
    part_.predicted += static_cast<uint64_t>(asked);
    bool first_draw = true;
    GradientTaps taps;
    taps.linear = [&](const LinearGradient& linear) {
      if (linear.layer >= 0) {
        AddLinear(linear, first_draw);
      } else if (first_draw) {  // what it adds does not depend on the draw
        AddOutput(linear, p);
      }
    };
    taps.embedding = [&](std::span<const int32_t> tokens, const float* by) {
      AddEmbedded(tokens, by);
    };
    for (int draw = 0; draw < options_.draws; ++draw, first_draw = false) {
      std::vector<float> by_logits = p;
      for (int64_t row = 0; row < asked; ++row) {
        const int64_t token = Draw(p.data() + row * vocab, vocab, random_.Uniform());
        by_logits[static_cast<size_t>(row * vocab + token)] -= 1.0f;
      }
      gradients_.Backward(by_logits.data(), taps);
    }
    return {};
  }

  SensitivityPart Finish() {
    for (auto& [name, squares] : squares_) {
      part_.linears[name].output_squares.assign(squares.begin(), squares.end());
    }
    for (auto& [name, moments] : tables_) part_.tables[name] = moments.Take(part_.predicted, 1.0);
    return std::move(part_);
  }

 private:
  void AddLinear(const LinearGradient& linear, bool first_draw) {
    const std::string name(linear.tensor);
    std::vector<double>& squares = squares_[name];
    squares.resize(static_cast<size_t>(linear.outputs));
    std::vector<float>& rows = part_.linears[name].rows;
    const auto count = static_cast<size_t>(linear.rows);
    if (first_draw) rows.resize(rows.size() + count);
    float* own = rows.data() + rows.size() - count;
    const double share = 1.0 / (static_cast<double>(linear.outputs) * options_.draws);
    for (size_t r = 0; r < count; ++r) {
      const float* gradient = linear.by_output + r * static_cast<size_t>(linear.outputs);
      double sum = 0;
      for (size_t j = 0; j < squares.size(); ++j) {
        const double square = static_cast<double>(gradient[j]) * gradient[j];
        sum += square;
        squares[j] += square;
      }
      own[r] += static_cast<float>(share * sum);
    }
  }

  // The expectation over the drawn token is known here: p (1 - p).
  void AddOutput(const LinearGradient& linear, const std::vector<float>& p) {
    weights_.assign(static_cast<size_t>(linear.rows), 0.0f);
    for (int64_t r = 0; r < linear.rows; ++r) {
      double sum = 0;
      for (int64_t j = 0; j < linear.outputs; ++j) {
        const double q = p[static_cast<size_t>(r * linear.outputs + j)];
        sum += q * (1 - q);
      }
      weights_[static_cast<size_t>(r)] =
          static_cast<float>(sum / static_cast<double>(linear.outputs));
    }
    TableOf(linear.tensor, linear.inputs)
        .Add(linear.x, linear.rows, weights_, model_.backend(), scratch_);
  }

  // A row's error, scaled as the row is, is added to the input wherever its token stands: the
  // moments of the gradient there take the place of those of an input.
  void AddEmbedded(std::span<const int32_t> tokens, const float* by) {
    const Gemma3Config& config = model_.config();
    const float scale = config.embedding_scale();
    weights_.assign(tokens.size(), scale * scale / static_cast<float>(config.vocab) /
                                       static_cast<float>(options_.draws));
    TableOf("token_embd.weight", config.model_dim)
        .Add(by, static_cast<int64_t>(tokens.size()), weights_, model_.backend(), scratch_);
  }

  WeightedMoments& TableOf(std::string_view tensor, int64_t dim) {
    return tables_.try_emplace(std::string(tensor), dim).first->second;
  }

  Gemma3& model_;
  Gemma3Gradients gradients_;
  const SensitivityOptions options_;
  Random random_{0};
  SensitivityPart part_;
  std::map<std::string, std::vector<double>> squares_;  // of the gradients by each output
  std::map<std::string, WeightedMoments> tables_;
  std::vector<float> weights_;
  MomentScratch scratch_;
};

using Batches = std::span<const PackedSequences>;

// Whether a stored part is one of these batches of this model.
bool Fits(const SensitivityPart& part, Batches batches, Gemma3& model) {
  uint64_t rows = 0, asked = 0;
  for (const PackedSequences& batch : batches) {
    rows += static_cast<uint64_t>(batch.rows());
    asked += batch.asked_rows.size();
  }
  if (part.predicted != asked || part.linears.empty()) return false;
  for (const auto& [name, linear] : part.linears) {
    const auto outputs = static_cast<size_t>(model.matrix(name).rows);
    if (outputs == 0 || linear.rows.size() != rows || linear.output_squares.size() != outputs) {
      return false;
    }
  }
  for (const std::string& name : model.matrix_names()) {
    const auto table = part.tables.find(name);
    const bool is_table = table != part.tables.end();
    if (is_table && table->second.dim != model.matrix(name).cols) return false;
    if (!is_table && !part.linears.contains(name)) return false;
  }
  return true;
}

// Adds the parts up, in their order.
class SensitivitySum {
 public:
  void Add(SensitivityPart part, Batches batches) {
    sum_.predicted += part.predicted;
    for (auto& [name, linear] : part.linears) AddLinear(name, linear, batches);
    for (auto& [name, table] : part.tables) AddTable(name, std::move(table));
  }

  Sensitivities Finish() {
    for (auto& [name, squares] : squares_) sum_.linears[name].outputs = RelativeToMean(squares);
    const auto scale = static_cast<float>(1.0 / static_cast<double>(sum_.predicted));
    for (auto& [name, table] : sum_.tables) {
      table.tokens = sum_.predicted;
      for (float& value : table.mean) value *= scale;
    }
    return std::move(sum_);
  }

 private:
  void AddLinear(const std::string& name, const SensitivityPart::Linear& linear, Batches batches) {
    LinearSensitivity& own = sum_.linears[name];
    auto next = linear.rows.begin();
    for (const PackedSequences& batch : batches) {
      own.rows.emplace_back(next, next + batch.rows());
      next += batch.rows();
    }
    std::vector<double>& squares = squares_[name];
    squares.resize(linear.output_squares.size());
    for (size_t i = 0; i < squares.size(); ++i) squares[i] += linear.output_squares[i];
  }

  void AddTable(const std::string& name, Hessian table) {
    const auto [own, is_new] = sum_.tables.try_emplace(name, Hessian{});
    if (is_new) {
      own->second = std::move(table);
      return;
    }
    std::vector<float>& mean = own->second.mean;
    for (size_t i = 0; i < mean.size(); ++i) mean[i] += table.mean[i];
  }

  Sensitivities sum_;
  std::map<std::string, std::vector<double>> squares_;
};

}  // namespace

Result<Sensitivities> MeasureSensitivities(
    Gemma3& model, std::span<const PackedSequences> batches, const SensitivityOptions& options,
    const std::function<void(size_t done, size_t total)>& progress) {
  SensitivityPass pass(model, options);
  SensitivitySum sum;
  for (size_t first = 0, part = 0; first < batches.size(); ++part) {
    const Batches own =
        batches.subspan(first, std::min(options.batches_of_part, batches.size() - first));
    std::optional<SensitivityPart> stored;
    if (options.store != nullptr) stored = options.store->LoadSensitivities(part);
    if (!stored || !Fits(*stored, own, model)) {
      pass.Begin(part);
      for (size_t i = 0; i < own.size(); ++i) {
        DRAGOMAN_RETURN_IF_ERROR(pass.Add(own[i]));
        if (progress) progress(first + i + 1, batches.size());
      }
      stored = pass.Finish();
      if (options.store != nullptr) options.store->SaveSensitivities(part, *stored);
    }
    sum.Add(std::move(*stored), own);
    first += own.size();
    if (progress) progress(first, batches.size());
  }
  return sum.Finish();
}

}  // namespace dragoman
