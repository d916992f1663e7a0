// Builds and writes the tests' tiny model; named so that it goes into the test program and not into
// the room.
#include "model/tiny_model.h"

#include <fmt/format.h>

#include <cmath>
#include <filesystem>

#include "base/random.h"
#include "formats/safetensors.h"
#include "model/gemma3_tensors.h"

namespace dragoman {
namespace {

constexpr int kLayers = 3;
constexpr uint64_t kVocab = 40, kDim = 32, kFfn = 48, kHeads = 4, kKvHeads = 2, kHeadDim = 8,
                   kWindow = 6;

Json TinyConfig() {
  return Json{{"model_type", "gemma3_text"},
              {"architectures", {"Gemma3ForCausalLM"}},
              {"vocab_size", kVocab},
              {"hidden_size", kDim},
              {"intermediate_size", kFfn},
              {"num_hidden_layers", kLayers},
              {"num_attention_heads", kHeads},
              {"num_key_value_heads", kKvHeads},
              {"head_dim", kHeadDim},
              {"query_pre_attn_scalar", kHeadDim},
              {"sliding_window", kWindow},
              {"layer_types", {"sliding_attention", "sliding_attention", "full_attention"}},
              {"rope_scaling", {{"rope_type", "linear"}, {"factor", 8.0}}},
              {"max_position_embeddings", 512},
              {"eos_token_id", {1, 5}}};
}

Result<void> WriteFloats(const std::vector<std::vector<float>>& values, size_t index,
                         const ByteSink& sink) {
  return sink(std::as_bytes(std::span(values[index])));
}

}  // namespace

TinyTensor& TinyModel::At(const std::string& name) {
  for (TinyTensor& tensor : tensors) {
    if (tensor.name == name) return tensor;
  }
  DRAGOMAN_CHECK(false);
}

TinyModel MakeTinyModel(uint64_t seed) {
  TinyModel model;
  model.config = TinyConfig();
  Random random(seed);
  const auto add = [&](std::string name, std::vector<uint64_t> shape) {
    TinyTensor tensor{std::move(name), std::move(shape), {}};
    uint64_t elems = 1;
    for (const uint64_t d : tensor.shape) elems *= d;
    const double scale =
        tensor.shape.size() == 1 ? 0.2 : 1.0 / std::sqrt(static_cast<double>(tensor.shape[1]));
    for (uint64_t i = 0; i < elems; ++i)
      tensor.values.push_back(static_cast<float>(random.Normal() * scale));
    model.tensors.push_back(std::move(tensor));
  };
  add("model.embed_tokens.weight", {kVocab, kDim});
  for (int layer = 0; layer < kLayers; ++layer) {
    const std::string prefix = fmt::format("model.layers.{}.", layer);
    add(prefix + "self_attn.q_proj.weight", {kHeads * kHeadDim, kDim});
    add(prefix + "self_attn.k_proj.weight", {kKvHeads * kHeadDim, kDim});
    add(prefix + "self_attn.v_proj.weight", {kKvHeads * kHeadDim, kDim});
    add(prefix + "self_attn.o_proj.weight", {kDim, kHeads * kHeadDim});
    add(prefix + "self_attn.q_norm.weight", {kHeadDim});
    add(prefix + "self_attn.k_norm.weight", {kHeadDim});
    add(prefix + "mlp.gate_proj.weight", {kFfn, kDim});
    add(prefix + "mlp.up_proj.weight", {kFfn, kDim});
    add(prefix + "mlp.down_proj.weight", {kDim, kFfn});
    for (const char* norm : {"input_layernorm", "post_attention_layernorm",
                             "pre_feedforward_layernorm", "post_feedforward_layernorm"}) {
      add(fmt::format("{}{}.weight", prefix, norm), {kDim});
    }
  }
  add("model.norm.weight", {kDim});
  return model;
}

Result<void> WriteTinyModel(const TinyModel& model, const std::string& folder) {
  std::filesystem::create_directories(folder);
  DRAGOMAN_RETURN_IF_ERROR(WriteJsonFile(folder + "/config.json", model.config));
  std::vector<GgufTensorPlan> plans;
  std::vector<std::vector<float>> values;
  for (const TinyTensor& tensor : model.tensors) {
    plans.push_back({tensor.name, BlockType::kF32, tensor.shape});
    values.push_back(tensor.values);
  }
  return WriteSafetensors(
      folder + "/model.safetensors", plans,
      [&](size_t i, const ByteSink& sink) { return WriteFloats(values, i, sink); });
}

Result<void> WriteTinyGguf(const TinyModel& model, const std::string& path) {
  const GgufMetadata metadata = {
      {"general.architecture", GgufValue::String("gemma3")},
      {"gemma3.context_length", GgufValue::U32(512)},
      {"gemma3.embedding_length", GgufValue::U32(kDim)},
      {"gemma3.block_count", GgufValue::U32(kLayers)},
      {"gemma3.feed_forward_length", GgufValue::U32(kFfn)},
      {"gemma3.attention.head_count", GgufValue::U32(kHeads)},
      {"gemma3.attention.head_count_kv", GgufValue::U32(kKvHeads)},
      {"gemma3.attention.key_length", GgufValue::U32(kHeadDim)},
      {"gemma3.attention.value_length", GgufValue::U32(kHeadDim)},
      {"gemma3.attention.layer_norm_rms_epsilon", GgufValue::F32(1e-6f)},
      {"gemma3.attention.sliding_window", GgufValue::U32(kWindow)},
      {"gemma3.attention.sliding_window_pattern", GgufValue::U32(3)},
      {"gemma3.rope.freq_base", GgufValue::F32(1e6f)},
      {"gemma3.rope.scaling.type", GgufValue::String("linear")},
      {"gemma3.rope.scaling.factor", GgufValue::F32(8.0f)},
      {"tokenizer.ggml.eos_token_id", GgufValue::U32(1)},
      {"tokenizer.ggml.eot_token_id", GgufValue::U32(5)},
  };
  std::vector<GgufTensorPlan> plans;
  std::vector<std::vector<float>> values;
  for (const TinyTensor& tensor : model.tensors) {
    const std::optional<std::string> name = CanonicalTensorName(tensor.name);
    plans.push_back({name.value_or(tensor.name), BlockType::kF32, tensor.shape});
    values.push_back(tensor.values);
    if (tensor.shape.size() > 1) continue;
    for (float& value : values.back()) value += 1.0f;
  }
  return WriteGguf(path, metadata, plans,
                   [&](size_t i, const ByteSink& sink) { return WriteFloats(values, i, sink); });
}

}  // namespace dragoman
