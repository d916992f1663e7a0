#include "quantize/calibration_set.h"

#include <algorithm>
#include <filesystem>
#include <set>
#include <utility>

#include "base/atomic_file.h"
#include "base/json.h"
#include "base/sha256.h"
#include "base/shared_data.h"

namespace dragoman {
namespace {

constexpr uint64_t kMaxSourcesBytes = uint64_t{256} << 20;
const char* const kDefaultTargets[] = {"zh", "es", "fr", "de", "ja", "ko", "ar", "hi", "ru"};

std::vector<std::string_view> SplitLines(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    lines.push_back(line);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

// The sentence in a JSONL line: its "text" or "source", a string or one by language; empty for a
// header line ("schema").
Result<std::string> SentenceOf(std::string_view line, const std::string& language,
                               const std::string& where) {
  DRAGOMAN_ASSIGN_OR_RETURN(const Json json, ParseJson(line, where));
  if (!json.is_object()) return Fail(ErrorCode::kCorruptFile, "expected a JSON object", where);
  if (json.contains("schema")) return std::string();
  for (const char* key : {"text", "source"}) {
    auto found = json.find(key);
    if (found == json.end()) continue;
    const Json value = found->is_object() ? found->value(language, Json()) : *found;
    if (value.is_string()) return value.get<std::string>();
  }
  return Fail(ErrorCode::kCorruptFile, "expected a string \"text\" or \"source\", found neither",
              where);
}

// What a file holds, by the end of its name.
enum class SourceFormat { kText, kTsv, kJsonl, kSuite };

SourceFormat FormatOf(const std::string& path) {
  const std::string extension = std::filesystem::path(path).extension().string();
  return extension == ".jsonl"  ? SourceFormat::kJsonl
         : extension == ".json" ? SourceFormat::kSuite
         : extension == ".tsv"  ? SourceFormat::kTsv
                                : SourceFormat::kText;
}

// A line each; of TSV the first column.
Result<std::vector<std::string>> ReadLines(const std::string& path, const std::string& text,
                                           SourceFormat format, const std::string& language) {
  std::vector<std::string> sentences;
  size_t number = 0;
  for (std::string_view line : SplitLines(text)) {
    ++number;
    if (format == SourceFormat::kTsv) line = line.substr(0, line.find('\t'));
    if (line.find_first_not_of(" \t") == std::string_view::npos) continue;
    std::string sentence(line);
    if (format == SourceFormat::kJsonl) {
      DRAGOMAN_ASSIGN_OR_RETURN(sentence,
                                SentenceOf(line, language, path + ":" + std::to_string(number)));
    }
    if (!sentence.empty()) sentences.push_back(std::move(sentence));
  }
  return sentences;
}

// The sources of a suite as `dragoman suite` writes it, each once (a suite has a sample a
// language).
Result<std::vector<std::string>> ReadSuiteSources(const std::string& path,
                                                  const std::string& text) {
  DRAGOMAN_ASSIGN_OR_RETURN(const Json json, ParseJson(text, path));
  const auto samples = json.is_object() ? json.find("samples") : json.end();
  if (samples == json.end() || !samples->is_array()) {
    return Fail(ErrorCode::kCorruptFile, "expected a suite with \"samples\", found none", path);
  }
  std::vector<std::string> sentences;
  std::set<std::string> seen;
  for (const Json& sample : *samples) {
    const auto source = sample.is_object() ? sample.find("source") : sample.end();
    if (source == sample.end() || !source->is_string()) {
      return Fail(ErrorCode::kCorruptFile, "expected samples with a string \"source\"", path);
    }
    const auto sentence = source->get<std::string>();
    if (!sentence.empty() && seen.insert(sentence).second) sentences.push_back(sentence);
  }
  return sentences;
}

Result<std::vector<std::string>> ReadSentences(const std::string& path, const std::string& text,
                                               const std::string& language) {
  const SourceFormat format = FormatOf(path);
  DRAGOMAN_ASSIGN_OR_RETURN(auto sentences, format == SourceFormat::kSuite
                                                ? ReadSuiteSources(path, text)
                                                : ReadLines(path, text, format, language));
  if (sentences.empty()) return Fail(ErrorCode::kInvalidArgument, "no sentence in the file", path);
  return sentences;
}

// `count` of them, evenly spread; all when count is 0 or more than there are.
std::vector<std::string> Thin(std::vector<std::string> sentences, int64_t count) {
  const size_t wanted = static_cast<size_t>(std::max<int64_t>(count, 0));
  if (wanted == 0 || wanted >= sentences.size()) return sentences;
  std::vector<std::string> kept;
  for (size_t i = 0; i < wanted; ++i) kept.push_back(sentences[i * sentences.size() / wanted]);
  return kept;
}

}  // namespace

Result<CalibrationSet> LoadCalibrationSet(const CalibrationOptions& options) {
  std::string path = options.sources_path;
  if (path.empty()) {
    DRAGOMAN_ASSIGN_OR_RETURN(path, FindSharedData("data/calibration/sources.jsonl"));
  }
  DRAGOMAN_ASSIGN_OR_RETURN(const std::string text, ReadFile(path, kMaxSourcesBytes));
  DRAGOMAN_ASSIGN_OR_RETURN(const Language source, FindLanguage(options.source_language));
  DRAGOMAN_ASSIGN_OR_RETURN(auto sentences, ReadSentences(path, text, source.code));
  std::vector<Language> targets;
  std::vector<std::string> codes = options.target_languages;
  if (codes.empty()) codes.assign(std::begin(kDefaultTargets), std::end(kDefaultTargets));
  for (const auto& code : codes) {
    DRAGOMAN_ASSIGN_OR_RETURN(Language target, FindLanguage(code));
    if (target.code != source.code) targets.push_back(std::move(target));
  }
  if (targets.empty()) {
    return Fail(ErrorCode::kInvalidArgument,
                "no target language other than the source " + source.code);
  }
  CalibrationSet set;
  set.name = std::filesystem::path(path).filename().string();
  Sha256 hash;
  hash.Update(text);
  hash.Update("|" + source.code + "|" + std::to_string(options.max_sentences));
  if (options.targets_per_sentence != 1) {
    hash.Update("|each " + std::to_string(options.targets_per_sentence));
  }
  for (const auto& target : targets) hash.Update("|" + target.code);
  set.hash = hash.HexDigest();
  size_t index = 0;
  for (const auto& sentence : Thin(std::move(sentences), options.max_sentences)) {
    const size_t each =
        options.targets_per_sentence == 0
            ? targets.size()
            : std::min(static_cast<size_t>(options.targets_per_sentence), targets.size());
    for (size_t k = 0; k < each; ++k) {
      set.requests.push_back({sentence, source, targets[(index + k) % targets.size()]});
    }
    ++index;
  }
  return set;
}

}  // namespace dragoman
