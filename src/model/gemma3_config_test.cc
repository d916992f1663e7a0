// Tests of the configuration: both spellings, class defaults, bounds on every number.
#include "model/gemma3_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

namespace dragoman {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

Result<Gemma3Config> Parse(const std::string& text) {
  auto json = ParseJson(text, "config.json");
  if (!json) return tl::unexpected(json.error());
  return ParseGemma3Config(*json, "config.json");
}

std::vector<int> GlobalLayers(const Gemma3Config& config) {
  std::vector<int> layers;
  for (size_t i = 0; i < config.layer_is_local.size(); ++i) {
    if (!config.layer_is_local[i]) layers.push_back(static_cast<int>(i));
  }
  return layers;
}

void ExpectIs4B(const Gemma3Config& c) {
  EXPECT_EQ(c.vocab, 262208);
  EXPECT_EQ(c.model_dim, 2560);
  EXPECT_EQ(c.ffn_dim, 10240);
  EXPECT_EQ(c.layers, 34);
  EXPECT_EQ(c.heads, 8);
  EXPECT_EQ(c.kv_heads, 4);
  EXPECT_EQ(c.head_dim, 256);
  EXPECT_EQ(c.sliding_window, 1024);
  EXPECT_EQ(c.query_pre_attn_scalar, 256.0f);
  EXPECT_EQ(c.rope_global.theta, 1e6f);
  EXPECT_EQ(c.rope_global.position_scale, 0.125f);
  EXPECT_EQ(c.rope_local.theta, 1e4f);
  EXPECT_EQ(c.rope_local.position_scale, 1.0f);
  EXPECT_TRUE(c.tied_embeddings);
  EXPECT_THAT(GlobalLayers(c), ElementsAre(5, 11, 17, 23, 29));
  EXPECT_EQ(c.parameter_count(), 3880263168u);
}

// The old spelling, with everything absent that equals a class default.
TEST(Gemma3Config, ReadsSparseMultimodalConfig) {
  const auto config =
      Parse(R"({"architectures": ["Gemma3ForConditionalGeneration"], "model_type": "gemma3",
    "eos_token_id": [1, 106], "vision_config": {"hidden_size": 1152}, "torch_dtype": "bfloat16",
    "text_config": {"hidden_size": 2560, "intermediate_size": 10240, "num_hidden_layers": 34,
      "rope_scaling": {"factor": 8.0, "rope_type": "linear"}, "sliding_window": 1024,
      "model_type": "gemma3_text"}})");
  ASSERT_TRUE(config) << ToString(config.error());
  ExpectIs4B(*config);
  EXPECT_THAT(config->eos_ids, ElementsAre(1, 106));
}

std::string LayerTypesOf4B() {
  std::string list;
  for (int i = 0; i < 34; ++i) {
    list += std::string(i > 0 ? "," : "") +
            (i % 6 == 5 ? "\"full_attention\"" : "\"sliding_attention\"");
  }
  return "[" + list + "]";
}

TEST(Gemma3Config, ReadsNestedRopeParameters) {
  const auto config = Parse(R"({"model_type": "gemma3", "text_config": {"hidden_size": 2560,
    "intermediate_size": 10240, "num_hidden_layers": 34, "sliding_window": 1024, "head_dim": 256,
    "num_attention_heads": 8, "num_key_value_heads": 4, "dtype": "bfloat16", "eos_token_id": 1,
    "rope_parameters": {"full_attention": {"rope_type": "linear", "factor": 8.0, "rope_theta": 1000000.0},
                        "sliding_attention": {"rope_type": "default", "rope_theta": 10000.0}},
    "layer_types": )" + LayerTypesOf4B() +
                            "}}");
  ASSERT_TRUE(config) << ToString(config.error());
  ExpectIs4B(*config);
  EXPECT_THAT(config->eos_ids, ElementsAre(1));
}

