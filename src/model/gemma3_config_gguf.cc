// Gemma 3's configuration from GGUF metadata (keys gemma3.*). The usual converter leaves out the
// local rope base and the window pattern; then llama.cpp's defaults for the architecture hold.
#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "model/gemma3_config.h"

namespace dragoman {
namespace {

class MetadataReader {
 public:
  MetadataReader(const GgufFile& gguf, const std::string& where) : gguf_(gguf), where_(where) {}

  tl::unexpected<Error> Bad(std::string_view key, const std::string& expected,
                            const std::string& found) const {
    return Fail(ErrorCode::kCorruptFile,
                fmt::format("metadata gemma3.{}: expected {}, found {}", key, expected, found),
                where_);
  }
  Result<void> Integer(std::string_view key, int64_t min, int64_t max, bool required,
                       int64_t& out) const {
    const std::string name = fmt::format("gemma3.{}", key);
    const std::string expected = fmt::format("a whole number in [{}, {}]", min, max);
    if (gguf_.Find(name) == nullptr) {
      if (required) return Bad(key, expected, "nothing");
      return {};
    }
    const std::optional<uint64_t> value = gguf_.FindUnsigned(name);
    if (!value) return Bad(key, expected, "another kind of value");
    if (*value < static_cast<uint64_t>(min) || *value > static_cast<uint64_t>(max)) {
      return Bad(key, expected, fmt::format("{}", *value));
    }
    out = static_cast<int64_t>(*value);
    return {};
  }
  Result<void> Real(std::string_view key, double min, double max, float& out) const {
    const std::string name = fmt::format("gemma3.{}", key);
    if (gguf_.Find(name) == nullptr) return {};
    const std::string expected = fmt::format("a number in [{}, {}]", min, max);
    const std::optional<double> value = gguf_.FindFloat(name);
    if (!value) return Bad(key, expected, "another kind of value");
    if (!(*value >= min && *value <= max)) return Bad(key, expected, fmt::format("{}", *value));
    out = static_cast<float>(*value);
    return {};
  }
  const GgufFile& gguf() const { return gguf_; }
  const std::string& where() const { return where_; }

