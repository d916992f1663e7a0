// Gemma 3's config.json, in the spelling of transformers 4 (rope_theta, rope_scaling,
// sliding_window_pattern) and of transformers 5 (rope_parameters by layer kind, layer_types), flat
// or inside a multimodal text_config.
//
// Every number is bounded before anything is computed from it; null counts as absent, as in
// transformers.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string_view>

#include "model/gemma3_config.h"

namespace dragoman {
namespace {

// Reads typed values of one JSON object, with the dotted path of the object for messages.
class ObjectReader {
 public:
  ObjectReader(const Json& object, std::string where, std::string prefix)
      : object_(object), where_(std::move(where)), prefix_(std::move(prefix)) {}

  // Null when absent or null.
  const Json* Find(std::string_view key) const {
    const auto it = object_.find(std::string(key));
    return it == object_.end() || it->is_null() ? nullptr : &*it;
  }
  tl::unexpected<Error> Bad(std::string_view key, const std::string& expected,
                            const Json& found) const {
    constexpr size_t kMaxShown = 60;
    std::string text = found.dump(-1, ' ', false, Json::error_handler_t::replace);
    if (text.size() > kMaxShown) text = text.substr(0, kMaxShown) + "...";
    return Fail(ErrorCode::kCorruptFile,
                fmt::format("{}{}: expected {}, found {}", prefix_, key, expected, text), where_);
  }
  tl::unexpected<Error> Unsupported(std::string_view key, const std::string& what) const {
    return Fail(ErrorCode::kUnsupported, fmt::format("{}{}: {}", prefix_, key, what), where_);
  }
  // Leaves `out` alone when the key is absent.
  Result<void> Integer(std::string_view key, int64_t min, int64_t max, int64_t& out) const {
    const Json* value = Find(key);
    if (value == nullptr) return {};
    const std::string expected = fmt::format("a whole number in [{}, {}]", min, max);
    if (!value->is_number_integer()) return Bad(key, expected, *value);
    if (value->is_number_unsigned() && value->get<uint64_t>() > static_cast<uint64_t>(INT64_MAX)) {
      return Bad(key, expected, *value);
    }
    const int64_t number = value->get<int64_t>();
    if (number < min || number > max) return Bad(key, expected, *value);
    out = number;
    return {};
  }
  Result<void> Real(std::string_view key, double min, double max, float& out) const {
    const Json* value = Find(key);
    if (value == nullptr) return {};
    const bool fits =
        value->is_number() && value->get<double>() >= min && value->get<double>() <= max;
    if (!fits) return Bad(key, fmt::format("a number in [{}, {}]", min, max), *value);
    out = static_cast<float>(value->get<double>());
    return {};
  }
  Result<void> Bool(std::string_view key, bool& out) const {
    const Json* value = Find(key);
    if (value == nullptr) return {};
    if (!value->is_boolean()) return Bad(key, "true or false", *value);
    out = value->get<bool>();
    return {};
  }
  Result<std::string> String(std::string_view key, const std::string& fallback) const {
    const Json* value = Find(key);
    if (value == nullptr) return fallback;
    if (!value->is_string()) return Bad(key, "a string", *value);
    return value->get<std::string>();
  }
  const Json& object() const { return object_; }
  const std::string& where() const { return where_; }
  std::string Path(std::string_view key) const { return fmt::format("{}{}.", prefix_, key); }

