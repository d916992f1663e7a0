// Names and shapes of Gemma 3's tensors. The canonical names inside Dragoman are GGUF's.
#ifndef DRAGOMAN_MODEL_GEMMA3_TENSORS_H_
#define DRAGOMAN_MODEL_GEMMA3_TENSORS_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dragoman/result.h"
#include "formats/checkpoint.h"
#include "model/gemma3_config.h"

namespace dragoman {

enum class TensorRole {
  kTokenEmbedding,
  kOutputNorm,
  kOutput,
  kAttnNorm,
  kAttnQ,
  kAttnK,
  kAttnV,
  kAttnQNorm,
  kAttnKNorm,
  kAttnOutput,
  kPostAttnNorm,
  kFfnNorm,
  kFfnGate,
  kFfnUp,
  kFfnDown,
  kPostFfnNorm,
};

struct ModelTensor {
  std::string name;  // canonical: "blk.3.attn_q.weight"
  TensorRole role = TensorRole::kTokenEmbedding;
  int layer = -1;                    // -1: not in a layer
  bool is_norm = false;              // a vector, kept in float32
  std::vector<uint64_t> shape;       // expected, outermost first
  const TensorInfo* info = nullptr;  // in the checkpoint
  bool norm_needs_plus_one = false;  // safetensors store w of (1 + w); GGUF stores 1 + w
};

struct ModelTensorMap {
  std::vector<ModelTensor> tensors;  // canonical order: embedding, layers in order, output norm
  std::vector<const TensorInfo*> left_out;  // vision tower and projector
  uint64_t left_out_bytes = 0;
};

// Matches a checkpoint's tensors with what the config needs (13 a layer, embedding, norm, output if
// untied): every one present once with its expected shape and a float or supported block type, none
// unknown. The embedding may have fewer or more rows than config.vocab when the file says so; the
// file wins. Errors: kCorruptFile naming file, tensor, expected and found.
Result<ModelTensorMap> MapGemma3Tensors(const Checkpoint& checkpoint, const Gemma3Config& config);

// "model.layers.3.self_attn.q_proj.weight" -> "blk.3.attn_q.weight", any known prefix; nullopt when
// unknown.
std::optional<std::string> CanonicalTensorName(std::string_view hf_name);
// The other way, text-only form ("model.layers.3...").
std::string HfTensorName(const ModelTensor& tensor);

}  // namespace dragoman

#endif  // DRAGOMAN_MODEL_GEMMA3_TENSORS_H_