 private:
  const GgufFile& gguf_;
  const std::string& where_;
};

Result<void> ReadShape(const MetadataReader& reader, Gemma3Config& config) {
  const struct {
    const char* key;
    int64_t min, max;
    bool required;
    int64_t* out;
  } fields[] = {
      {"embedding_length", 1, kMaxModelDim, true, &config.model_dim},
      {"block_count", 1, kMaxLayers, true, &config.layers},
      {"feed_forward_length", 1, kMaxFfnDim, true, &config.ffn_dim},
      {"attention.head_count", 1, kMaxHeads, true, &config.heads},
      {"context_length", 1, kMaxContext, false, &config.context_length},
      {"vocab_size", 1, kMaxVocab, false, &config.vocab},
  };
  for (const auto& field : fields) {
    DRAGOMAN_RETURN_IF_ERROR(
        reader.Integer(field.key, field.min, field.max, field.required, *field.out));
  }
  config.kv_heads = config.heads;
  config.head_dim = std::max<int64_t>(config.model_dim / config.heads, 1);
  DRAGOMAN_RETURN_IF_ERROR(
      reader.Integer("attention.head_count_kv", 1, kMaxHeads, false, config.kv_heads));
  DRAGOMAN_RETURN_IF_ERROR(
      reader.Integer("attention.key_length", 2, kMaxHeadDim, false, config.head_dim));
  int64_t value_length = config.head_dim;
  DRAGOMAN_RETURN_IF_ERROR(
      reader.Integer("attention.value_length", 2, kMaxHeadDim, false, value_length));
  if (value_length != config.head_dim) {
    return reader.Bad("attention.value_length", fmt::format("{} as key_length", config.head_dim),
                      fmt::format("{}", value_length));
  }
  if (config.head_dim > kMaxHeadDim) {
    return reader.Bad("attention.key_length", fmt::format("at most {}", kMaxHeadDim),
                      fmt::format("{}", config.head_dim));
  }
  DRAGOMAN_RETURN_IF_ERROR(reader.Real("attention.layer_norm_rms_epsilon", kMinNormEps, kMaxNormEps,
                                       config.rms_norm_eps));
  // Only the 27B (62 layers) scales its queries by another number than the head's size; no key
  // tells.
  constexpr int64_t kLayersOf27B = 62;
  config.query_pre_attn_scalar = static_cast<float>(
      config.layers == kLayersOf27B ? config.model_dim / config.heads : config.head_dim);
  if (config.query_pre_attn_scalar < 1.0f) {
    return reader.Bad("attention.head_count", fmt::format("at most {}", config.model_dim),
                      fmt::format("{}", config.heads));
  }
  return {};
}

Result<void> ReadRopes(const MetadataReader& reader, Gemma3Config& config) {
  DRAGOMAN_RETURN_IF_ERROR(
      reader.Real("rope.freq_base", kMinRopeTheta, kMaxRopeTheta, config.rope_global.theta));
  DRAGOMAN_RETURN_IF_ERROR(
      reader.Real("rope.freq_base_swa", kMinRopeTheta, kMaxRopeTheta, config.rope_local.theta));
  const std::string* type = reader.gguf().FindString("gemma3.rope.scaling.type");
  if (type == nullptr || *type == "none") return {};
  if (*type != "linear") {
    return Fail(
        ErrorCode::kUnsupported,
        fmt::format(
            "metadata gemma3.rope.scaling.type: expected \"linear\" or \"none\", found \"{}\"",
            *type),
        reader.where());
  }
  float factor = 1.0f;
  DRAGOMAN_RETURN_IF_ERROR(
      reader.Real("rope.scaling.factor", kMinRopeFactor, kMaxRopeFactor, factor));
  config.rope_global.position_scale = 1.0f / factor;
  return {};
}

Result<void> ReadLayerKinds(const MetadataReader& reader, Gemma3Config& config) {
  const auto layers = static_cast<size_t>(config.layers);
  config.layer_is_local.assign(layers, false);
  // Without a window every layer is global: converters leave it out for a pattern of 1.
  if (reader.gguf().Find("gemma3.attention.sliding_window") == nullptr) return {};
  DRAGOMAN_RETURN_IF_ERROR(
      reader.Integer("attention.sliding_window", 1, kMaxContext, true, config.sliding_window));
  constexpr std::string_view kPattern = "attention.sliding_window_pattern";
  const std::vector<int64_t>* flags =
      reader.gguf().FindIntegers(fmt::format("gemma3.{}", kPattern));
  if (flags != nullptr) {
    if (flags->size() < layers) {
      return reader.Bad(kPattern, fmt::format("{} values", layers),
                        fmt::format("{}", flags->size()));
    }
    for (size_t i = 0; i < layers; ++i) config.layer_is_local[i] = (*flags)[i] != 0;
    return {};
  }
  int64_t pattern = kDefaultWindowPattern;
  DRAGOMAN_RETURN_IF_ERROR(reader.Integer(kPattern, 1, kMaxLayers, false, pattern));
  for (size_t i = 0; i < layers; ++i) {
    config.layer_is_local[i] = (i + 1) % static_cast<size_t>(pattern) != 0;
  }
  return {};
}

}  // namespace

Result<Gemma3Config> ReadGemma3Config(const GgufFile& gguf, const std::string& where) {
  const std::string* architecture = gguf.FindString("general.architecture");
  if (architecture == nullptr) {
    return Fail(ErrorCode::kCorruptFile,
                "metadata general.architecture: expected \"gemma3\", found nothing", where);
  }
  if (*architecture != "gemma3") {
    return Fail(ErrorCode::kUnsupported,
                fmt::format("metadata general.architecture: expected \"gemma3\", found \"{}\"",
                            *architecture),
                where);
  }
  const MetadataReader reader(gguf, where);
  Gemma3Config config;
  const std::vector<std::string>* tokens = gguf.FindStrings("tokenizer.ggml.tokens");
  if (tokens != nullptr && !tokens->empty() && tokens->size() <= static_cast<size_t>(kMaxVocab)) {
    config.vocab = static_cast<int64_t>(tokens->size());
  }
  DRAGOMAN_RETURN_IF_ERROR(ReadShape(reader, config));
  DRAGOMAN_RETURN_IF_ERROR(ReadRopes(reader, config));
  DRAGOMAN_RETURN_IF_ERROR(ReadLayerKinds(reader, config));
  const std::optional<double> softcap = gguf.FindFloat("gemma3.final_logit_softcapping");
  if (softcap && *softcap != 0.0) {
    return Fail(ErrorCode::kUnsupported, "metadata gemma3.final_logit_softcapping: expected none",
                where);
  }
  config.tied_embeddings =
      std::none_of(gguf.tensors().begin(), gguf.tensors().end(),
                   [](const TensorInfo& t) { return t.name == "output.weight"; });
  for (const char* key : {"tokenizer.ggml.eos_token_id", "tokenizer.ggml.eot_token_id"}) {
    const std::optional<uint64_t> id = gguf.FindUnsigned(key);
    if (id && *id < static_cast<uint64_t>(kMaxVocab))
      config.eos_ids.push_back(static_cast<int32_t>(*id));
  }
  if (const std::string* name = gguf.FindString("general.name")) config.name = *name;
  DRAGOMAN_RETURN_IF_ERROR(CheckHeads(config, where));
  return config;
}

}  // namespace dragoman