 private:
  const Json& object_;
  std::string where_, prefix_;
};

// One rope object: rope_scaling, rope_parameters, or one of its two children.
Result<void> ReadRope(const ObjectReader& rope, RopeParameters& out) {
  DRAGOMAN_RETURN_IF_ERROR(rope.Real("rope_theta", kMinRopeTheta, kMaxRopeTheta, out.theta));
  const char* key = rope.Find("rope_type") != nullptr ? "rope_type" : "type";
  DRAGOMAN_ASSIGN_OR_RETURN(const std::string type, rope.String(key, "default"));
  if (type == "default") {
    out.position_scale = 1.0f;
    return {};
  }
  if (type != "linear") return rope.Unsupported(key, fmt::format("rope scaling \"{}\"", type));
  if (rope.Find("factor") == nullptr) return rope.Bad("factor", "a number", Json());
  float factor = 1.0f;
  DRAGOMAN_RETURN_IF_ERROR(rope.Real("factor", kMinRopeFactor, kMaxRopeFactor, factor));
  out.position_scale = 1.0f / factor;
  return {};
}

Result<void> ReadRopeObject(const ObjectReader& parent, std::string_view key, RopeParameters& out) {
  const Json* value = parent.Find(key);
  if (value == nullptr) return {};
  if (!value->is_object()) return parent.Bad(key, "an object", *value);
  return ReadRope(ObjectReader(*value, parent.where(), parent.Path(key)), out);
}

Result<void> ReadRopes(const ObjectReader& text, Gemma3Config& config) {
  DRAGOMAN_RETURN_IF_ERROR(
      text.Real("rope_theta", kMinRopeTheta, kMaxRopeTheta, config.rope_global.theta));
  DRAGOMAN_RETURN_IF_ERROR(
      text.Real("rope_local_base_freq", kMinRopeTheta, kMaxRopeTheta, config.rope_local.theta));
  const Json* parameters = text.Find("rope_parameters");
  if (parameters == nullptr) return ReadRopeObject(text, "rope_scaling", config.rope_global);
  if (!parameters->is_object()) return text.Bad("rope_parameters", "an object", *parameters);
  const ObjectReader reader(*parameters, text.where(), text.Path("rope_parameters"));
  if (reader.Find("full_attention") == nullptr && reader.Find("sliding_attention") == nullptr) {
    return ReadRope(reader,
                    config.rope_global);  // one set of parameters: it means the global layers
  }
  DRAGOMAN_RETURN_IF_ERROR(ReadRopeObject(reader, "full_attention", config.rope_global));
  return ReadRopeObject(reader, "sliding_attention", config.rope_local);
}

Result<void> ReadLayerKinds(const ObjectReader& text, Gemma3Config& config) {
  const auto layers = static_cast<size_t>(config.layers);
  config.layer_is_local.assign(layers, false);
  const Json* types = text.Find("layer_types");
  if (types == nullptr) {
    int64_t pattern = kDefaultWindowPattern;
    DRAGOMAN_RETURN_IF_ERROR(text.Integer("_sliding_window_pattern", 1, kMaxLayers, pattern));
    DRAGOMAN_RETURN_IF_ERROR(text.Integer("sliding_window_pattern", 1, kMaxLayers, pattern));
    for (size_t i = 0; i < layers; ++i) {
      config.layer_is_local[i] = (i + 1) % static_cast<size_t>(pattern) != 0;
    }
    return {};
  }
  if (!types->is_array() || types->size() != layers) {
    return text.Bad("layer_types", fmt::format("a list of {} names", layers), *types);
  }
  for (size_t i = 0; i < layers; ++i) {
    const Json& type = (*types)[i];
    const bool local = type == "sliding_attention";
    if (!local && type != "full_attention") {
      return text.Bad("layer_types", "\"sliding_attention\" or \"full_attention\"", type);
    }
    config.layer_is_local[i] = local;
  }
  return {};
}

// Traits that other models of the family's code base have and this forward pass does not compute.
Result<void> RefuseUnsupported(const ObjectReader& text) {
  for (const char* key : {"attention_bias", "use_bidirectional_attention"}) {
    bool on = false;
    DRAGOMAN_RETURN_IF_ERROR(text.Bool(key, on));
    if (on) return text.Unsupported(key, "expected false, found true");
  }
  for (const char* key : {"final_logit_softcapping", "attn_logit_softcapping"}) {
    if (text.Find(key) != nullptr) return text.Unsupported(key, "expected null, found a limit");
  }
  for (const char* key : {"hidden_activation", "hidden_act"}) {
    DRAGOMAN_ASSIGN_OR_RETURN(const std::string activation, text.String(key, "gelu_pytorch_tanh"));
    if (activation != "gelu_pytorch_tanh") {
      return text.Unsupported(
          key, fmt::format("expected \"gelu_pytorch_tanh\", found \"{}\"", activation));
    }
  }
  return {};
}

Result<void> ReadShape(const ObjectReader& text, Gemma3Config& config) {
  const struct {
    const char* key;
    int64_t min, max;
    int64_t* out;
  } fields[] = {
      {"vocab_size", 1, kMaxVocab, &config.vocab},
      {"hidden_size", 1, kMaxModelDim, &config.model_dim},
      {"intermediate_size", 1, kMaxFfnDim, &config.ffn_dim},
      {"num_hidden_layers", 1, kMaxLayers, &config.layers},
      {"num_attention_heads", 1, kMaxHeads, &config.heads},
      {"num_key_value_heads", 1, kMaxHeads, &config.kv_heads},
      {"head_dim", 2, kMaxHeadDim, &config.head_dim},
      {"sliding_window", 1, kMaxContext, &config.sliding_window},
      {"max_position_embeddings", 1, kMaxContext, &config.context_length},
  };
  for (const auto& field : fields) {
    DRAGOMAN_RETURN_IF_ERROR(text.Integer(field.key, field.min, field.max, *field.out));
  }
  DRAGOMAN_RETURN_IF_ERROR(
      text.Real("rms_norm_eps", kMinNormEps, kMaxNormEps, config.rms_norm_eps));
  DRAGOMAN_RETURN_IF_ERROR(
      text.Real("query_pre_attn_scalar", 1e-3, 1e6, config.query_pre_attn_scalar));
  return text.Bool("tie_word_embeddings", config.tied_embeddings);
}

Result<void> CheckArchitecture(const ObjectReader& root) {
  DRAGOMAN_ASSIGN_OR_RETURN(const std::string type, root.String("model_type", ""));
  if (type == "gemma3" || type == "gemma3_text") return {};
  if (!type.empty()) {
    return root.Unsupported(
        "model_type", fmt::format("expected \"gemma3\" or \"gemma3_text\", found \"{}\"", type));
  }
  const Json* names = root.Find("architectures");
  if (names == nullptr) return root.Bad("model_type", "\"gemma3\" or \"gemma3_text\"", Json());
  if (names->is_array()) {
    for (const Json& name : *names) {
      if (name == "Gemma3ForCausalLM" || name == "Gemma3ForConditionalGeneration") return {};
    }
  }
  return root.Unsupported("architectures",
                          "expected Gemma3ForCausalLM or Gemma3ForConditionalGeneration");
}

// What formats/grouped_checkpoint.h shows as plain weights; it has read the rest of the object.
Result<void> CheckQuantizationMethod(const ObjectReader& root) {
  const Json* config = root.Find("quantization_config");
  if (config == nullptr) return {};
  if (!config->is_object()) return root.Bad("quantization_config", "an object", *config);
  const ObjectReader reader(*config, root.where(), root.Path("quantization_config"));
  DRAGOMAN_ASSIGN_OR_RETURN(const std::string fallback, reader.String("method", ""));
  DRAGOMAN_ASSIGN_OR_RETURN(const std::string method, reader.String("quant_method", fallback));
  if (method == "gptq" || method == "compressed-tensors") return {};
  return reader.Unsupported(
      "quant_method",
      fmt::format("expected \"gptq\" or \"compressed-tensors\", found \"{}\"", method));
}

void AddEndIds(const std::vector<int32_t>& ids, Gemma3Config& config) {
  for (const int32_t id : ids) {
    const auto& have = config.eos_ids;
    if (std::find(have.begin(), have.end(), id) == have.end()) config.eos_ids.push_back(id);
  }
}

}  // namespace

Result<std::vector<int32_t>> ParseEndIds(const Json& json, const std::string& where) {
  const ObjectReader reader(json, where, "");
  const Json* value = reader.Find("eos_token_id");
  std::vector<int32_t> ids;
  if (value == nullptr) return ids;
  const auto add = [&](const Json& id) {
    if (!id.is_number_integer() || id < 0 || id >= kMaxVocab) return false;
    ids.push_back(id.get<int32_t>());
    return true;
  };
  constexpr size_t kMaxEndIds = 64;  // real files have one or two
  bool good = true;
  if (value->is_array() && value->size() <= kMaxEndIds) {
    for (const Json& id : *value) good = good && add(id);
  } else {
    good = add(*value);
  }
  if (!good) return reader.Bad("eos_token_id", "a token id or a short list of them", *value);
  return ids;
}

Result<Gemma3Config> ParseGemma3Config(const Json& json, const std::string& where) {
  if (!json.is_object()) return Fail(ErrorCode::kCorruptFile, "expected a JSON object", where);
  const ObjectReader root(json, where, "");
  DRAGOMAN_RETURN_IF_ERROR(CheckArchitecture(root));
  DRAGOMAN_RETURN_IF_ERROR(CheckQuantizationMethod(root));
  const Json* nested = root.Find("text_config");
  if (nested != nullptr && !nested->is_object())
    return root.Bad("text_config", "an object", *nested);
  const ObjectReader text(nested != nullptr ? *nested : json, where,
                          nested != nullptr ? "text_config." : "");

  Gemma3Config config;
  DRAGOMAN_RETURN_IF_ERROR(root.Bool("tie_word_embeddings", config.tied_embeddings));
  DRAGOMAN_RETURN_IF_ERROR(ReadShape(text, config));
  DRAGOMAN_RETURN_IF_ERROR(RefuseUnsupported(text));
  DRAGOMAN_RETURN_IF_ERROR(ReadRopes(text, config));
  DRAGOMAN_RETURN_IF_ERROR(ReadLayerKinds(text, config));
  DRAGOMAN_ASSIGN_OR_RETURN(config.name, root.String("_name_or_path", ""));
  DRAGOMAN_ASSIGN_OR_RETURN(const std::vector<int32_t> outer_ids, ParseEndIds(json, where));
  AddEndIds(outer_ids, config);
  if (nested != nullptr) {
    DRAGOMAN_ASSIGN_OR_RETURN(const std::vector<int32_t> inner_ids, ParseEndIds(*nested, where));
    AddEndIds(inner_ids, config);
  }
  DRAGOMAN_RETURN_IF_ERROR(CheckHeads(config, where));
  return config;
}

Result<void> CheckHeads(const Gemma3Config& config, const std::string& where) {
  if (config.heads % config.kv_heads != 0) {
    return Fail(
        ErrorCode::kCorruptFile,
        fmt::format("attention heads: expected a multiple of the {} key-value heads, found {}",
                    config.kv_heads, config.heads),
        where);
  }
  if (config.head_dim % 2 != 0) {
    return Fail(ErrorCode::kCorruptFile,
                fmt::format("head_dim: expected an even number, found {}", config.head_dim), where);
  }
  return {};
}

}  // namespace dragoman
