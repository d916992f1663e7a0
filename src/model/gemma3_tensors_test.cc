// Tests of names and of the match between a checkpoint and its configuration.
#include "model/gemma3_tensors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "model/tiny_model.h"

namespace dragoman {
namespace {

using ::testing::HasSubstr;

TEST(Gemma3Tensors, CanonicalNames) {
  const std::pair<const char*, const char*> cases[] = {
      {"model.layers.3.self_attn.q_proj.weight", "blk.3.attn_q.weight"},
      {"language_model.model.layers.33.mlp.down_proj.weight", "blk.33.ffn_down.weight"},
      {"model.language_model.layers.0.post_feedforward_layernorm.weight",
       "blk.0.post_ffw_norm.weight"},
      {"model.embed_tokens.weight", "token_embd.weight"},
      {"language_model.model.norm.weight", "output_norm.weight"},
      {"lm_head.weight", "output.weight"},
      {"language_model.lm_head.weight", "output.weight"},
  };
  for (const auto& [hf, gguf] : cases) EXPECT_EQ(CanonicalTensorName(hf), gguf) << hf;
  for (const char* unknown :
       {"", "model.", "model.layers.", "model.layers.1", "model.layers.x.mlp.up_proj.weight",
        "model.layers.01.mlp.up_proj.weight", "model.layers.-1.mlp.up_proj.weight",
        "model.layers.99999999999.mlp.up_proj.weight", "model.layers.0.norm.weight",
        "embed_tokens.weight", "model.lm_head.weight", "model.layers.0.mlp.up_proj.weight.x",
        "model.mlp.up_proj.weight", "vision_tower.vision_model.embeddings.weight"}) {
    EXPECT_EQ(CanonicalTensorName(unknown), std::nullopt) << unknown;
  }
}

class TensorMapTest : public ::testing::Test {
 protected:
  Result<ModelTensorMap> Map(const TinyModel& model) {
    const std::string folder = ::testing::TempDir() + "dragoman_tensor_map";
    std::filesystem::remove_all(folder);
    const auto written = WriteTinyModel(model, folder);
    if (!written) return tl::unexpected(written.error());
    auto checkpoint = OpenCheckpoint(folder);
    if (!checkpoint) return tl::unexpected(checkpoint.error());
    checkpoint_ = std::move(*checkpoint);
    auto config = LoadGemma3Config(*checkpoint_);
    if (!config) return tl::unexpected(config.error());
    config_ = *config;
    return MapGemma3Tensors(*checkpoint_, config_);
  }
  void ExpectError(const TinyModel& model, ErrorCode code, const std::string& message) {
    const auto map = Map(model);
    ASSERT_FALSE(map) << message;
    EXPECT_EQ(map.error().code, code) << ToString(map.error());
    EXPECT_THAT(ToString(map.error()), HasSubstr(message));
  }
  std::unique_ptr<Checkpoint> checkpoint_;
  Gemma3Config config_;
};

TEST_F(TensorMapTest, OrdersAndNamesEveryTensor) {
  const auto map = Map(MakeTinyModel(1));
  ASSERT_TRUE(map) << ToString(map.error());
  ASSERT_EQ(map->tensors.size(), 2u + 3 * 13);
  EXPECT_EQ(map->tensors.front().name, "token_embd.weight");
  EXPECT_EQ(map->tensors.back().name, "output_norm.weight");
  for (const ModelTensor& tensor : map->tensors) {
    EXPECT_EQ(CanonicalTensorName(HfTensorName(tensor)), tensor.name);
    EXPECT_EQ(HfTensorName(tensor), tensor.info->name);
    EXPECT_EQ(tensor.is_norm, tensor.shape.size() == 1);
    EXPECT_EQ(tensor.norm_needs_plus_one, tensor.is_norm);
  }
}

TEST_F(TensorMapTest, EveryHubPrefixIsTheSameModel) {
  for (const char* prefix : {"model.language_model.", "language_model.model."}) {
    TinyModel model = MakeTinyModel(1);
    for (TinyTensor& tensor : model.tensors) tensor.name = prefix + tensor.name.substr(6);
    const auto map = Map(model);
    ASSERT_TRUE(map) << ToString(map.error());
    EXPECT_EQ(map->tensors.size(), 2u + 3 * 13);
  }
}

TEST_F(TensorMapTest, VisionTowerAndTiedCopyAreLeftOut) {
  TinyModel model = MakeTinyModel(1);
  model.tensors.push_back({"vision_tower.patch.weight", {2, 3}, std::vector<float>(6)});
  model.tensors.push_back(
      {"multi_modal_projector.mm_soft_emb_norm.weight", {4}, std::vector<float>(4)});
  model.tensors.push_back({"lm_head.weight", {40, 32}, std::vector<float>(40 * 32)});
  const auto map = Map(model);
  ASSERT_TRUE(map) << ToString(map.error());
  EXPECT_EQ(map->left_out.size(), 3u);
  EXPECT_EQ(map->left_out_bytes, 4u * (6 + 4 + 40 * 32));
  model.config["tie_word_embeddings"] = false;
  const auto untied = Map(model);
  ASSERT_TRUE(untied) << ToString(untied.error());
  EXPECT_EQ(untied->tensors.back().name, "output.weight");
}

TEST_F(TensorMapTest, EmbeddingRowsOfTheFileWin) {
  TinyModel model = MakeTinyModel(1);
  model.config["vocab_size"] = 64;
  const auto map = Map(model);
  ASSERT_TRUE(map) << ToString(map.error());
  EXPECT_EQ(config_.vocab, 40);
}

TEST_F(TensorMapTest, MissingUnknownTwiceAndMisshapen) {
  const std::string q1 = "model.layers.1.self_attn.q_proj.weight";
  TinyModel missing = MakeTinyModel(1);
  missing.At(q1).name = "vision_tower.x";
  ExpectError(missing, ErrorCode::kCorruptFile,
              "expected tensor " + q1 + " of shape [32, 32], found none");

  TinyModel unknown = MakeTinyModel(1);
  unknown.tensors.push_back({"model.layers.1.self_attn.q_proj.bias", {4}, std::vector<float>(4)});
  ExpectError(unknown, ErrorCode::kCorruptFile, "unknown name");

  TinyModel beyond = MakeTinyModel(1);
  beyond.tensors.push_back({"model.layers.3.input_layernorm.weight", {32}, std::vector<float>(32)});
  ExpectError(beyond, ErrorCode::kCorruptFile, "model of 3 layers");

  TinyModel twice = MakeTinyModel(1);
  twice.tensors.push_back({"language_model.model.norm.weight", {32}, std::vector<float>(32)});
  ExpectError(twice, ErrorCode::kCorruptFile, "expected output_norm.weight once");

  TinyModel misshapen = MakeTinyModel(1);
  misshapen.At(q1).shape = {16, 64};
  ExpectError(misshapen, ErrorCode::kCorruptFile, "expected shape [32, 32], found [16, 64]");

  TinyModel truncated = MakeTinyModel(1);
  truncated.config["num_hidden_layers"] = 4;
  truncated.config.erase("layer_types");
  ExpectError(truncated, ErrorCode::kCorruptFile, "model.layers.3.input_layernorm.weight");
}

TEST_F(TensorMapTest, GgufOfTheSameModel) {
  const std::string path = ::testing::TempDir() + "dragoman_tensor_map.gguf";
  const auto written = WriteTinyGguf(MakeTinyModel(1), path);
  ASSERT_TRUE(written) << ToString(written.error());
  const auto checkpoint = OpenCheckpoint(path);
  ASSERT_TRUE(checkpoint) << ToString(checkpoint.error());
  const auto config = LoadGemma3Config(**checkpoint);
  ASSERT_TRUE(config) << ToString(config.error());
  EXPECT_EQ(config->vocab, 40);
  EXPECT_EQ(config->layer_is_local, (std::vector<bool>{true, true, false}));
  EXPECT_EQ(config->rope_global.position_scale, 0.125f);
  EXPECT_EQ(config->rope_local.theta, 1e4f) << "the default where converters are silent";
  EXPECT_EQ(config->query_pre_attn_scalar, 8.0f);
  EXPECT_THAT(config->eos_ids, ::testing::ElementsAre(1, 5));
  EXPECT_TRUE(config->tied_embeddings);
  const auto map = MapGemma3Tensors(**checkpoint, *config);
  ASSERT_TRUE(map) << ToString(map.error());
  for (const ModelTensor& tensor : map->tensors) EXPECT_FALSE(tensor.norm_needs_plus_one);
}

}  // namespace
}  // namespace dragoman
