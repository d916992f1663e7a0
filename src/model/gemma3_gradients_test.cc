// Gradients against differences of the model's own logits, and the packed pass against the cached.
#include "model/gemma3_gradients.h"

#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <map>
#include <string>

#include "base/random.h"
#include "model/tiny_model.h"

namespace dragoman {
namespace {

// A prefix of 7 tokens (longer than the window of 6) and two sequences that share it.
PackedSequences TwoSequences() {
  PackedSequences packed;
  packed.tokens = {2, 5, 9, 11, 3, 8, 30, /**/ 7, 1, 22, 4, /**/ 13, 6, 39};
  packed.prefix_rows = 7;
  packed.sequence_rows = {4, 3};
  packed.asked_rows = {8, 9, 10, 12, 13};
  return packed;
}

struct OpenModel {
  std::unique_ptr<Backend> backend;
  std::unique_ptr<Gemma3> model;
};

OpenModel OpenTiny(const TinyModel& tiny, const std::string& name) {
  const std::string folder = ::testing::TempDir() + "/" + name;
  EXPECT_TRUE(WriteTinyModel(tiny, folder));
  OpenModel open;
  open.backend = std::move(*OpenBackend("auto", 2));
  auto model = Gemma3::Load(folder, *open.backend);
  EXPECT_TRUE(model) << ToString(model.error());
  open.model = std::move(*model);
  return open;
}

TEST(Gemma3Gradients, PackedLogitsAreThoseOfEachSequenceAlone) {
  const OpenModel open = OpenTiny(MakeTinyModel(7), "gradients_packed");
  const PackedSequences packed = TwoSequences();
  Gemma3Gradients gradients(*open.model);
  const auto logits = gradients.Forward(packed);
  ASSERT_TRUE(logits) << ToString(logits.error());
  const auto vocab = static_cast<size_t>(open.model->config().vocab);
  size_t asked = 0;
  int64_t first = packed.prefix_rows;
  for (const int64_t count : packed.sequence_rows) {
    std::vector<int32_t> ids(packed.tokens.begin(), packed.tokens.begin() + packed.prefix_rows);
    ids.insert(ids.end(), packed.tokens.begin() + first, packed.tokens.begin() + first + count);
    const auto size = static_cast<int64_t>(ids.size());
    auto cache = KvCache::Create(*open.backend, open.model->config(), size, size);
    ASSERT_TRUE(cache);
    const SequenceChunk chunk{cache->get(), ids, true, false};
    const auto expected = open.model->Forward({&chunk, 1});
    ASSERT_TRUE(expected);
    for (; asked < packed.asked_rows.size() && packed.asked_rows[asked] < first + count; ++asked) {
      const auto row = static_cast<size_t>(packed.asked_rows[asked] - first + packed.prefix_rows);
      for (size_t i = 0; i < vocab; ++i) {
        EXPECT_NEAR((*logits)[asked * vocab + i], expected->data[row * vocab + i], 2e-4)
            << "asked row " << asked << ", token " << i;
      }
    }
    first += count;
  }
  EXPECT_EQ(asked, packed.asked_rows.size());
}

std::vector<float> RandomDirection(size_t size) {
  Random random(3);
  std::vector<float> direction(size);
  for (float& x : direction) x = static_cast<float>(random.Normal());
  return direction;
}

// sum of direction * logits: a loss whose gradient by the logits is `direction`.
double LossOf(const TinyModel& tiny, const PackedSequences& packed) {
  const OpenModel open = OpenTiny(tiny, "gradients_moved");
  Gemma3Gradients gradients(*open.model);
  const auto logits = gradients.Forward(packed);
  EXPECT_TRUE(logits);
  const auto direction = RandomDirection(logits->size());
  double loss = 0;
  for (size_t i = 0; i < direction.size(); ++i) {
    loss += static_cast<double>(direction[i]) * (*logits)[i];
  }
  return loss;
}

// Gradients by every weight, from what the taps hand over.
class WeightGradients {
 public:
  WeightGradients(Gemma3& model, const PackedSequences& packed) {
    Gemma3Gradients gradients(model);
    const auto logits = gradients.Forward(packed);
    EXPECT_TRUE(logits);
    GradientTaps taps;
    taps.linear = [this](const LinearGradient& linear) {
      std::vector<float>& by = by_[std::string(linear.tensor)];
      by.resize(static_cast<size_t>(linear.outputs * linear.inputs));
      for (int64_t r = 0; r < linear.rows; ++r) {
        for (int64_t o = 0; o < linear.outputs; ++o) {
          for (int64_t i = 0; i < linear.inputs; ++i) {
            by[static_cast<size_t>(o * linear.inputs + i)] +=
                linear.by_output[r * linear.outputs + o] * linear.x[r * linear.inputs + i];
          }
        }
      }
    };
    taps.norm = [this](std::string_view name, std::span<const float> by) {
      by_[std::string(name)].assign(by.begin(), by.end());
    };
    const float scale = model.config().embedding_scale();
    const auto dim = static_cast<size_t>(model.config().model_dim);
    taps.embedding = [this, scale, dim](std::span<const int32_t> tokens, const float* by) {
      std::vector<float>& sum = by_["token_embd.weight"];
      for (size_t row = 0; row < tokens.size(); ++row) {
        for (size_t i = 0; i < dim; ++i) {
          sum[static_cast<size_t>(tokens[row]) * dim + i] += scale * by[row * dim + i];
        }
      }
    };
    gradients.Backward(RandomDirection(logits->size()).data(), taps);
  }

