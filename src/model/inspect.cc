// What a checkpoint holds, told from its headers alone.
#include <fmt/format.h>

#include <filesystem>
#include <map>

#include "model/gemma3_tensors.h"
#include "model/verify.h"
#include "model/verify_scan.h"

namespace dragoman {
namespace {

namespace fs = std::filesystem;

const char* ComponentOf(const ModelTensor& tensor) {
  switch (tensor.role) {
    case TensorRole::kTokenEmbedding:
    case TensorRole::kOutput:
      return "embedding";
    case TensorRole::kAttnQ:
    case TensorRole::kAttnK:
    case TensorRole::kAttnV:
    case TensorRole::kAttnOutput:
      return "attention";
    case TensorRole::kFfnGate:
    case TensorRole::kFfnUp:
    case TensorRole::kFfnDown:
      return "ffn";
    default:
      return "norms";
  }
}

void AddComponents(const ModelTensorMap& map, ModelSummary& summary) {
  summary.components = {{"embedding"}, {"attention"}, {"ffn"}, {"norms"}};
  std::map<std::string, uint64_t> types;  // sorted: the same output on every machine
  for (const ModelTensor& tensor : map.tensors) {
    const TensorInfo& info = *tensor.info;
    for (ModelSummary::Component& component : summary.components) {
      if (component.name != ComponentOf(tensor)) continue;
      component.parameters += info.elems();
      component.bytes += info.size_bytes;
    }
    types[std::string(TraitsOf(info.type).name)] += info.size_bytes;
    summary.parameters += info.elems();
    summary.tensor_bytes += info.size_bytes;
  }
  ModelSummary::Component vision{"vision tower (left out)"};
  for (const TensorInfo* info : map.left_out) {
    vision.parameters += info->elems();
    vision.bytes += info->size_bytes;
  }
  if (!map.left_out.empty()) summary.components.push_back(vision);
  summary.types.assign(types.begin(), types.end());
  if (summary.parameters > 0) {
    summary.bits_per_weight =
        8.0 * static_cast<double>(summary.tensor_bytes) / static_cast<double>(summary.parameters);
  }
}

void AddCompanions(const Checkpoint& checkpoint, ModelSummary& summary) {
  if (checkpoint.gguf() != nullptr) {  // a GGUF carries them as metadata
    const bool has_tokens = checkpoint.gguf()->FindStrings("tokenizer.ggml.tokens") != nullptr;
    (has_tokens ? summary.companions : summary.missing_companions)
        .push_back("tokenizer.ggml.tokens");
    return;
  }
  const struct {
    const char* name;
    bool expected;
  } files[] = {{"config.json", true},
               {"generation_config.json", true},
               {"tokenizer.json", true},
               {"tokenizer_config.json", true},
               {"special_tokens_map.json", false},
               {"tokenizer.model", false},
               {"chat_template.jinja", false},
               {"model.safetensors.index.json", false}};
  for (const auto& file : files) {
    std::error_code ignored;
    const bool present = fs::exists(fs::path(checkpoint.folder()) / file.name, ignored);
    if (present) summary.companions.push_back(file.name);
    if (!present && file.expected) summary.missing_companions.push_back(file.name);
  }
}

}  // namespace

Result<ModelSummary> SummarizeCheckpoint(const Checkpoint& checkpoint) {
  ModelSummary summary;
  summary.path = checkpoint.path();
  summary.container = checkpoint.gguf() != nullptr ? "gguf" : "safetensors";
  DRAGOMAN_ASSIGN_OR_RETURN(summary.config, LoadGemma3Config(checkpoint));
  DRAGOMAN_ASSIGN_OR_RETURN(const ModelTensorMap map, MapGemma3Tensors(checkpoint, summary.config));
  summary.name = summary.config.name;
  for (const std::string& file : checkpoint.files()) {
    std::error_code error;
    const uintmax_t size_bytes = fs::file_size(file, error);
    if (!error) summary.file_bytes += size_bytes;
  }
  AddComponents(map, summary);
  AddCompanions(checkpoint, summary);
  return summary;
}

Result<ModelSummary> InspectModel(const std::string& path) {
  DRAGOMAN_ASSIGN_OR_RETURN(const std::unique_ptr<Checkpoint> checkpoint, OpenCheckpoint(path));
  return SummarizeCheckpoint(*checkpoint);
}

namespace {

OrderedJson ConfigToJson(const Gemma3Config& config) {
  OrderedJson json;
  json["vocab"] = config.vocab;
  json["model_dim"] = config.model_dim;
  json["ffn_dim"] = config.ffn_dim;
  json["layers"] = config.layers;
  json["heads"] = config.heads;
  json["kv_heads"] = config.kv_heads;
  json["head_dim"] = config.head_dim;
  json["sliding_window"] = config.sliding_window;
  json["context_length"] = config.context_length;
  std::vector<int> global_layers;
  for (size_t i = 0; i < config.layer_is_local.size(); ++i) {
    if (!config.layer_is_local[i]) global_layers.push_back(static_cast<int>(i));
  }
  json["global_layers"] = global_layers;
  json["rope_theta_global"] = config.rope_global.theta;
  json["rope_theta_local"] = config.rope_local.theta;
  json["rope_factor_global"] = 1.0 / config.rope_global.position_scale;
  json["tied_embeddings"] = config.tied_embeddings;
  json["end_ids"] = config.eos_ids;
  return json;
}

}  // namespace

OrderedJson ToJson(const ModelSummary& summary) {
  OrderedJson json;
  json["schema"] = "dragoman.inspect/1";
  json["path"] = summary.path;
  json["container"] = summary.container;
  json["name"] = summary.name;
  json["parameters"] = summary.parameters;
  json["tensor_bytes"] = summary.tensor_bytes;
  json["file_bytes"] = summary.file_bytes;
  json["bits_per_weight"] = summary.bits_per_weight;
  json["config"] = ConfigToJson(summary.config);
  json["components"] = OrderedJson::array();
  for (const ModelSummary::Component& component : summary.components) {
    json["components"].push_back({{"name", component.name},
                                  {"parameters", component.parameters},
                                  {"bytes", component.bytes}});
  }
  json["types"] = OrderedJson::object();
  for (const auto& [name, bytes] : summary.types) json["types"][name] = bytes;
  json["companions"] = summary.companions;
  json["missing_companions"] = summary.missing_companions;
  return json;
}

}  // namespace dragoman
