// The shape and constants of a Gemma 3 text model, read from config.json (either spelling) or GGUF
// metadata.
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

// Bounds on what a file may claim, each some ten times what the largest Gemma 3 (27B) needs: no
// product of them that sizes a tensor overflows 64 bits, and nothing is allocated from a number
// beyond them.
inline constexpr int64_t kMaxVocab = int64_t{1} << 24;
inline constexpr int64_t kMaxModelDim = int64_t{1} << 17;
inline constexpr int64_t kMaxFfnDim = int64_t{1} << 20;
inline constexpr int64_t kMaxLayers = 1024;
inline constexpr int64_t kMaxHeads = 1024;
inline constexpr int64_t kMaxHeadDim = 1024;
inline constexpr int64_t kMaxContext = int64_t{1} << 28;
inline constexpr int64_t kDefaultWindowPattern = 6;  // five local layers, then a global one
inline constexpr double kMinRopeTheta = 1.0, kMaxRopeTheta = 1e12;
inline constexpr double kMinRopeFactor = 1e-3, kMaxRopeFactor = 1e6;
inline constexpr double kMinNormEps = 1e-20, kMaxNormEps = 1.0;

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
  std::vector<int32_t>
      eos_ids;  // every id that ends a generation, as the files say (both end tokens added later)
  std::string name;  // of the model, if the files tell

  float embedding_scale() const;  // sqrt(model_dim)
  // Parameters of the text tower.
  uint64_t parameter_count() const;
};

// text: the config.json object, text-only or multimodal (then its text_config). Errors:
// kCorruptFile with the key, expected and found; kUnsupported for another architecture.
Result<Gemma3Config> ParseGemma3Config(const Json& json, const std::string& where);
Result<Gemma3Config> ReadGemma3Config(const GgufFile& gguf, const std::string& where);
// The ids under "eos_token_id" (a number or a list) of config.json or generation_config.json; empty
// when absent.
Result<std::vector<int32_t>> ParseEndIds(const Json& json, const std::string& where);
// heads a multiple of kv_heads, head_dim even. Errors: kCorruptFile.
Result<void> CheckHeads(const Gemma3Config& config, const std::string& where);
// From whichever the checkpoint has; also reads generation_config.json for the end tokens. The
// embedding table's rows win over the vocabulary size that the config states.
Result<Gemma3Config> LoadGemma3Config(const Checkpoint& checkpoint);

}  // namespace dragoman

#endif  // DRAGOMAN_MODEL_GEMMA3_CONFIG_H_
