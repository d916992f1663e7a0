#include "model/synthetic.h"

#include <fmt/format.h>

#include <filesystem>
#include <utility>

#include "base/atomic_file.h"
#include "base/process_stats.h"
#include "formats/checkpoint.h"
#include "formats/safetensors.h"
#include "model/synthetic_weights.h"

namespace dragoman {
namespace {

namespace fs = std::filesystem;

constexpr const char* kRecipeName = "synthetic.json";
constexpr const char* kIndexName = "model.safetensors.index.json";
constexpr const char* kTokenizerName = "tokenizer.json";
// Changes whenever the same shape and seed would give other bytes.
constexpr int kRecipeVersion = 1;
// Every sixth layer sees the whole text.
constexpr uint64_t kLayersPerGlobal = 6;
// A tokenizer.json of 262k pieces has 33 MB.
constexpr uint64_t kMaxTokenizerBytes = uint64_t{256} << 20;

constexpr SyntheticShape kShapes[] = {
    {"translategemma-4b", 262208, 2560, 10240, 34, 8, 4, 256, 1024, 131072, 8.0},
    {"gemma3-1b", 262144, 1152, 6912, 26, 4, 1, 256, 512, 32768, 0.0},
    {"gemma3-270m", 262144, 640, 2048, 18, 4, 1, 256, 512, 32768, 0.0},
    {"tiny", 512, 64, 128, 6, 4, 2, 32, 32, 512, 8.0},
};

// Consecutive tensors of one file.
struct Shard {
  std::string name;
  size_t first = 0;
  std::vector<GgufTensorPlan> tensors;
};

uint64_t Bf16Bytes(const GgufTensorPlan& tensor) {
  uint64_t elems = 1;
  for (uint64_t dim : tensor.shape) elems *= dim;
  return 2 * elems;
}

// In order, each shard as full as it may be; a tensor larger than a shard gets one of its own.
Result<std::vector<Shard>> PlanShards(const std::vector<GgufTensorPlan>& tensors,
                                      uint64_t max_shard_bytes) {
  std::vector<Shard> shards;
  for (size_t i = 0; i < tensors.size(); ++i) {
    bool fits = false;
    if (!shards.empty()) {
      shards.back().tensors.push_back(tensors[i]);
      DRAGOMAN_ASSIGN_OR_RETURN(const uint64_t bytes, SafetensorsFileBytes(shards.back().tensors));
      fits = bytes <= max_shard_bytes;
      if (!fits) shards.back().tensors.pop_back();
    }
    if (!fits) shards.push_back({"", i, {tensors[i]}});
  }
  for (size_t s = 0; s < shards.size(); ++s) {
    shards[s].name = fmt::format("model-{:05d}-of-{:05d}.safetensors", s + 1, shards.size());
  }
  return shards;
}

OrderedJson IndexOf(const std::vector<Shard>& shards, uint64_t total_bytes) {
  OrderedJson weight_map = OrderedJson::object();
  for (const Shard& shard : shards) {
    for (const GgufTensorPlan& tensor : shard.tensors) weight_map[tensor.name] = shard.name;
  }
  return {{"metadata", {{"total_size", total_bytes}}}, {"weight_map", std::move(weight_map)}};
}

class Writer {
 public:
  Writer(const std::string& folder, const SyntheticOptions& options)
      : folder_(folder), options_(options), tensors_(SyntheticTensors(options.shape)) {}

  Result<SyntheticSummary> Run();

 private:
  std::string In(const std::string& name) const { return (fs::path(folder_) / name).string(); }
  OrderedJson Recipe(bool complete) const;
  // Nothing there, this checkpoint cut short, or complete? Errors: kInvalidArgument for anything
  // else.
  enum class Found { kNothing, kPart, kAll };
  Result<Found> LookAround() const;
  Result<void> CopyTokenizer();
  Result<void> WriteShards(const std::vector<Shard>& shards);

