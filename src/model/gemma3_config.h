// The shape and constants of a Gemma 3 text model, read from config.json (either spelling) or GGUF metadata.
#ifndef DRAGOMAN_MODEL_GEMMA3_CONFIG_H_
#define DRAGOMAN_MODEL_GEMMA3_CONFIG_H_

#include <cstdint>
#include <string>
#include <vector>

#include "base/json.h"
#include "dragoman/result.h"
#include "formats/checkpoint.h"
#include "formats/gguf.h"
#include "kernels/kernels.h"

namespace dragoman {

// Defaults are the class defaults of transformers' Gemma3TextConfig, which real files leave out.
struct Gemma3Config {
  int64_t vocab = 262208;
  int64_t model_dim = 2304;
  int64_t ffn_dim = 9216;
  int64_t layers = 26;
  int64_t heads = 8;
  int64_t kv_heads = 4;
  int64_t head_dim = 256;
  int64_t sliding_window = 4096;
  int64_t context_length = 131072;
  float rms_norm_eps = 1e-6f;
  float query_pre_attn_scalar = 256.0f;
  RopeParameters rope_global{1000000.0f, 1.0f};
  RopeParameters rope_local{10000.0f, 1.0f};
  std::vector<bool> layer_is_local;  // one per layer
  bool tied_embeddings = true;
  std::vector<int32_t> eos_ids;      // every id that ends a generation, as the files say (both end tokens added later)
  std::string name;                  // of the model, if the files tell

  float embedding_scale() const;     // sqrt(model_dim)
  // Parameters of the text tower.
  uint64_t parameter_count() const;
};

// text: the config.json object, text-only or multimodal (then its text_config). Errors: kCorruptFile with the
// key, expected and found; kUnsupported for another architecture.
Result<Gemma3Config> ParseGemma3Config(const Json& json, const std::string& where);
Result<Gemma3Config> ReadGemma3Config(const GgufFile& gguf, const std::string& where);
// From whichever the checkpoint has; also reads generation_config.json for the end tokens.
Result<Gemma3Config> LoadGemma3Config(const Checkpoint& checkpoint);

}  // namespace dragoman

#endif  // DRAGOMAN_MODEL_GEMMA3_CONFIG_H_
