#include "quantize/output_sensitivity.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <string>
#include <utility>

#include "base/random.h"

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

// Sums of weight[row] * x x^T, and of squared gradients by output.
class WeightedMoments {
 public:
  WeightedMoments(int64_t inputs, int64_t outputs)
      : inputs_(inputs),
        products_(static_cast<size_t>(inputs * inputs)),
        squares_(static_cast<size_t>(outputs)) {}

  // x [rows, inputs], weights [rows]. Scratch is shared by all moments.
  void Add(const float* x, int64_t rows, std::span<const float> weights, Backend& backend,
           std::vector<float>& scaled, std::vector<float>& product) {
    scaled.resize(static_cast<size_t>(rows * inputs_));
    for (int64_t r = 0; r < rows; ++r) {  // transposed: [inputs, rows]
      const float root = std::sqrt(weights[static_cast<size_t>(r)]);
      for (int64_t i = 0; i < inputs_; ++i) {
        scaled[static_cast<size_t>(i * rows + r)] = root * x[r * inputs_ + i];
      }
    }
    product.resize(products_.size());
    const WeightMatrix columns{BlockType::kF32, inputs_, rows,
                               reinterpret_cast<const std::byte*>(scaled.data())};
    backend.MatMul(columns, scaled.data(), inputs_, product.data());
    for (size_t i = 0; i < product.size(); ++i) products_[i] += product[i];
  }

  std::vector<double>& squares() { return squares_; }

  // scale: 1 / predicted positions.
  Hessian Finish(uint64_t tokens, double scale) const {
    Hessian hessian;
    hessian.dim = inputs_;
    hessian.tokens = tokens;
    hessian.mean.resize(products_.size());
    const auto dim = static_cast<size_t>(inputs_);
    for (size_t i = 0; i < dim; ++i) {
      for (size_t j = 0; j < dim; ++j) {
        const double both = products_[i * dim + j] + products_[j * dim + i];
        hessian.mean[i * dim + j] = static_cast<float>(0.5 * scale * both);
      }
    }
    double mean = 0;
    for (const double square : squares_) mean += square;
    mean /= static_cast<double>(squares_.size());
    for (const double square : squares_) {
      hessian.row_weights.push_back(mean > 0 ? static_cast<float>(square / mean) : 1.0f);
    }
    return hessian;
  }

 private:
  int64_t inputs_;
  std::vector<double> products_, squares_;
};

class SensitivityPass {
 public:
  SensitivityPass(Gemma3& model, const SensitivityOptions& options)
      : model_(model), gradients_(model), options_(options), random_(options.seed) {}

  Result<void> Run(const PackedSequences& batch) {
    DRAGOMAN_ASSIGN_OR_RETURN(const auto logits, gradients_.Forward(batch));
    const int64_t vocab = model_.config().vocab;
    const std::vector<float> p = Probabilities(logits, vocab);
    const auto asked = static_cast<int64_t>(batch.asked_rows.size());
    predicted_ += static_cast<uint64_t>(asked);
    GradientTaps taps;
    taps.linear = [&](const LinearGradient& linear) {
      if (linear.layer >= 0) {
        AddLinear(linear);
      } else {
        AddOutput(linear, p);
      }
    };
    taps.embedding = [&](std::span<const int32_t> tokens, const float* by) {
      AddEmbedded(tokens, by);
    };
    for (int draw = 0; draw < options_.draws; ++draw) {
      std::vector<float> by_logits = p;
      for (int64_t row = 0; row < asked; ++row) {
        const int64_t token = Draw(p.data() + row * vocab, vocab, random_.Uniform());
        by_logits[static_cast<size_t>(row * vocab + token)] -= 1.0f;
      }
      gradients_.Backward(by_logits.data(), taps);
    }
    return {};
  }

  HessianMap Finish() const {
    HessianMap map;
    const double scale = 1.0 / (static_cast<double>(predicted_) * options_.draws);
    for (const auto& [name, moments] : moments_) map[name] = moments.Finish(predicted_, scale);
    return map;
  }

 private:
  WeightedMoments& MomentsOf(std::string_view tensor, int64_t inputs, int64_t outputs) {
    return moments_.try_emplace(std::string(tensor), inputs, outputs).first->second;
  }

  void AddLinear(const LinearGradient& linear) {
    WeightedMoments& moments = MomentsOf(linear.tensor, linear.inputs, linear.outputs);
    weights_.assign(static_cast<size_t>(linear.rows), 0.0f);
    for (int64_t r = 0; r < linear.rows; ++r) {
      double sum = 0;
      for (int64_t j = 0; j < linear.outputs; ++j) {
        const double g = linear.by_output[r * linear.outputs + j];
        sum += g * g;
        moments.squares()[static_cast<size_t>(j)] += g * g;
      }
      weights_[static_cast<size_t>(r)] =
          static_cast<float>(sum / static_cast<double>(linear.outputs));
    }
    moments.Add(linear.x, linear.rows, weights_, model_.backend(), scaled_, product_);
  }

  // The expectation over the drawn token is known here: p (1 - p).
  void AddOutput(const LinearGradient& linear, const std::vector<float>& p) {
    WeightedMoments& moments = MomentsOf(linear.tensor, linear.inputs, linear.outputs);
    weights_.assign(static_cast<size_t>(linear.rows), 0.0f);
    for (int64_t r = 0; r < linear.rows; ++r) {
      double sum = 0;
      for (int64_t j = 0; j < linear.outputs; ++j) {
        const double q = p[static_cast<size_t>(r * linear.outputs + j)];
        sum += q * (1 - q);
        moments.squares()[static_cast<size_t>(j)] += q * (1 - q);
      }
      weights_[static_cast<size_t>(r)] =
          static_cast<float>(sum / static_cast<double>(linear.outputs));
    }
    moments.Add(linear.x, linear.rows, weights_, model_.backend(), scaled_, product_);
  }

  // A row's error, scaled as the row is, is added to the input of every place where its token
  // stands: the moments of the gradient there take the place of those of an input.
  void AddEmbedded(std::span<const int32_t> tokens, const float* by) {
    const Gemma3Config& config = model_.config();
    WeightedMoments& moments = MomentsOf("token_embd.weight", config.model_dim, config.vocab);
    const float scale = config.embedding_scale();
    weights_.assign(tokens.size(), scale * scale / static_cast<float>(config.vocab));
    moments.Add(by, static_cast<int64_t>(tokens.size()), weights_, model_.backend(), scaled_,
                product_);
  }

  Gemma3& model_;
  Gemma3Gradients gradients_;
  const SensitivityOptions options_;
  Random random_;
  uint64_t predicted_ = 0;
  std::map<std::string, WeightedMoments> moments_;
  std::vector<float> weights_, scaled_, product_;
};

}  // namespace

Result<HessianMap> CollectSensitivities(
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