TEST(Gemma3Config, ReadsFlatTextConfigInOldSpelling) {
  const auto config =
      Parse(R"({"model_type": "gemma3_text", "hidden_size": 64, "num_hidden_layers": 4,
    "_sliding_window_pattern": 2, "rope_theta": 500000, "rope_local_base_freq": 20000, "head_dim": null,
    "rope_scaling": {"type": "linear", "factor": 4}, "tie_word_embeddings": false})");
  ASSERT_TRUE(config) << ToString(config.error());
  EXPECT_THAT(GlobalLayers(*config), ElementsAre(1, 3));
  EXPECT_EQ(config->rope_global.theta, 5e5f);
  EXPECT_EQ(config->rope_global.position_scale, 0.25f);
  EXPECT_EQ(config->rope_local.theta, 2e4f);
  EXPECT_EQ(config->head_dim, 256) << "null means the class default";
  EXPECT_FALSE(config->tied_embeddings);
}

TEST(Gemma3Config, EverythingAbsentGivesClassDefaults) {
  const auto config = Parse(R"({"model_type": "gemma3"})");
  ASSERT_TRUE(config) << ToString(config.error());
  EXPECT_EQ(config->model_dim, 2304);
  EXPECT_EQ(config->layers, 26);
  EXPECT_EQ(config->sliding_window, 4096);
  EXPECT_EQ(config->rope_global.position_scale, 1.0f);
  EXPECT_THAT(GlobalLayers(*config), ElementsAre(5, 11, 17, 23));
}

struct BadConfig {
  const char* text;
  ErrorCode code;
  const char* message;
};

