// The table of tensor names in both spellings, and the match of a checkpoint against it.
#include "model/gemma3_tensors.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <unordered_map>
#include <unordered_set>

namespace dragoman {
namespace {

struct NameRow {
  TensorRole role;
  bool in_layer;
  bool is_norm;
  std::string_view gguf;  // after "blk.N."
  std::string_view hf;    // after "model." or "model.layers.N."
};

// Canonical order inside a layer.
constexpr std::array<NameRow, 16> kNames = {{
    {TensorRole::kTokenEmbedding, false, false, "token_embd.weight", "embed_tokens.weight"},
    {TensorRole::kAttnNorm, true, true, "attn_norm.weight", "input_layernorm.weight"},
    {TensorRole::kAttnQ, true, false, "attn_q.weight", "self_attn.q_proj.weight"},
    {TensorRole::kAttnK, true, false, "attn_k.weight", "self_attn.k_proj.weight"},
    {TensorRole::kAttnV, true, false, "attn_v.weight", "self_attn.v_proj.weight"},
    {TensorRole::kAttnQNorm, true, true, "attn_q_norm.weight", "self_attn.q_norm.weight"},
    {TensorRole::kAttnKNorm, true, true, "attn_k_norm.weight", "self_attn.k_norm.weight"},
    {TensorRole::kAttnOutput, true, false, "attn_output.weight", "self_attn.o_proj.weight"},
    {TensorRole::kPostAttnNorm, true, true, "post_attention_norm.weight",
     "post_attention_layernorm.weight"},
    {TensorRole::kFfnNorm, true, true, "ffn_norm.weight", "pre_feedforward_layernorm.weight"},
    {TensorRole::kFfnGate, true, false, "ffn_gate.weight", "mlp.gate_proj.weight"},
    {TensorRole::kFfnUp, true, false, "ffn_up.weight", "mlp.up_proj.weight"},
    {TensorRole::kFfnDown, true, false, "ffn_down.weight", "mlp.down_proj.weight"},
    {TensorRole::kPostFfnNorm, true, true, "post_ffw_norm.weight",
     "post_feedforward_layernorm.weight"},
    {TensorRole::kOutputNorm, false, true, "output_norm.weight", "norm.weight"},
    {TensorRole::kOutput, false, false, "output.weight", "lm_head.weight"},
}};

const NameRow& RowOf(TensorRole role) {
  for (const NameRow& row : kNames) {
    if (row.role == role) return row;
  }
  return kNames[0];  // not reached: every role has a row
}

bool StripPrefix(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

// Takes "12." off the front.
std::optional<int> TakeLayerNumber(std::string_view& text) {
  int layer = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), layer);
  if (error != std::errc() || layer < 0 || layer >= kMaxLayers) return std::nullopt;
  const size_t digits = static_cast<size_t>(end - text.data());
  const bool canonical = digits == 1 || text[0] != '0';
  if (!canonical || digits >= text.size() || text[digits] != '.') return std::nullopt;
  text.remove_prefix(digits + 1);
  return layer;
}

std::string GgufName(const NameRow& row, int layer) {
  return row.in_layer ? fmt::format("blk.{}.{}", layer, row.gguf) : std::string(row.gguf);
}

bool BelongsToVision(std::string_view name) {
  for (const std::string_view prefix :
       {"vision_tower.", "multi_modal_projector.", "model.vision_tower.",
        "model.multi_modal_projector.", "v.", "mm."}) {
    if (name.starts_with(prefix)) return true;
  }
  return false;
}

std::vector<uint64_t> ExpectedShape(TensorRole role, const Gemma3Config& config) {
  const auto u = [](int64_t v) { return static_cast<uint64_t>(v); };
  const uint64_t dim = u(config.model_dim), ffn = u(config.ffn_dim);
  const uint64_t q_dim = u(config.heads * config.head_dim),
                 kv_dim = u(config.kv_heads * config.head_dim);
  switch (role) {
    case TensorRole::kTokenEmbedding:
    case TensorRole::kOutput:
      return {u(config.vocab), dim};
    case TensorRole::kAttnQ:
      return {q_dim, dim};
    case TensorRole::kAttnK:
    case TensorRole::kAttnV:
      return {kv_dim, dim};
    case TensorRole::kAttnOutput:
      return {dim, q_dim};
    case TensorRole::kFfnGate:
    case TensorRole::kFfnUp:
      return {ffn, dim};
    case TensorRole::kFfnDown:
      return {dim, ffn};
    case TensorRole::kAttnQNorm:
    case TensorRole::kAttnKNorm:
      return {u(config.head_dim)};
    default:
      return {dim};
  }
}

std::string ShapeText(const std::vector<uint64_t>& shape) {
  return fmt::format("[{}]", fmt::join(shape, ", "));
}

std::string FileOf(const Checkpoint& checkpoint, const TensorInfo& info) {
  const auto& files = checkpoint.files();
  return info.file_index < files.size() ? files[info.file_index] : checkpoint.path();
}

bool IsFloatOrBlock(BlockType type) {
  return TraitsOf(type).decode != nullptr && type != BlockType::kF64;
}

bool IsPlainFloat(BlockType type) {
  return type == BlockType::kF32 || type == BlockType::kF16 || type == BlockType::kBF16;
}

// Canonical name -> tensor of the checkpoint; the vision tower goes aside.
using FoundTensors = std::unordered_map<std::string, const TensorInfo*>;

Result<FoundTensors> SortTensors(const Checkpoint& checkpoint, const Gemma3Config& config,
                                 ModelTensorMap& map) {
  const bool gguf = checkpoint.format() == ContainerFormat::kGguf;
  std::unordered_set<std::string> known;
  for (const NameRow& row : kNames) {
    if (!row.in_layer) known.insert(GgufName(row, -1));
    for (int layer = 0; row.in_layer && layer < config.layers; ++layer)
      known.insert(GgufName(row, layer));
  }
  FoundTensors found;
  for (const TensorInfo& info : checkpoint.tensors()) {
    std::optional<std::string> name;
    if (gguf && known.contains(info.name)) name = info.name;
    if (!gguf) name = CanonicalTensorName(info.name);
    // A stored copy of a tied output is the embedding again.
    const bool tied_copy = name == "output.weight" && config.tied_embeddings;
    if (tied_copy || (!name && BelongsToVision(info.name))) {
      map.left_out.push_back(&info);
      map.left_out_bytes += info.size_bytes;
      continue;
    }
    const std::string where = fmt::format("{}: tensor {}", FileOf(checkpoint, info), info.name);
    if (!name || !known.contains(*name)) {
      return Fail(
          ErrorCode::kCorruptFile,
          fmt::format(
              "expected a tensor of a Gemma 3 text model of {} layers, found an unknown name",
              config.layers),
          where);
    }
    if (!found.emplace(*name, &info).second) {
      return Fail(ErrorCode::kCorruptFile, fmt::format("expected {} once, found it again", *name),
                  where);
    }
  }
  return found;
}

Result<void> CheckTensor(const ModelTensor& tensor, const std::string& file) {
  const std::string where = fmt::format("{}: tensor {}", file, tensor.info->name);
  const TensorInfo& info = *tensor.info;
  if (info.shape != tensor.shape) {
    return Fail(
        ErrorCode::kCorruptFile,
        fmt::format("expected shape {}, found {}", ShapeText(tensor.shape), ShapeText(info.shape)),
        where);
  }
  const bool type_fits = tensor.is_norm ? IsPlainFloat(info.type) : IsFloatOrBlock(info.type);
  if (!type_fits) {
    return Fail(ErrorCode::kUnsupported,
                fmt::format("expected {}, found {}",
                            tensor.is_norm ? "F32, F16 or BF16" : "a float or quantized type",
                            TraitsOf(info.type).name),
                where);
  }
  const std::optional<uint64_t> bytes = TensorBytes(info.type, info.rows(), info.cols());
  if (bytes != info.size_bytes) {
    return Fail(ErrorCode::kCorruptFile,
                fmt::format("expected {} bytes for {} {}, found {}", bytes.value_or(0),
                            ShapeText(info.shape), TraitsOf(info.type).name, info.size_bytes),
                where);
  }
  return {};
}

}  // namespace