  const std::string folder_;
  const SyntheticOptions& options_;
  const std::vector<GgufTensorPlan> tensors_;
  uint64_t done_bytes_ = 0;
  SyntheticSummary summary_;
};

OrderedJson Writer::Recipe(bool complete) const {
  std::error_code ec;
  const uint64_t tokenizer_bytes =
      options_.tokenizer_path.empty() ? 0 : fs::file_size(options_.tokenizer_path, ec);
  return {{"what", "random weights in the shape of a real model; translations mean nothing"},
          {"recipe_version", kRecipeVersion},
          {"shape", options_.shape.name},
          {"seed", options_.seed},
          {"max_shard_bytes", options_.max_shard_bytes},
          {"tokenizer_bytes", ec ? 0 : tokenizer_bytes},
          {"complete", complete}};
}

Result<Writer::Found> Writer::LookAround() const {
  std::error_code ec;
  if (!fs::exists(folder_, ec) || fs::is_empty(folder_, ec)) return Found::kNothing;
  const auto recipe = ReadFile(In(kRecipeName), uint64_t{1} << 20);
  if (!recipe) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("expected a new or empty folder, or one with {}; it holds other files",
                            kRecipeName),
                folder_);
  }
  if (*recipe == DumpJson(Recipe(false))) return Found::kPart;
  if (*recipe != DumpJson(Recipe(true))) {
    return Fail(ErrorCode::kInvalidArgument,
                "the folder holds a synthetic checkpoint of another shape, seed or tokenizer",
                folder_);
  }
  return OpenCheckpoint(folder_) ? Found::kAll : Found::kPart;
}

Result<void> Writer::CopyTokenizer() {
  if (options_.tokenizer_path.empty()) return {};
  const fs::path source(options_.tokenizer_path);
  for (const char* name : {kTokenizerName, "tokenizer_config.json", "special_tokens_map.json"}) {
    const bool required = std::string_view(name) == kTokenizerName;
    const fs::path from = required ? source : source.parent_path() / name;
    std::error_code ec;
    if (!required && !fs::exists(from, ec)) continue;
    DRAGOMAN_ASSIGN_OR_RETURN(const std::string text, ReadFile(from.string(), kMaxTokenizerBytes));
    DRAGOMAN_RETURN_IF_ERROR(WriteFileAtomically(In(name), text));
    summary_.files.push_back(name);
  }
  return {};
}

Result<void> Writer::WriteShards(const std::vector<Shard>& shards) {
  SyntheticWeights weights(options_.seed, options_.threads);
  for (const Shard& shard : shards) {
    DRAGOMAN_ASSIGN_OR_RETURN(const uint64_t file_bytes, SafetensorsFileBytes(shard.tensors));
    summary_.files.push_back(shard.name);
    std::error_code ec;
    // Files appear whole or not at all: one of the right size is from this recipe and done.
    if (fs::file_size(In(shard.name), ec) == file_bytes && !ec) {
      for (const GgufTensorPlan& tensor : shard.tensors) done_bytes_ += Bf16Bytes(tensor);
      continue;
    }
    const TensorSource source = [&](size_t i, const ByteSink& sink) {
      const ByteSink counted = [&](std::span<const std::byte> bytes) -> Result<void> {
        DRAGOMAN_RETURN_IF_ERROR(sink(bytes));
        done_bytes_ += bytes.size();
        if (options_.progress) options_.progress(done_bytes_, summary_.tensor_bytes);
        return {};
      };
      return weights.Emit(shard.first + i, shard.tensors[i], counted);
    };
    DRAGOMAN_RETURN_IF_ERROR(WriteSafetensors(In(shard.name), shard.tensors, source));
  }
  return {};
}

Result<SyntheticSummary> Writer::Run() {
  const Stopwatch stopwatch;
  std::error_code ec;
  if (!options_.tokenizer_path.empty() && !fs::is_regular_file(options_.tokenizer_path, ec)) {
    return Fail(ErrorCode::kNotFound, "expected a tokenizer.json, found no such file",
                options_.tokenizer_path);
  }
  for (const GgufTensorPlan& tensor : tensors_) summary_.tensor_bytes += Bf16Bytes(tensor);
  summary_.parameters = summary_.tensor_bytes / 2;
  DRAGOMAN_ASSIGN_OR_RETURN(const Found found, LookAround());
  if (found == Found::kAll) {
    summary_.already_there = true;
    return summary_;
  }
  DRAGOMAN_ASSIGN_OR_RETURN(const auto shards, PlanShards(tensors_, options_.max_shard_bytes));
  DRAGOMAN_RETURN_IF_ERROR(WriteJsonFile(In(kRecipeName), Recipe(false)));
  DRAGOMAN_RETURN_IF_ERROR(WriteJsonFile(In("config.json"), SyntheticConfig(options_.shape)));
  const OrderedJson generation = {
      {"bos_token_id", 2}, {"eos_token_id", {1, 106}}, {"pad_token_id", 0}, {"do_sample", false}};
  DRAGOMAN_RETURN_IF_ERROR(WriteJsonFile(In("generation_config.json"), generation));
  summary_.files = {"config.json", "generation_config.json"};
  DRAGOMAN_RETURN_IF_ERROR(CopyTokenizer());
  DRAGOMAN_RETURN_IF_ERROR(WriteShards(shards));
  DRAGOMAN_RETURN_IF_ERROR(WriteJsonFile(In(kIndexName), IndexOf(shards, summary_.tensor_bytes)));
  DRAGOMAN_RETURN_IF_ERROR(WriteJsonFile(In(kRecipeName), Recipe(true)));
  summary_.files.insert(summary_.files.end(), {kIndexName, kRecipeName});
  summary_.seconds = stopwatch.Seconds();
  return summary_;
}

}  // namespace

