#include "quantize/source_trim.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <utility>

#include "quantize/trimmed_checkpoint.h"
#include "text/kept_languages.h"

namespace dragoman {
namespace {

constexpr std::string_view kTokenizerPrefix = "tokenizer.ggml.";

// Arrays with an entry per piece; a longer one (the rows behind the tokenizer's) is cut as well.
template <typename Element>
Result<void> KeepEntries(const VocabularyTrim& trim, const std::string& key,
                         std::vector<Element>& entries) {
  if (static_cast<size_t>(trim.kept_ids.back()) >= entries.size()) {
    return Fail(ErrorCode::kCorruptFile,
                fmt::format("{}: expected {} entries or more, found {}", key,
                            trim.kept_ids.back() + 1, entries.size()));
  }
  std::vector<Element> kept;
  kept.reserve(trim.kept_ids.size());
  for (const int32_t id : trim.kept_ids) {
    kept.push_back(std::move(entries[static_cast<size_t>(id)]));
  }
  entries = std::move(kept);
  return {};
}

bool IsPerPiece(std::string_view name) {
  return name == "tokens" || name == "scores" || name == "token_type";
}

// Of one id, whatever the integer's kind. False when the piece went.
template <typename Integer>
bool MapTokenId(const VocabularyTrim& trim, Integer& id) {
  if (id > Integer{1} << 30) return false;
  const int32_t mapped = trim.NewId(static_cast<int64_t>(id));
  if (mapped < 0) return false;
  id = static_cast<Integer>(mapped);
  return true;
}

bool MapTokenId(const VocabularyTrim& trim, GgufValue& value) {
  if (auto* id = std::get_if<uint64_t>(&value.value)) return MapTokenId(trim, *id);
  if (auto* id = std::get_if<int64_t>(&value.value)) return MapTokenId(trim, *id);
  if (auto* ids = std::get_if<std::vector<int64_t>>(&value.value)) {
    std::erase_if(*ids, [&](int64_t& id) { return !MapTokenId(trim, id); });
    return true;
  }
  return true;
}

// Stale once pieces went, and read by nobody where the tokenizer's model is "llama".
bool IsLeftOut(std::string_view key) {
  return key == "tokenizer.ggml.merges" || key == "tokenizer.huggingface.json" ||
         key == kKeptLanguagesKey || key == kKeptScriptsKey;
}

// "bos_token_id", and lists of ids such as "suppress_tokens".
bool NamesIds(std::string_view name, const GgufValue& value) {
  if (name.ends_with("_token_id")) return true;
  const bool id_list = value.is_array && std::holds_alternative<std::vector<int64_t>>(value.value);
  return id_list && (name.ends_with("_tokens") || name.ends_with("_token_ids"));
}

// False when the entry has lost its meaning.
Result<bool> TrimEntry(const VocabularyTrim& trim, const std::string& key, GgufValue& value) {
  if (IsLeftOut(key)) return false;
  if (key == "gemma3.vocab_size") {
    value = GgufValue::U32(static_cast<uint32_t>(trim.kept_ids.size()));
  }
  if (!key.starts_with(kTokenizerPrefix)) return true;
  const std::string_view name = std::string_view(key).substr(kTokenizerPrefix.size());
  if (!IsPerPiece(name)) return !NamesIds(name, value) || MapTokenId(trim, value);
  if (auto* strings = std::get_if<std::vector<std::string>>(&value.value)) {
    DRAGOMAN_RETURN_IF_ERROR(KeepEntries(trim, key, *strings));
  } else if (auto* floats = std::get_if<std::vector<double>>(&value.value)) {
    DRAGOMAN_RETURN_IF_ERROR(KeepEntries(trim, key, *floats));
  } else if (auto* integers = std::get_if<std::vector<int64_t>>(&value.value)) {
    DRAGOMAN_RETURN_IF_ERROR(KeepEntries(trim, key, *integers));
  }
  return true;
}

std::vector<std::string> CodesOf(const std::vector<Language>& languages) {
  std::vector<std::string> codes;
  for (const Language& language : languages) codes.push_back(language.code);
  return codes;
}

std::vector<std::string_view> PiecesOf(const Tokenizer& tokenizer, const std::string& line) {
  std::vector<std::string_view> pieces;
  for (const int32_t id : tokenizer.Encode(line, {.add_bos = false, .parse_special = false})) {
    pieces.push_back(tokenizer.piece(id));
  }
  return pieces;
}

}  // namespace

Result<void> TrimSource(const VocabularyOptions& options, QuantizeSource& source) {
  DRAGOMAN_ASSIGN_OR_RETURN(const KeptLanguages kept, KeptLanguages::Of(*source.checkpoint));
  for (const Language& language : options.languages) {
    DRAGOMAN_RETURN_IF_ERROR(kept.Check(language));
  }
  SourceTrim trim;
  trim.rows_before = source.embedding_rows();
  DRAGOMAN_ASSIGN_OR_RETURN(trim.full_tokenizer, Tokenizer::ForCheckpoint(*source.checkpoint));
  DRAGOMAN_ASSIGN_OR_RETURN(
      trim.vocabulary,
      ChooseVocabulary(*trim.full_tokenizer, options.languages, options.corpus, trim.rows_before));
  DRAGOMAN_ASSIGN_OR_RETURN(
      source.checkpoint,
      TrimCheckpoint(std::move(source.checkpoint), trim.vocabulary.kept_ids, source.map));
  source.trim = std::move(trim);
  return {};
}

Result<void> TrimGgufTokenizer(const VocabularyTrim& trim, GgufMetadata& metadata) {
  GgufMetadata kept;
  for (auto& [key, value] : metadata) {
    DRAGOMAN_ASSIGN_OR_RETURN(const bool stays, TrimEntry(trim, key, value));
    if (stays) kept.emplace_back(key, std::move(value));
  }
  kept.emplace_back(kKeptLanguagesKey, GgufValue::Strings(CodesOf(trim.languages)));
  kept.emplace_back(kKeptScriptsKey, GgufValue::Strings(trim.scripts));
  metadata = std::move(kept);
  return {};
}

Result<void> TrimLayout(const QuantizeSource& source, OutputLayout& layout) {
  const SourceTrim& trim = *source.trim;
  std::vector<GgufTensorPlan> whole = layout.tensors;
  for (size_t i = 0; i < whole.size(); ++i) {
    if (HasARowPerPiece(source.map.tensors[i])) whole[i].shape.front() = trim.rows_before;
  }
  DRAGOMAN_ASSIGN_OR_RETURN(const uint64_t bytes_before, GgufFileBytes(layout.metadata, whole));
  DRAGOMAN_RETURN_IF_ERROR(TrimGgufTokenizer(trim.vocabulary, layout.metadata));
  DRAGOMAN_ASSIGN_OR_RETURN(const uint64_t bytes_after,
                            GgufFileBytes(layout.metadata, layout.tensors));
  layout.plan.vocabulary = ReportOf(trim, bytes_before, bytes_after);
  return {};
}

VocabularyReport ReportOf(const SourceTrim& trim, uint64_t bytes_before, uint64_t bytes_after) {
  VocabularyReport report;
  report.languages = CodesOf(trim.vocabulary.languages);
  report.scripts = trim.vocabulary.scripts;
  report.pieces_before = trim.rows_before;
  report.pieces_after = trim.vocabulary.kept_ids.size();
  // Of a vocabulary in which nothing goes, the file grows by the names of the languages.
  report.bytes_saved = bytes_before - std::min(bytes_before, bytes_after);
  return report;
}

Result<std::vector<HeldOutChange>> MeasureHeldOut(const Tokenizer& full,
                                                  const std::string& output_path,
                                                  const std::vector<HeldOutText>& texts) {
  std::vector<HeldOutChange> changes;
  DRAGOMAN_ASSIGN_OR_RETURN(const auto output, OpenCheckpoint(output_path));
  DRAGOMAN_ASSIGN_OR_RETURN(const auto trimmed, Tokenizer::ForCheckpoint(*output));
  for (const HeldOutText& text : texts) {
    HeldOutChange change{text.name, static_cast<int64_t>(text.lines.size()), 0};
    for (const std::string& line : text.lines) {
      if (PiecesOf(full, line) != PiecesOf(*trimmed, line)) ++change.changed_lines;
    }
    changes.push_back(std::move(change));
  }
  return changes;
}

OrderedJson ToJson(const VocabularyReport& report) {
  OrderedJson json;
  json["languages"] = report.languages;
  json["scripts"] = report.scripts;
  json["pieces_before"] = report.pieces_before;
  json["pieces_after"] = report.pieces_after;
  json["bytes_saved"] = report.bytes_saved;
  if (report.held_out.empty()) return json;
  json["held_out"] = OrderedJson::array();
  for (const HeldOutChange& change : report.held_out) {
    const double share = change.lines == 0 ? 0.0
                                           : static_cast<double>(change.changed_lines) /
                                                 static_cast<double>(change.lines);
    json["held_out"].push_back(OrderedJson{{"text", change.name},
                                           {"lines", change.lines},
                                           {"changed_lines", change.changed_lines},
                                           {"changed_share", share}});
  }
  return json;
}

}  // namespace dragoman
