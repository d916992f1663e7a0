#include "quantize/gguf_metadata.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/atomic_file.h"

namespace dragoman {
namespace {

constexpr float kPadScore = -10000.0f;       // of rows that no text can reach
constexpr uint64_t kMaxCardBytes = 1 << 20;  // of a model card; only its front matter is read
constexpr char kImportanceKey[] = "dragoman.importance_entries";
constexpr int64_t kLayersWithOwnScale =
    62;  // the one depth whose attention scale readers derive differently

// "license: gemma" in the YAML front matter of README.md; empty when there is none. Only plain
// one-line values.
std::string FrontMatterValue(const std::string& card, std::string_view key) {
  if (card.rfind("---\n", 0) != 0) return {};
  size_t line_start = 4;
  while (line_start < card.size()) {
    const size_t line_end = std::min(card.find('\n', line_start), card.size());
    const std::string line = card.substr(line_start, line_end - line_start);
    if (line == "---") return {};
    if (line.size() > key.size() && line.compare(0, key.size(), key) == 0 &&
        line[key.size()] == ':') {
      const size_t first = line.find_first_not_of(" \t\"'", key.size() + 1);
      const size_t last = line.find_last_not_of(" \t\r\"'");
      return first == std::string::npos || last < first ? std::string()
                                                        : line.substr(first, last - first + 1);
    }
    line_start = line_end + 1;
  }
  return {};
}

std::string ReadCard(const Checkpoint& checkpoint) {
  auto card = ReadFile(checkpoint.folder() + "/README.md", kMaxCardBytes);
  return card ? *card : std::string();  // a model without a card is fine
}

// "4B", "27M"
std::string SizeLabel(uint64_t parameters) {
  const auto count = static_cast<double>(parameters);
  if (count >= 1e9) return fmt::format("{:.1f}B", count / 1e9);
  return fmt::format("{:.0f}M", count / 1e6);
}

std::string ModelName(const Checkpoint& checkpoint, const Gemma3Config& config) {
  if (!config.name.empty()) return config.name;
  std::filesystem::path folder = std::filesystem::path(checkpoint.folder()).lexically_normal();
  if (!folder.has_filename()) folder = folder.parent_path();
  return folder.has_filename() && folder.filename() != "." ? folder.filename().string() : "model";
}

class MetadataBuilder {
 public:
  explicit MetadataBuilder(GgufMetadata& metadata) : metadata_(metadata) {}
  void Add(std::string key, GgufValue value) {
    metadata_.emplace_back(std::move(key), std::move(value));
  }
  void Add(std::string key, int64_t value) {
    Add(std::move(key), GgufValue::U32(static_cast<uint32_t>(value)));
  }
  void AddText(std::string key, std::string value) {
    if (!value.empty()) Add(std::move(key), GgufValue::String(std::move(value)));
  }

