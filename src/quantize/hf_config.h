// The JSON files of a quantized Hugging Face checkpoint (docs/formats/grouped.md).
#ifndef DRAGOMAN_QUANTIZE_HF_CONFIG_H_
#define DRAGOMAN_QUANTIZE_HF_CONFIG_H_

#include <cstdint>
#include <vector>

#include "base/json.h"
#include "formats/gguf.h"
#include "quantize/hf_checkpoint.h"

namespace dragoman {

// quantization_config of config.json; also the whole of quantize_config.json for GPTQ.
Json QuantizationConfig(const HfQuantizeOptions& options);

// The source's config.json as a text-only one: a multimodal text_config becomes the whole, the
// architecture Gemma3ForCausalLM, so that no loader looks for a vision tower that is not there.
// `vocab`: rows of the embedding; `tied`: whether it is the output too; `float_type`: of what stays
// in 16 bits, F16 or BF16.
Json TextOnlyConfig(const Json& source, int64_t vocab, bool tied, BlockType float_type,
                    const HfQuantizeOptions& options);

// model.safetensors.index.json: which shard holds which tensor.
Json ShardIndex(const std::vector<std::vector<GgufTensorPlan>>& shards,
                const std::vector<std::string>& files);

}  // namespace dragoman

#endif  // DRAGOMAN_QUANTIZE_HF_CONFIG_H_
