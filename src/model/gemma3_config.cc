// Shared by both sources of a configuration: derived values, and the choice of the source.
#include "model/gemma3_config.h"

#include <algorithm>
#include <cmath>
#include <filesystem>

namespace dragoman {

float Gemma3Config::embedding_scale() const { return std::sqrt(static_cast<float>(model_dim)); }

uint64_t Gemma3Config::parameter_count() const {
  const auto u = [](int64_t v) { return static_cast<uint64_t>(v); };
  const uint64_t dim = u(model_dim);
  const uint64_t q_dim = u(heads) * u(head_dim), kv_dim = u(kv_heads) * u(head_dim);
  const uint64_t attention = 2 * dim * q_dim + 2 * dim * kv_dim;
  const uint64_t norms = 4 * dim + 2 * u(head_dim);
  const uint64_t per_layer = attention + 3 * dim * u(ffn_dim) + norms;
  const uint64_t tables = (tied_embeddings ? 1 : 2) * u(vocab) * dim;
  return tables + u(layers) * per_layer + dim;
}

namespace {

// Adds the ids of generation_config.json, which often names an end token that config.json lacks.
Result<void> AddGenerationEndIds(const std::string& path, Gemma3Config& config) {
  if (!std::filesystem::exists(path)) return {};
  DRAGOMAN_ASSIGN_OR_RETURN(const Json json, ReadJsonFile(path));
  if (!json.is_object()) return Fail(ErrorCode::kCorruptFile, "expected a JSON object", path);
  DRAGOMAN_ASSIGN_OR_RETURN(const std::vector<int32_t> ids, ParseEndIds(json, path));
  for (const int32_t id : ids) {
    if (std::find(config.eos_ids.begin(), config.eos_ids.end(), id) == config.eos_ids.end()) {
      config.eos_ids.push_back(id);
    }
  }
  return {};
}

const TensorInfo* FindEmbedding(const Checkpoint& checkpoint) {
  for (const char* name :
       {"token_embd.weight", "model.embed_tokens.weight",
        "model.language_model.embed_tokens.weight", "language_model.model.embed_tokens.weight"}) {
    const TensorInfo* tensor = checkpoint.Find(name);
    if (tensor != nullptr) return tensor;
  }
  return nullptr;
}

}  // namespace

Result<Gemma3Config> LoadGemma3Config(const Checkpoint& checkpoint) {
  Gemma3Config config;
  if (checkpoint.gguf() != nullptr) {
    DRAGOMAN_ASSIGN_OR_RETURN(config, ReadGemma3Config(*checkpoint.gguf(), checkpoint.path()));
  } else {
    const std::filesystem::path folder = checkpoint.folder();
    const std::string path = (folder / "config.json").string();
    DRAGOMAN_ASSIGN_OR_RETURN(const Json json, ReadJsonFile(path));
    DRAGOMAN_ASSIGN_OR_RETURN(config, ParseGemma3Config(json, path));
    DRAGOMAN_RETURN_IF_ERROR(
        AddGenerationEndIds((folder / "generation_config.json").string(), config));
  }
  if (config.eos_ids.empty()) config.eos_ids.push_back(1);  // the class default
  // A trimmed vocabulary, or one without its padding rows, shows in the table itself.
  const TensorInfo* embedding = FindEmbedding(checkpoint);
  if (embedding != nullptr && embedding->shape.size() == 2 && embedding->shape[0] > 0 &&
      embedding->shape[0] <= static_cast<uint64_t>(kMaxVocab)) {
    config.vocab = static_cast<int64_t>(embedding->shape[0]);
  }
  return config;
}

}  // namespace dragoman
