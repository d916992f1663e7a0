// Predicted divergence against the divergence of a model whose weights were really moved; second
// moments layer by layer against sums over the whole text.
#include "quantize/output_sensitivity.h"

#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>

#include "base/random.h"
#include "model/tiny_model.h"
#include "quantize/layerwise_moments.h"
#include "quantize/proxy_check.h"
#include "quantize/tensor_encoder.h"

namespace dragoman {
namespace {

std::vector<PackedSequences> RandomText(uint64_t seed, int batches) {
  Random random(seed);
  std::vector<PackedSequences> text(static_cast<size_t>(batches));
  for (PackedSequences& batch : text) {
    batch.prefix_rows = 3;
    batch.sequence_rows = {5, 8, 4};
    for (int i = 0; i < 3 + 5 + 8 + 4; ++i) {
      batch.tokens.push_back(static_cast<int32_t>(random.Below(40)));
      if (i > 4) batch.asked_rows.push_back(i);
    }
  }
  return text;
}

struct OpenTinyModel {
  std::unique_ptr<Backend> backend;
  std::unique_ptr<Gemma3> model;
};

OpenTinyModel OpenTinyWith(const std::string& name) {
  const std::string folder = ::testing::TempDir() + "/" + name;
  EXPECT_TRUE(WriteTinyModel(MakeTinyModel(5), folder));
  OpenTinyModel open;
  open.backend = std::move(*OpenBackend("auto", 2));
  auto model = Gemma3::Load(folder, *open.backend);
  EXPECT_TRUE(model) << ToString(model.error());
  open.model = std::move(*model);
  return open;
}

std::vector<float> AllLogits(Gemma3& model, const std::vector<PackedSequences>& text) {
  Gemma3Gradients pass(model);
  std::vector<float> all;
  for (const PackedSequences& batch : text) {
    const auto logits = pass.Forward(batch);
    EXPECT_TRUE(logits);
    all.insert(all.end(), logits->begin(), logits->end());
  }
  return all;
}

double MeanDivergence(const std::vector<float>& p, const std::vector<float>& q, size_t vocab) {
  double kl = 0;
  for (size_t row = 0; row < p.size(); row += vocab) {
    double p_sum = 0, q_sum = 0;
    for (size_t i = row; i < row + vocab; ++i) {
      p_sum += std::exp(static_cast<double>(p[i]));
      q_sum += std::exp(static_cast<double>(q[i]));
    }
    for (size_t i = row; i < row + vocab; ++i) {
      const double log_p = p[i] - std::log(p_sum), log_q = q[i] - std::log(q_sum);
      kl += std::exp(log_p) * (log_p - log_q);
    }
  }
  return kl / static_cast<double>(p.size() / vocab);
}

// 1/2 sum of row_weight * D H D^T.
double Predicted(const Hessian& hessian, const std::vector<float>& moved) {
  const auto dim = static_cast<size_t>(hessian.dim);
  double kl = 0;
  for (size_t row = 0; row * dim < moved.size(); ++row) {
    const double weight = hessian.row_weights.empty() ? 1 : hessian.row_weights[row];
    for (size_t i = 0; i < dim; ++i) {
      for (size_t j = 0; j < dim; ++j) {
        kl += 0.5 * weight * static_cast<double>(moved[row * dim + i]) * hessian.mean[i * dim + j] *
              moved[row * dim + j];
      }
    }
  }
  return kl;
}

TEST(OutputSensitivity, PredictsTheDivergenceThatMovedWeightsCause) {
  const OpenTinyModel open = OpenTinyWith("sensitivity_predicts");
  Gemma3& model = *open.model;
  const auto text = RandomText(2, 12);
  SensitivityOptions options;
  options.draws = 8;
  const auto sensitivities = MeasureSensitivities(model, text, options);
  ASSERT_TRUE(sensitivities) << ToString(sensitivities.error());
  LayerwiseMoments moments(model, text, *sensitivities, false);
  const std::vector<float> before = AllLogits(model, text);
  Random random(9);
  for (const std::string& name : model.matrix_names()) {
    const auto hessian = moments.Of(name);
    ASSERT_TRUE(hessian && *hessian != nullptr) << name;
    const WeightMatrix matrix = model.matrix(name);
    const auto elems = static_cast<size_t>(matrix.rows * matrix.cols);
    const auto* weights = reinterpret_cast<const float*>(matrix.data);
    double predicted = 0, measured = 0;
    for (int draw = 0; draw < 6; ++draw) {
      std::vector<float> moved(elems), changed(weights, weights + elems);
      for (size_t i = 0; i < elems; ++i) {
        moved[i] = static_cast<float>(2e-3 * random.Normal());
        changed[i] += moved[i];
      }
      predicted += Predicted(**hessian, moved);
      ASSERT_TRUE(model.ReplaceMatrix(name, BlockType::kF32,
                                      std::as_bytes(std::span<const float>(changed))));
      measured +=
          MeanDivergence(before, AllLogits(model, text), static_cast<size_t>(model.config().vocab));
      ASSERT_TRUE(model.ReplaceMatrix(name, BlockType::kF32, {matrix.data, elems * sizeof(float)}));
    }
    // Rows of text are not quite uncorrelated: they share a prefix.
    EXPECT_GT(predicted / measured, 0.4) << name;
    EXPECT_LT(predicted / measured, 2.5) << name;
  }
}

TEST(ProxyCheck, MeasuresAGroupAndLeavesTheModelAsItWas) {
  const OpenTinyModel open = OpenTinyWith("proxy_check");
  const auto text = RandomText(3, 4);
  const std::vector<float> before = AllLogits(*open.model, text);
  std::vector<ProxyGroup> groups = {{"embedding"}, {"attention"}, {"ffn"}, {"no such group"}};
  const auto measured = MeasureProxy(*open.model, text, groups);
  ASSERT_TRUE(measured) << ToString(measured.error());
  for (size_t i = 0; i < 3; ++i) EXPECT_GT(groups[i].measured_kl, 0) << groups[i].name;
  EXPECT_EQ(groups[3].measured_kl, 0);
  EXPECT_EQ(AllLogits(*open.model, text), before);
  // The same by hand: every feed-forward matrix rounded.
  std::vector<std::vector<std::byte>> rounded;
  for (const std::string& name : open.model->matrix_names()) {
    if (ProxyGroupOf(name) != "ffn") continue;
    const WeightMatrix matrix = open.model->matrix(name);
    const BlockType type = ProbeType(static_cast<uint64_t>(matrix.cols));
    rounded.emplace_back(static_cast<size_t>(*TensorBytes(type, static_cast<uint64_t>(matrix.rows),
                                                          static_cast<uint64_t>(matrix.cols))));
    EncodeRows(type, reinterpret_cast<const float*>(matrix.data), matrix.rows, matrix.cols, {},
                 rounded.back().data());
    ASSERT_TRUE(open.model->ReplaceMatrix(name, type, rounded.back()));
  }
  const double by_hand = MeanDivergence(before, AllLogits(*open.model, text),
                                        static_cast<size_t>(open.model->config().vocab));
  EXPECT_NEAR(groups[2].measured_kl / by_hand, 1.0, 1e-3);
}

TEST(ProxyCheck, FactorsStayWithinReason) {
  EXPECT_EQ((ProxyGroup{"x", 0.1, 0.2}).factor(), 2);
  EXPECT_EQ((ProxyGroup{"x", 0.1, 9}).factor(), 4);
  EXPECT_EQ((ProxyGroup{"x", 9, 0.1}).factor(), 0.25);
  EXPECT_EQ((ProxyGroup{"x", 0, 0.1}).factor(), 1) << "nothing was predicted";
}

TEST(OutputSensitivity, IsTheSameEveryTime) {
  const OpenTinyModel open = OpenTinyWith("sensitivity_repeats");
  const auto text = RandomText(2, 3);
  const auto first = MeasureSensitivities(*open.model, text, {});
  const auto second = MeasureSensitivities(*open.model, text, {});
  ASSERT_TRUE(first && second);
  ASSERT_FALSE(first->linears.empty());
  for (const auto& [name, linear] : first->linears) {
    EXPECT_EQ(linear.rows, second->linears.at(name).rows) << name;
    EXPECT_EQ(linear.outputs, second->linears.at(name).outputs) << name;
  }
  EXPECT_EQ(first->tables.at("token_embd.weight").mean,
            second->tables.at("token_embd.weight").mean);
}

TEST(OutputSensitivity, PartsStoredByAKilledRunGiveTheSame) {
  const OpenTinyModel open = OpenTinyWith("sensitivity_parts");
  const auto text = RandomText(2, 5);
  const std::string folder = ::testing::TempDir() + "/sensitivity_store";
  std::filesystem::remove_all(folder);
  const CalibrationStore store(folder, "key");
  SensitivityOptions options;
  options.batches_of_part = 2;
  const auto alone = MeasureSensitivities(*open.model, text, options);
  options.store = &store;
  ASSERT_TRUE(MeasureSensitivities(*open.model, text, options));
  std::filesystem::remove(store.folder() + "/sensitivities-0001.gguf");
  size_t computed = 0;
  const auto again =
      MeasureSensitivities(*open.model, text, options, [&](size_t, size_t) { ++computed; });
  ASSERT_TRUE(alone && again);
  EXPECT_EQ(computed, 3u + 2u) << "three parts, and the two batches of the one that was missing";
  for (const auto& [name, linear] : alone->linears) {
    EXPECT_EQ(linear.rows, again->linears.at(name).rows) << name;
    EXPECT_EQ(linear.outputs, again->linears.at(name).outputs) << name;
  }
  EXPECT_EQ(alone->tables.at("token_embd.weight").mean, again->tables.at("token_embd.weight").mean);
}

TEST(LayerwiseMoments, AreThoseOfTheModelWhateverTheOrderAskedIn) {
  const OpenTinyModel open = OpenTinyWith("layerwise_order");
  const auto text = RandomText(4, 3);
  const auto sensitivities = MeasureSensitivities(*open.model, text, {});
  ASSERT_TRUE(sensitivities);
  LayerwiseMoments rising(*open.model, text, *sensitivities, false);
  LayerwiseMoments jumping(*open.model, text, *sensitivities, false);
  std::vector<std::vector<float>> expected;
  for (const char* name : {"blk.0.attn_q.weight", "blk.1.ffn_down.weight", "blk.2.ffn_up.weight"}) {
    const auto hessian = rising.Of(name);
    ASSERT_TRUE(hessian && *hessian != nullptr) << name;
    expected.push_back((*hessian)->mean);
  }
  EXPECT_EQ((*jumping.Of("blk.2.ffn_up.weight"))->mean, expected[2]);
  EXPECT_EQ((*jumping.Of("blk.0.attn_q.weight"))->mean, expected[0]);
  EXPECT_EQ((*jumping.Of("blk.1.ffn_down.weight"))->mean, expected[1]);
  EXPECT_EQ(*jumping.Of("output_norm.weight"), nullptr);
}

TEST(LayerwiseMoments, SequentiallyLieBehindWhatWasQuantized) {
  const OpenTinyModel open = OpenTinyWith("layerwise_sequential");
  const auto text = RandomText(4, 3);
  const auto sensitivities = MeasureSensitivities(*open.model, text, {});
  ASSERT_TRUE(sensitivities);
  LayerwiseMoments moments(*open.model, text, *sensitivities, true);
  const std::vector<float> first = (*moments.Of("blk.0.attn_q.weight"))->mean;
  const std::vector<float> second = (*moments.Of("blk.1.attn_q.weight"))->mean;
  const WeightMatrix down = open.model->matrix("blk.0.ffn_down.weight");
  const std::vector<float> silent(static_cast<size_t>(down.rows * down.cols), 0.0f);
  ASSERT_TRUE(moments.Quantized("blk.0.ffn_down.weight", BlockType::kF32,
                                std::as_bytes(std::span<const float>(silent))));
  EXPECT_EQ((*moments.Of("blk.0.attn_q.weight"))->mean, first);
  EXPECT_NE((*moments.Of("blk.1.attn_q.weight"))->mean, second);
}

}  // namespace
}  // namespace dragoman
