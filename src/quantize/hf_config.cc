#include "quantize/hf_config.h"

#include "base/checked_math.h"

namespace dragoman {
namespace {

bool IndexesGroups(const HfQuantizeOptions& options) {
  return options.reordering == Reordering::kActivation && options.group_size > 0;
}

Json GptqConfig(const HfQuantizeOptions& options) {
  const bool group_aware = options.reordering == Reordering::kGroupAware && options.group_size > 0;
  const Json meta = {{"quantizer", {std::string("dragoman:") + DRAGOMAN_VERSION}}};
  return {{"quant_method", "gptq"},
          {"checkpoint_format", "gptq"},
          {"bits", options.group.bits},
          {"group_size", options.group_size},
          {"desc_act", IndexesGroups(options)},
          {"act_group_aware", group_aware},
          {"sym", options.group.symmetric},
          {"lm_head", false},
          {"pack_dtype", "int32"},
          {"static_groups", false},
          {"true_sequential", options.moments != nullptr && options.moments->wants_blocks()},
          {"damp_percent", options.damping},
          {"meta", meta}};
}

Json CompressedTensorsConfig(const HfQuantizeOptions& options) {
  Json weights = {{"num_bits", options.group.bits},
                  {"type", "int"},
                  {"strategy", options.group_size > 0 ? "group" : "channel"},
                  {"group_size", nullptr},
                  {"symmetric", options.group.symmetric},
                  {"actorder", nullptr},
                  {"block_structure", nullptr},
                  {"dynamic", false},
                  {"observer", "minmax"},
                  {"observer_kwargs", Json::object()}};
  if (options.group_size > 0) weights["group_size"] = options.group_size;
  if (IndexesGroups(options)) weights["actorder"] = "group";
  return {{"quant_method", "compressed-tensors"},
          {"format", "pack-quantized"},
          {"quantization_status", "compressed"},
          {"ignore", {"lm_head"}},
          {"kv_cache_scheme", nullptr},
          {"global_compression_ratio", nullptr},
          {"config_groups",
           {{"group_0",
             {{"targets", {"Linear"}},
              {"input_activations", nullptr},
              {"output_activations", nullptr},
              {"weights", std::move(weights)}}}}}};
}

}  // namespace

Json QuantizationConfig(const HfQuantizeOptions& options) {
  return options.format == HfFormat::kGptq ? GptqConfig(options) : CompressedTensorsConfig(options);
}

Json TextOnlyConfig(const Json& source, int64_t vocab, bool tied, BlockType float_type,
                    const HfQuantizeOptions& options) {
  const auto nested = source.find("text_config");
  Json config = source;
  if (nested != source.end() && nested->is_object()) {
    config = *nested;
    // What a multimodal config says once for both towers.
    for (const char* key : {"bos_token_id", "eos_token_id", "pad_token_id", "initializer_range",
                            "transformers_version"}) {
      if (!config.contains(key) && source.contains(key)) config[key] = source[key];
    }
  }
  config["architectures"] = {"Gemma3ForCausalLM"};
  config["model_type"] = "gemma3_text";
  config["vocab_size"] = vocab;
  config["tie_word_embeddings"] = tied;
  // transformers 5 reads dtype, older ones torch_dtype; both read torch_dtype.
  config.erase("dtype");
  config["torch_dtype"] = float_type == BlockType::kF16 ? "float16" : "bfloat16";
  config["quantization_config"] = QuantizationConfig(options);
  return config;
}

Json ShardIndex(const std::vector<std::vector<GgufTensorPlan>>& shards,
                const std::vector<std::string>& files) {
  Json weight_map = Json::object();
  uint64_t bytes = 0;
  for (size_t i = 0; i < shards.size(); ++i) {
    for (const GgufTensorPlan& tensor : shards[i]) {
      weight_map[tensor.name] = files[i];
      bytes += CheckedProduct(tensor.shape).value_or(0) * TraitsOf(tensor.type).block_bytes;
    }
  }
  return {{"metadata", {{"total_size", bytes}}}, {"weight_map", std::move(weight_map)}};
}

}  // namespace dragoman