  const std::vector<float>& Of(const std::string& name) { return by_[name]; }

 private:
  std::map<std::string, std::vector<float>> by_;
};

TEST(Gemma3Gradients, AgreeWithDifferencesForEveryKindOfTensor) {
  const TinyModel tiny = MakeTinyModel(7);
  const PackedSequences packed = TwoSequences();
  const OpenModel open = OpenTiny(tiny, "gradients_base");
  WeightGradients gradients(*open.model, packed);
  Random random(11);
  for (const TinyTensor& tensor : tiny.tensors) {
    const auto name = CanonicalTensorName(tensor.name);
    ASSERT_TRUE(name) << tensor.name;
    const std::vector<float>& by = gradients.Of(*name);
    ASSERT_EQ(by.size(), tensor.values.size()) << *name;
    // Along the gradient the loss rises by its squared length: every entry takes part.
    double square = 0;
    for (const float x : by) square += static_cast<double>(x) * x;
    ASSERT_GT(square, 0) << *name;
    const double step = 2e-3 / std::sqrt(square);
    TinyModel up = tiny, down = tiny;
    for (size_t i = 0; i < by.size(); ++i) {
      up.At(tensor.name).values[i] += static_cast<float>(step * by[i]);
      down.At(tensor.name).values[i] -= static_cast<float>(step * by[i]);
    }
    const double slope = (LossOf(up, packed) - LossOf(down, packed)) / (2 * step);
    EXPECT_NEAR(slope / square, 1.0, 0.02) << *name;
  }
}

TEST(Gemma3Gradients, RefusesRowsThatDoNotAddUp) {
  const OpenModel open = OpenTiny(MakeTinyModel(7), "gradients_refusals");
  Gemma3Gradients gradients(*open.model);
  PackedSequences packed = TwoSequences();
  packed.sequence_rows.back() = 4;
  EXPECT_FALSE(gradients.Forward(packed));
  packed = TwoSequences();
  packed.tokens[3] = 40;
  EXPECT_FALSE(gradients.Forward(packed));
  packed = TwoSequences();
  packed.asked_rows.clear();
  EXPECT_FALSE(gradients.Forward(packed));
}

}  // namespace
}  // namespace dragoman