Result<ModelTensorMap> MapGemma3Tensors(const Checkpoint& checkpoint, const Gemma3Config& config) {
  ModelTensorMap map;
  DRAGOMAN_ASSIGN_OR_RETURN(const FoundTensors found, SortTensors(checkpoint, config, map));
  const bool plus_one = checkpoint.format() == ContainerFormat::kSafetensors;

  const auto add = [&](const NameRow& row, int layer) -> Result<void> {
    ModelTensor tensor;
    tensor.name = GgufName(row, layer);
    tensor.role = row.role;
    tensor.layer = layer;
    tensor.is_norm = row.is_norm;
    tensor.norm_needs_plus_one = row.is_norm && plus_one;
    tensor.shape = ExpectedShape(row.role, config);
    const auto it = found.find(tensor.name);
    if (it == found.end()) {
      return Fail(
          ErrorCode::kCorruptFile,
          fmt::format("expected tensor {} of shape {}, found none",
                      plus_one ? HfTensorName(tensor) : tensor.name, ShapeText(tensor.shape)),
          checkpoint.path());
    }
    tensor.info = it->second;
    DRAGOMAN_RETURN_IF_ERROR(CheckTensor(tensor, FileOf(checkpoint, *tensor.info)));
    map.tensors.push_back(std::move(tensor));
    return {};
  };

  DRAGOMAN_RETURN_IF_ERROR(add(RowOf(TensorRole::kTokenEmbedding), -1));
  for (int layer = 0; layer < config.layers; ++layer) {
    for (const NameRow& row : kNames) {
      if (row.in_layer) DRAGOMAN_RETURN_IF_ERROR(add(row, layer));
    }
  }
  DRAGOMAN_RETURN_IF_ERROR(add(RowOf(TensorRole::kOutputNorm), -1));
  if (!config.tied_embeddings) DRAGOMAN_RETURN_IF_ERROR(add(RowOf(TensorRole::kOutput), -1));
  return map;
}