std::span<const SyntheticShape> SyntheticShapes() { return kShapes; }

const SyntheticShape* FindSyntheticShape(std::string_view name) {
  for (const SyntheticShape& shape : kShapes) {
    if (shape.name == name) return &shape;
  }
  return nullptr;
}

std::vector<GgufTensorPlan> SyntheticTensors(const SyntheticShape& shape) {
  const uint64_t d = shape.model_dim, f = shape.ffn_dim;
  const uint64_t q = shape.heads * shape.head_dim, kv = shape.kv_heads * shape.head_dim;
  std::vector<GgufTensorPlan> tensors;
  const auto add = [&](std::string name, std::vector<uint64_t> dims) {
    tensors.push_back({std::move(name) + ".weight", BlockType::kBF16, std::move(dims)});
  };
  add("model.embed_tokens", {shape.vocab, d});
  for (uint64_t layer = 0; layer < shape.layers; ++layer) {
    const std::string prefix = fmt::format("model.layers.{}.", layer);
    add(prefix + "input_layernorm", {d});
    add(prefix + "self_attn.q_proj", {q, d});
    add(prefix + "self_attn.k_proj", {kv, d});
    add(prefix + "self_attn.v_proj", {kv, d});
    add(prefix + "self_attn.o_proj", {d, q});
    add(prefix + "self_attn.q_norm", {shape.head_dim});
    add(prefix + "self_attn.k_norm", {shape.head_dim});
    add(prefix + "post_attention_layernorm", {d});
    add(prefix + "pre_feedforward_layernorm", {d});
    add(prefix + "mlp.gate_proj", {f, d});
    add(prefix + "mlp.up_proj", {f, d});
    add(prefix + "mlp.down_proj", {d, f});
    add(prefix + "post_feedforward_layernorm", {d});
  }
  add("model.norm", {d});
  return tensors;
}

OrderedJson SyntheticConfig(const SyntheticShape& shape) {
  OrderedJson layer_types = OrderedJson::array();
  for (uint64_t layer = 0; layer < shape.layers; ++layer) {
    const bool global = layer % kLayersPerGlobal == kLayersPerGlobal - 1;
    layer_types.push_back(global ? "full_attention" : "sliding_attention");
  }
  OrderedJson rope_scaling;  // null: none
  if (shape.rope_factor > 0) {
    rope_scaling = OrderedJson{{"factor", shape.rope_factor}, {"rope_type", "linear"}};
  }
  return {{"architectures", {"Gemma3ForCausalLM"}},
          {"model_type", "gemma3_text"},
          {"vocab_size", shape.vocab},
          {"hidden_size", shape.model_dim},
          {"intermediate_size", shape.ffn_dim},
          {"num_hidden_layers", shape.layers},
          {"num_attention_heads", shape.heads},
          {"num_key_value_heads", shape.kv_heads},
          {"head_dim", shape.head_dim},
          {"hidden_activation", "gelu_pytorch_tanh"},
          {"max_position_embeddings", shape.context_length},
          {"initializer_range", 0.02},
          {"rms_norm_eps", 1e-6},
          {"use_cache", true},
          {"rope_theta", 1e6},
          {"rope_local_base_freq", 1e4},
          {"rope_scaling", std::move(rope_scaling)},
          {"attention_bias", false},
          {"attention_dropout", 0.0},
          {"query_pre_attn_scalar", shape.head_dim},
          {"sliding_window", shape.sliding_window},
          {"sliding_window_pattern", kLayersPerGlobal},
          {"layer_types", std::move(layer_types)},
          {"final_logit_softcapping", nullptr},
          {"attn_logit_softcapping", nullptr},
          {"pad_token_id", 0},
          {"eos_token_id", {1, 106}},
          {"bos_token_id", 2},
          {"tie_word_embeddings", true},
          {"torch_dtype", "bfloat16"}};
}

Result<SyntheticSummary> WriteSyntheticCheckpoint(const std::string& folder,
                                                  const SyntheticOptions& options) {
  return Writer(folder, options).Run();
}

}  // namespace dragoman
