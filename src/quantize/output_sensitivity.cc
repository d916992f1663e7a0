#include "quantize/output_sensitivity.h"

#include <algorithm>
#include <cmath>
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

class SensitivityPass {
 public:
  SensitivityPass(Gemma3& model, const SensitivityOptions& options)
      : model_(model), gradients_(model), options_(options), random_(options.seed) {}

  Result<void> Run(const PackedSequences& batch) {
    DRAGOMAN_ASSIGN_OR_RETURN(const auto logits, gradients_.Forward(batch));
    const int64_t vocab = model_.config().vocab;
    const std::vector<float> p = Probabilities(logits, vocab);
    const auto asked = static_cast<int64_t>(batch.asked_rows.size());
    sensitivities_.predicted += static_cast<uint64_t>(asked);
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

  Sensitivities Finish() {
    for (auto& [name, squares] : squares_) {
      if (auto found = sensitivities_.linears.find(name); found != sensitivities_.linears.end()) {
        found->second.outputs = RelativeToMean(squares);
      }
    }
    for (auto& [name, moments] : tables_) {
      sensitivities_.tables[name] = moments.Take(
          sensitivities_.predicted, 1.0 / static_cast<double>(sensitivities_.predicted));
    }
    return std::move(sensitivities_);
  }

 private:
  void AddLinear(const LinearGradient& linear, bool first_draw) {
    const std::string name(linear.tensor);
    std::vector<double>& squares = squares_[name];
    squares.resize(static_cast<size_t>(linear.outputs));
    LinearSensitivity& sensitivity = sensitivities_.linears[name];
    if (first_draw) sensitivity.rows.emplace_back(static_cast<size_t>(linear.rows), 0.0f);
    std::vector<float>& rows = sensitivity.rows.back();
    const double share = 1.0 / (static_cast<double>(linear.outputs) * options_.draws);
    for (int64_t r = 0; r < linear.rows; ++r) {
      double sum = 0;
      for (int64_t j = 0; j < linear.outputs; ++j) {
        const double g = linear.by_output[r * linear.outputs + j];
        sum += g * g;
        squares[static_cast<size_t>(j)] += g * g;
      }
      rows[static_cast<size_t>(r)] += static_cast<float>(share * sum);
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
  Random random_;
  Sensitivities sensitivities_;
  std::map<std::string, std::vector<double>> squares_;  // of the gradients by each output
  std::map<std::string, WeightedMoments> tables_;
  std::vector<float> weights_;
  MomentScratch scratch_;
};

}  // namespace

Result<Sensitivities> MeasureSensitivities(
    Gemma3& model, std::span<const PackedSequences> batches, const SensitivityOptions& options,
    const std::function<void(size_t done, size_t total)>& progress) {
  SensitivityPass pass(model, options);
  for (size_t i = 0; i < batches.size(); ++i) {
    DRAGOMAN_RETURN_IF_ERROR(pass.Run(batches[i]));
    if (progress) progress(i + 1, batches.size());
  }
  return pass.Finish();
}

}  // namespace dragoman