std::optional<std::string> CanonicalTensorName(std::string_view hf_name) {
  std::string_view rest = hf_name;
  // "model.language_model.layers.0...", "language_model.model.layers.0...", "model.layers.0...".
  const bool stripped = StripPrefix(rest, "model.language_model.") ||
                        StripPrefix(rest, "language_model.model.") || StripPrefix(rest, "model.");
  if (!stripped) {
    StripPrefix(rest, "language_model.");  // "language_model.lm_head.weight"
    const NameRow& output = RowOf(TensorRole::kOutput);
    return rest == output.hf ? std::optional<std::string>(output.gguf) : std::nullopt;
  }
  std::optional<int> layer;
  if (StripPrefix(rest, "layers.")) {
    layer = TakeLayerNumber(rest);
    if (!layer) return std::nullopt;
  }
  for (const NameRow& row : kNames) {
    const bool outside = row.role == TensorRole::kOutput;  // has no "model." before it
    if (rest == row.hf && row.in_layer == layer.has_value() && !outside)
      return GgufName(row, layer.value_or(-1));
  }
  return std::nullopt;
}

std::string HfTensorName(const ModelTensor& tensor) {
  const NameRow& row = RowOf(tensor.role);
  if (row.in_layer) return fmt::format("model.layers.{}.{}", tensor.layer, row.hf);
  return tensor.role == TensorRole::kOutput ? std::string(row.hf) : fmt::format("model.{}", row.hf);
}

}  // namespace dragoman