TEST(Gemma3Config, RefusesHostileValuesNamingTheKey) {
  const BadConfig cases[] = {
      {R"([])", ErrorCode::kCorruptFile, "object"},
      {R"({})", ErrorCode::kCorruptFile, "model_type"},
      {R"({"model_type": 3})", ErrorCode::kCorruptFile, "model_type"},
      {R"({"model_type": "llama"})", ErrorCode::kUnsupported, "llama"},
      {R"({"architectures": ["Gemma2ForCausalLM"]})", ErrorCode::kUnsupported, "architectures"},
      {R"({"model_type": "gemma3", "text_config": 7})", ErrorCode::kCorruptFile, "text_config"},
      {R"({"model_type": "gemma3", "num_hidden_layers": 0})", ErrorCode::kCorruptFile,
       "num_hidden_layers"},
      {R"({"model_type": "gemma3", "num_hidden_layers": 1099511627776})", ErrorCode::kCorruptFile,
       "[1, 1024]"},
      {R"({"model_type": "gemma3", "hidden_size": -5})", ErrorCode::kCorruptFile, "hidden_size"},
      {R"({"model_type": "gemma3", "hidden_size": 2560.5})", ErrorCode::kCorruptFile, "2560.5"},
      {R"({"model_type": "gemma3", "hidden_size": "2560"})", ErrorCode::kCorruptFile,
       "hidden_size"},
      {R"({"model_type": "gemma3", "vocab_size": 18446744073709551615})", ErrorCode::kCorruptFile,
       "vocab_size"},
      {R"({"model_type": "gemma3", "num_attention_heads": 6})", ErrorCode::kCorruptFile,
       "multiple of the 4"},
      {R"({"model_type": "gemma3", "num_key_value_heads": 0})", ErrorCode::kCorruptFile,
       "num_key_value_heads"},
      {R"({"model_type": "gemma3", "head_dim": 255})", ErrorCode::kCorruptFile, "even"},
      {R"({"model_type": "gemma3", "rms_norm_eps": -1e-6})", ErrorCode::kCorruptFile,
       "rms_norm_eps"},
      {R"({"model_type": "gemma3", "rope_theta": 0})", ErrorCode::kCorruptFile, "rope_theta"},
      {R"({"model_type": "gemma3", "rope_theta": 1e300})", ErrorCode::kCorruptFile, "rope_theta"},
      {R"({"model_type": "gemma3", "query_pre_attn_scalar": 0})", ErrorCode::kCorruptFile,
       "query_pre"},
      {R"({"model_type": "gemma3", "rope_scaling": {"rope_type": "linear"}})",
       ErrorCode::kCorruptFile, "factor"},
      {R"({"model_type": "gemma3", "rope_scaling": {"rope_type": "linear", "factor": 0}})",
       ErrorCode::kCorruptFile, "rope_scaling.factor"},
      {R"({"model_type": "gemma3", "rope_scaling": {"rope_type": "yarn", "factor": 2}})",
       ErrorCode::kUnsupported, "yarn"},
      {R"({"model_type": "gemma3", "rope_parameters": {"full_attention": []}})",
       ErrorCode::kCorruptFile, "rope_parameters.full_attention"},
      {R"({"model_type": "gemma3", "sliding_window_pattern": 0})", ErrorCode::kCorruptFile,
       "pattern"},
      {R"({"model_type": "gemma3", "layer_types": ["full_attention"]})", ErrorCode::kCorruptFile,
       "26 names"},
      {R"({"model_type": "gemma3", "num_hidden_layers": 1, "layer_types": ["chunked"]})",
       ErrorCode::kCorruptFile, "chunked"},
      {R"({"model_type": "gemma3", "attention_bias": true})", ErrorCode::kUnsupported,
       "attention_bias"},
      {R"({"model_type": "gemma3", "final_logit_softcapping": 30.0})", ErrorCode::kUnsupported,
       "softcapping"},
      {R"({"model_type": "gemma3", "hidden_activation": "silu"})", ErrorCode::kUnsupported, "silu"},
      {R"({"model_type": "gemma3", "quantization_config": {"bits": 4}})", ErrorCode::kUnsupported,
       "quantization_config"},
      {R"({"model_type": "gemma3", "eos_token_id": -1})", ErrorCode::kCorruptFile, "eos_token_id"},
      {R"({"model_type": "gemma3", "eos_token_id": [1, "x"]})", ErrorCode::kCorruptFile,
       "eos_token_id"},
      {R"({"model_type": "gemma3", "tie_word_embeddings": "yes"})", ErrorCode::kCorruptFile,
       "tie_word"},
  };
  for (const BadConfig& bad : cases) {
    const auto config = Parse(bad.text);
    ASSERT_FALSE(config) << bad.text;
    EXPECT_EQ(config.error().code, bad.code) << bad.text;
    EXPECT_THAT(ToString(config.error()), HasSubstr(bad.message)) << bad.text;
    EXPECT_THAT(ToString(config.error()), HasSubstr("config.json")) << bad.text;
  }
}

// Every prefix of a good file is refused or, never, misread.
TEST(Gemma3Config, TruncatedFilesAreRefused) {
  const std::string text =
      R"({"model_type": "gemma3", "text_config": {"hidden_size": 2560, "head_dim": 256}})";
  for (size_t size = 0; size < text.size(); ++size)
    EXPECT_FALSE(Parse(text.substr(0, size))) << size;
}

TEST(Gemma3Config, BundledModel) {
  const auto checkpoint = OpenCheckpoint(DRAGOMAN_SOURCE_DIR "/models/mini");
  ASSERT_TRUE(checkpoint) << ToString(checkpoint.error());
  const auto config = LoadGemma3Config(**checkpoint);
  ASSERT_TRUE(config) << ToString(config.error());
  EXPECT_EQ(config->parameter_count(), 26626560u);
  EXPECT_EQ(config->sliding_window, 96);
  EXPECT_THAT(GlobalLayers(*config), ElementsAre(5));
  EXPECT_THAT(config->eos_ids, ElementsAre(1, 5));
  EXPECT_FLOAT_EQ(config->embedding_scale(), 22.627417f);
}

}  // namespace
}  // namespace dragoman