 private:
  GgufMetadata& metadata_;
};

void AddGeneral(const Checkpoint& checkpoint, const Gemma3Config& config, const Recipe& recipe,
                MetadataBuilder& out) {
  const std::string card = ReadCard(checkpoint);
  std::string license = FrontMatterValue(card, "license");
  // Google's own vocabulary without a card: weights derived from Gemma, whose terms travel with
  // them.
  constexpr int64_t kGemmaVocab = 262144;
  if (license.empty() && config.vocab >= kGemmaVocab) license = "gemma";
  out.AddText("general.architecture", "gemma3");
  out.AddText("general.type", "model");
  out.AddText("general.name", ModelName(checkpoint, config));
  out.AddText("general.size_label", SizeLabel(config.parameter_count()));
  out.AddText("general.license", license);
  out.AddText("general.license.name", FrontMatterValue(card, "license_name"));
  out.Add("general.file_type", GgufValue::U32(recipe.gguf_file_type));
  out.Add("general.quantization_version", GgufValue::U32(2));
}

// The number p such that exactly every p-th layer is global; 0 when the layers follow no such rule.
int64_t WindowPattern(const std::vector<bool>& layer_is_local) {
  const auto first_global = std::find(layer_is_local.begin(), layer_is_local.end(), false);
  const auto period = static_cast<size_t>(first_global - layer_is_local.begin()) + 1;
  if (first_global == layer_is_local.end()) return 0;
  for (size_t i = 0; i < layer_is_local.size(); ++i) {
    if (layer_is_local[i] != ((i + 1) % period != 0)) return 0;
  }
  return static_cast<int64_t>(period);
}

void AddWindow(const Gemma3Config& config, MetadataBuilder& out) {
  const int64_t pattern = WindowPattern(config.layer_is_local);
  if (pattern == 1) return;  // no local layer: readers take a missing window for that
  out.Add("gemma3.attention.sliding_window", config.sliding_window);
  if (pattern != 0) {
    out.Add("gemma3.attention.sliding_window_pattern", pattern);
    return;
  }
  std::vector<int64_t> locals(config.layer_is_local.begin(), config.layer_is_local.end());
  out.Add("gemma3.attention.sliding_window_pattern",
          GgufValue{GgufType::kBool, true, std::move(locals)});
}

void AddArchitecture(const Gemma3Config& config, MetadataBuilder& out) {
  out.Add("gemma3.context_length", config.context_length);
  out.Add("gemma3.embedding_length", config.model_dim);
  out.Add("gemma3.block_count", config.layers);
  out.Add("gemma3.feed_forward_length", config.ffn_dim);
  out.Add("gemma3.attention.head_count", config.heads);
  out.Add("gemma3.attention.head_count_kv", config.kv_heads);
  out.Add("gemma3.attention.key_length", config.head_dim);
  out.Add("gemma3.attention.value_length", config.head_dim);
  out.Add("gemma3.attention.layer_norm_rms_epsilon", GgufValue::F32(config.rms_norm_eps));
  AddWindow(config, out);
  out.Add("gemma3.rope.freq_base", GgufValue::F32(config.rope_global.theta));
  out.Add("gemma3.rope.freq_base_swa", GgufValue::F32(config.rope_local.theta));
  if (config.rope_global.position_scale != 1.0f) {
    out.AddText("gemma3.rope.scaling.type", "linear");
    out.Add("gemma3.rope.scaling.factor", GgufValue::F32(1.0f / config.rope_global.position_scale));
  }
}

// Every row of the embedding has a piece: those beyond the tokenizer's are named after their id.
void AddPieces(const Tokenizer& tokenizer, uint64_t embedding_rows, MetadataBuilder& out) {
  std::vector<std::string> pieces;
  std::vector<double> scores;
  std::vector<int64_t> kinds;
  pieces.reserve(embedding_rows);
  scores.reserve(embedding_rows);
  kinds.reserve(embedding_rows);
  for (int64_t i = 0; i < static_cast<int64_t>(embedding_rows); ++i) {
    const auto id = static_cast<int32_t>(i);
    const bool known = id < tokenizer.vocab_size() && !tokenizer.piece(id).empty();
    pieces.push_back(known ? tokenizer.GgufSpelling(id) : fmt::format("[PAD{}]", id));
    scores.push_back(known ? tokenizer.score(id) : kPadScore);
    kinds.push_back(static_cast<int64_t>(known ? tokenizer.kind(id) : TokenKind::kUnused));
  }
  out.Add("tokenizer.ggml.tokens", GgufValue::Strings(std::move(pieces)));
  out.Add("tokenizer.ggml.scores", GgufValue::F32s(std::move(scores)));
  out.Add("tokenizer.ggml.token_type", GgufValue::I32s(std::move(kinds)));
}

void AddTokenizer(const Tokenizer& tokenizer, uint64_t embedding_rows, MetadataBuilder& out) {
  out.AddText("tokenizer.ggml.model", "llama");
  out.AddText("tokenizer.ggml.pre", "default");
  AddPieces(tokenizer, embedding_rows, out);
  const auto add_id = [&](const char* key, int32_t id) {
    if (id >= 0) out.Add(key, int64_t{id});
  };
  const int32_t end_of_turn = tokenizer.Find("<end_of_turn>");
  const auto ends = tokenizer.end_ids();
  const int32_t first_end = ends.empty() ? -1 : ends.front();
  add_id("tokenizer.ggml.bos_token_id", tokenizer.bos_id());
  // A translation ends with the turn: that is the token generation must stop on.
  add_id("tokenizer.ggml.eos_token_id", end_of_turn >= 0 ? end_of_turn : first_end);
  add_id("tokenizer.ggml.eot_token_id", end_of_turn);
  add_id("tokenizer.ggml.unknown_token_id", tokenizer.unk_id());
  add_id("tokenizer.ggml.padding_token_id", tokenizer.pad_id());
  out.Add("tokenizer.ggml.add_bos_token", GgufValue::Bool(true));
  out.Add("tokenizer.ggml.add_eos_token", GgufValue::Bool(false));
  out.Add("tokenizer.ggml.add_space_prefix", GgufValue::Bool(false));
  out.AddText("tokenizer.chat_template", tokenizer.chat_template());
}

// A number rather than names: the size of a file, and so its plan, must not depend on where the
// calibration text came from. quantization_metadata.json has the names.
void AddImportance(const ImportanceMatrix* importance, MetadataBuilder& out) {
  const size_t entries = importance == nullptr ? 0 : importance->entries.size();
  out.Add(kImportanceKey, GgufValue::U32(static_cast<uint32_t>(entries)));
}

// Keys that describe how the source was made, not the model: replaced or dropped.
bool BelongsToSource(const std::string& key) {
  return key == "general.file_type" || key == "general.quantization_version" ||
         key == "general.alignment" || key == kImportanceKey ||
         key.rfind("quantize.imatrix.", 0) == 0 || key.rfind("split.", 0) == 0;
}

GgufMetadata CarriedMetadata(const GgufFile& source, const Recipe& recipe) {
  GgufMetadata metadata;
  bool placed = false;
  for (const auto& [key, value] : source.metadata()) {
    if (key == "general.file_type") {
      metadata.emplace_back(key, GgufValue::U32(recipe.gguf_file_type));
      placed = true;
    } else if (!BelongsToSource(key)) {
      metadata.emplace_back(key, value);
    }
  }
  if (!placed) metadata.emplace_back("general.file_type", GgufValue::U32(recipe.gguf_file_type));
  metadata.emplace_back("general.quantization_version", GgufValue::U32(2));
  return metadata;
}

}  // namespace

Result<GgufMetadata> BuildGgufMetadata(const Checkpoint& checkpoint, const Gemma3Config& config,
                                       uint64_t embedding_rows, const Recipe& recipe,
                                       const ImportanceMatrix* importance) {
  GgufMetadata metadata;
  if (checkpoint.gguf() != nullptr) {
    metadata = CarriedMetadata(*checkpoint.gguf(), recipe);
  } else {
    if (config.query_pre_attn_scalar != static_cast<float>(config.head_dim) &&
        config.layers != kLayersWithOwnScale) {
      return Fail(
          ErrorCode::kUnsupported,
          fmt::format(
              "query_pre_attn_scalar: GGUF has no key for it, expected head_dim ({}), found {}",
              config.head_dim, config.query_pre_attn_scalar),
          checkpoint.path());
    }
    DRAGOMAN_ASSIGN_OR_RETURN(const auto tokenizer, Tokenizer::ForCheckpoint(checkpoint));
    MetadataBuilder out(metadata);
    AddGeneral(checkpoint, config, recipe, out);
    AddArchitecture(config, out);
    AddTokenizer(*tokenizer, embedding_rows, out);
  }
  MetadataBuilder out(metadata);
  if (!IsPlainRecipe(recipe)) AddImportance(importance, out);
  return metadata;
}

}  // namespace dragoman
