// Reading of suite files; see the header. A file is JSON lines (one pair a line, or one sentence in
// several languages) or one JSON document.
#include "evaluate/suite_parser.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <optional>
#include <utility>

#include "evaluate/blank_text.h"
#include "evaluate/import/language_text.h"

namespace dragoman {
namespace {

constexpr size_t kMaxKeep = 1000;
constexpr size_t kMaxLanguages = 1000;
constexpr size_t kMaxNameBytes = 200;
constexpr size_t kMaxPathBytes = 4096;
constexpr size_t kMaxFiles = 2000;

constexpr std::string_view kMultilingualSchema = "dragoman.suite/1";
constexpr std::string_view kEdgeSchema = "dragoman.edge-cases/1";

Result<void> CheckNoNul(std::string_view value, const char* key, const std::string& where) {
  if (value.find('\0') == std::string_view::npos) return {};
  return Fail(ErrorCode::kCorruptFile, fmt::format("\"{}\": expected text, found a NUL", key),
              where);
}

Result<std::string> TextField(const Json& object, const char* key, size_t max_bytes,
                              const std::string& where, bool required = true) {
  const auto found = object.find(key);
  if (found == object.end() || found->is_null()) {
    if (!required) return std::string();
    return Fail(ErrorCode::kCorruptFile, fmt::format("expected a field \"{}\", found none", key),
                where);
  }
  if (!found->is_string()) {
    return Fail(ErrorCode::kCorruptFile,
                fmt::format("\"{}\": expected a string, found {}", key, found->type_name()), where);
  }
  const auto& value = found->get_ref<const std::string&>();
  if (value.size() > max_bytes) {
    return Fail(
        ErrorCode::kCorruptFile,
        fmt::format("\"{}\": expected at most {} bytes, found {}", key, max_bytes, value.size()),
        where);
  }
  DRAGOMAN_RETURN_IF_ERROR(CheckNoNul(value, key, where));
  return value;
}

// A language as the prompt spells it, whichever catalogue it comes from.
Result<std::string> LanguageField(const Json& object, const char* key, const std::string& where) {
  DRAGOMAN_ASSIGN_OR_RETURN(const std::string code, TextField(object, key, kMaxNameBytes, where));
  return KnownOrPromptCode(code);
}

Result<std::vector<std::string>> KeepField(const Json& object, const std::string& where) {
  std::vector<std::string> keep;
  const Json* holder = &object;
  if (const auto expect = object.find("expect"); expect != object.end() && expect->is_object())
    holder = &*expect;
  const auto found = holder->find("keep");
  if (found == holder->end()) return keep;
  if (!found->is_array() || found->size() > kMaxKeep) {
    return Fail(ErrorCode::kCorruptFile,
                fmt::format("\"keep\": expected a list of at most {} strings", kMaxKeep), where);
  }
  for (const Json& item : *found) {
    if (!item.is_string() || item.get_ref<const std::string&>().empty()) {
      return Fail(ErrorCode::kCorruptFile, "\"keep\": expected strings that are not empty", where);
    }
    keep.push_back(item.get<std::string>());
  }
  return keep;
}

// One source, one target: a line of plain JSONL or an element of the written form.
Result<SuiteSample> ParseSample(const Json& json, const std::string& where) {
  SuiteSample sample;
  DRAGOMAN_ASSIGN_OR_RETURN(sample.id, TextField(json, "id", kMaxNameBytes, where, false));
  DRAGOMAN_ASSIGN_OR_RETURN(sample.source_lang, LanguageField(json, "source_lang", where));
  DRAGOMAN_ASSIGN_OR_RETURN(sample.target_lang, LanguageField(json, "target_lang", where));
  DRAGOMAN_ASSIGN_OR_RETURN(sample.source, TextField(json, "source", kMaxTextBytes, where));
  DRAGOMAN_ASSIGN_OR_RETURN(sample.domain, TextField(json, "domain", kMaxNameBytes, where, false));
  DRAGOMAN_ASSIGN_OR_RETURN(
      sample.reference, TextField(json, "reference", kMaxTextBytes, where, !sample.is_edge_case()));
  DRAGOMAN_ASSIGN_OR_RETURN(sample.keep, KeepField(json, where));
  if (sample.source_lang.empty() || sample.target_lang.empty()) {
    return Fail(ErrorCode::kCorruptFile, "expected language codes, found an empty one", where);
  }
  if (!sample.is_edge_case() && (IsBlankText(sample.reference) || IsBlankText(sample.source))) {
    return Fail(ErrorCode::kCorruptFile, "expected a source and a reference, found an empty one",
                where);
  }
  return sample;
}

void NumberSample(size_t number, SuiteSample& sample) {
  if (!sample.id.empty()) return;
  sample.id = fmt::format("{:06}", number);
  sample.numbered = true;
}

// A line of WMT24++: lp "en-de_DE", source, target, document and segment. Lines that its makers
// marked as bad sources are left out.
Result<std::optional<SuiteSample>> ParseWmtLine(const Json& json, const std::string& where) {
  DRAGOMAN_ASSIGN_OR_RETURN(const std::string pair, TextField(json, "lp", kMaxNameBytes, where));
  const size_t dash = pair.find('-');
  if (dash == std::string::npos || dash == 0 || dash + 1 == pair.size()) {
    return Fail(ErrorCode::kCorruptFile,
                fmt::format("\"lp\": expected a pair such as en-de_DE, found \"{}\"", pair), where);
  }
  SuiteSample sample;
  sample.source_lang = KnownOrPromptCode(pair.substr(0, dash));
  std::string target = pair.substr(dash + 1);
  std::replace(target.begin(), target.end(), '_', '-');
  sample.target_lang = KnownOrPromptCode(target);
  DRAGOMAN_ASSIGN_OR_RETURN(sample.domain, TextField(json, "domain", kMaxNameBytes, where, false));
  DRAGOMAN_ASSIGN_OR_RETURN(sample.source, TextField(json, "source", kMaxTextBytes, where));
  DRAGOMAN_ASSIGN_OR_RETURN(sample.reference, TextField(json, "target", kMaxTextBytes, where));
  DRAGOMAN_ASSIGN_OR_RETURN(sample.id, TextField(json, "document_id", kMaxNameBytes, where, false));
  if (const auto segment = json.find("segment_id");
      segment != json.end() && segment->is_number_integer())
    sample.id += fmt::format("#{}", segment->get<int64_t>());
  const auto bad = json.find("is_bad_source");
  if (bad != json.end() && bad->is_boolean() && bad->get<bool>())
    return std::optional<SuiteSample>();
  if (IsBlankText(sample.source) || IsBlankText(sample.reference)) {
    return Fail(ErrorCode::kCorruptFile, "expected a source and a target, found an empty one",
                where);
  }
  return std::optional<SuiteSample>(std::move(sample));
}

Result<SuiteEntry> ParseEntry(const Json& json, const std::string& where) {
  SuiteEntry entry;
  DRAGOMAN_ASSIGN_OR_RETURN(entry.id, TextField(json, "id", kMaxNameBytes, where));
  DRAGOMAN_ASSIGN_OR_RETURN(entry.domain, TextField(json, "domain", kMaxNameBytes, where));
  DRAGOMAN_ASSIGN_OR_RETURN(entry.keep, KeepField(json, where));
  const Json& text = json["text"];
  if (text.is_string()) {
    DRAGOMAN_ASSIGN_OR_RETURN(entry.source, TextField(json, "text", kMaxTextBytes, where));
    DRAGOMAN_ASSIGN_OR_RETURN(entry.source_lang, LanguageField(json, "source_lang", where));
    return entry;
  }
  if (!text.is_object()) {
    return Fail(ErrorCode::kCorruptFile, "\"text\": expected a string or an object by language",
                where);
  }
  for (const auto& item : text.items()) {
    DRAGOMAN_ASSIGN_OR_RETURN(std::string line,
                              TextField(text, item.key().c_str(), kMaxTextBytes, where));
    if (IsBlankText(line)) {
      return Fail(ErrorCode::kCorruptFile, fmt::format("\"text\": empty in {}", item.key()), where);
    }
    entry.text.emplace(KnownOrPromptCode(item.key()), std::move(line));
  }
  return entry;
}

// A line of a translation set of Hugging Face's: {"translation": {"en": "...", "de": "..."}}. Null
// and blank texts are left out.
Result<SuiteEntry> ParseTranslation(const Json& json, size_t line, const std::string& where,
                                    Suite& suite) {
  SuiteEntry entry;
  entry.id = fmt::format("{:06}", line);
  if (const auto id = json.find("id"); id != json.end() && id->is_string())
    entry.id = FirstBytes(id->get_ref<const std::string&>(), kMaxNameBytes);
  entry.domain = "translation";
  for (const auto& item : json["translation"].items()) {
    DRAGOMAN_ASSIGN_OR_RETURN(std::string text, TextField(json["translation"], item.key().c_str(),
                                                          kMaxTextBytes, where, false));
    if (IsBlankText(text)) {
      ++suite.blanks;
    } else {
      entry.text.emplace(KnownOrPromptCode(item.key()), std::move(text));
    }
  }
  return entry;
}

bool IsTranslation(const Json& json) {
  const auto found = json.find("translation");
  return found != json.end() && found->is_object() && !json.contains("source_lang");
}

void NoteLicense(ParsedSuite& parsed, const std::string& license) {
  if (license.empty()) return;
  auto& seen = parsed.licenses;
  if (std::find(seen.begin(), seen.end(), license) == seen.end() && seen.size() < 100)
    seen.push_back(license);
}

Result<void> ParseHeader(const Json& json, ParsedSuite& parsed, const std::string& where) {
  const auto& schema = json["schema"];
  if (schema != kMultilingualSchema && schema != kEdgeSchema) {
    return Fail(
        ErrorCode::kUnsupported,
        fmt::format("expected schema \"{}\" or \"{}\", found {}", kMultilingualSchema, kEdgeSchema,
                    schema.dump(-1, ' ', true, Json::error_handler_t::replace)),
        where);
  }
  DRAGOMAN_ASSIGN_OR_RETURN(parsed.suite.name,
                            TextField(json, "name", kMaxNameBytes, where, false));
  DRAGOMAN_ASSIGN_OR_RETURN(const std::string license,
                            TextField(json, "license", 10000, where, false));
  NoteLicense(parsed, license);
  if (const auto languages = json.find("languages");
      languages != json.end() && languages->is_array()) {
    for (const Json& code : *languages) {
      if (code.is_string() && parsed.languages.size() < kMaxLanguages)
        parsed.languages.push_back(KnownOrPromptCode(code.get<std::string>()));
    }
  }
  return {};
}

Result<void> AddEntry(SuiteEntry entry, size_t line, ParsedSuite& parsed,
                      const std::string& where) {
  entry.line = line;
  for (const auto& text : entry.text) {
    auto& known = parsed.languages;
    if (std::find(known.begin(), known.end(), text.first) != known.end()) continue;
    if (known.size() >= kMaxLanguages) {
      return Fail(ErrorCode::kCorruptFile,
                  fmt::format("expected at most {} languages", kMaxLanguages), where);
    }
    known.push_back(text.first);
  }
  (entry.text.empty() ? parsed.edges : parsed.multilingual).push_back(std::move(entry));
  return {};
}

Result<void> ParseLine(const Json& json, size_t line, ParsedSuite& parsed,
                       const std::string& where) {
  if (!json.is_object()) {
    return Fail(ErrorCode::kCorruptFile,
                fmt::format("expected an object, found {}", json.type_name()), where);
  }
  if (json.contains("schema")) return ParseHeader(json, parsed, where);
  const size_t count =
      parsed.suite.samples.size() + parsed.multilingual.size() + parsed.edges.size();
  if (count >= kMaxSuiteSamples) {
    return Fail(ErrorCode::kCorruptFile,
                fmt::format("expected at most {} samples", kMaxSuiteSamples), where);
  }
  if (json.contains("text")) {
    DRAGOMAN_ASSIGN_OR_RETURN(SuiteEntry entry, ParseEntry(json, where));
    return AddEntry(std::move(entry), line, parsed, where);
  }
  if (IsTranslation(json)) {
    DRAGOMAN_ASSIGN_OR_RETURN(SuiteEntry entry, ParseTranslation(json, line, where, parsed.suite));
    if (entry.text.size() < 2) return {};
    return AddEntry(std::move(entry), line, parsed, where);
  }
  if (json.contains("lp")) {
    DRAGOMAN_ASSIGN_OR_RETURN(std::optional<SuiteSample> wmt, ParseWmtLine(json, where));
    if (!wmt.has_value()) return {};
    NumberSample(line, *wmt);
    wmt->line = line;
    parsed.suite.samples.push_back(std::move(*wmt));
    return {};
  }
  DRAGOMAN_ASSIGN_OR_RETURN(SuiteSample sample, ParseSample(json, where));
  NumberSample(line, sample);
  sample.line = line;
  DRAGOMAN_ASSIGN_OR_RETURN(const std::string license,
                            TextField(json, "license", 10000, where, false));
  NoteLicense(parsed, license);
  parsed.suite.samples.push_back(std::move(sample));
  return {};
}

Result<void> ParseLines(std::string_view text, const std::string& where, ParsedSuite& parsed) {
  size_t number = 0;
  while (!text.empty()) {
    const size_t end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    ++number;
    if (IsBlankText(line)) continue;
    const std::string here = fmt::format("{}: line {}", where, number);
    DRAGOMAN_ASSIGN_OR_RETURN(const Json json, ParseJson(line, here, 8));
    DRAGOMAN_RETURN_IF_ERROR(ParseLine(json, number, parsed, here));
  }
  return {};
}

// Where a written suite came from; suites of older versions do not say.
Result<void> ParseSource(const Json& json, const std::string& where, Suite& suite) {
  const auto source = json.find("source");
  if (source == json.end()) return {};
  const auto files = source->is_object() ? source->find("files") : source->end();
  if (!source->is_object() || files == source->end() || !files->is_array() ||
      files->size() > kMaxFiles) {
    return Fail(ErrorCode::kCorruptFile,
                fmt::format("\"source\": expected an object with at most {} files", kMaxFiles),
                where);
  }
  DRAGOMAN_ASSIGN_OR_RETURN(suite.origin,
                            TextField(*source, "origin", kMaxPathBytes, where, false));
  for (const Json& one : *files) {
    if (!one.is_object())
      return Fail(ErrorCode::kCorruptFile, "\"files\": expected objects", where);
    SuiteFile file;
    DRAGOMAN_ASSIGN_OR_RETURN(file.path, TextField(one, "path", kMaxPathBytes, where));
    DRAGOMAN_ASSIGN_OR_RETURN(file.sha256, TextField(one, "sha256", 64, where));
    if (const auto bytes = one.find("bytes"); bytes != one.end() && bytes->is_number_unsigned())
      file.bytes = bytes->get<uint64_t>();
    suite.files.push_back(std::move(file));
  }
  return {};
}

Result<void> ParseWritten(std::string_view text, const std::string& where, ParsedSuite& parsed) {
  DRAGOMAN_ASSIGN_OR_RETURN(const Json json, ParseJson(text, where, 8));
  if (!json.is_object() || json.value("schema", Json()) != kWrittenSuiteSchema) {
    return Fail(ErrorCode::kUnsupported,
                fmt::format("expected a JSON object with schema \"{}\"", kWrittenSuiteSchema),
                where);
  }
  DRAGOMAN_ASSIGN_OR_RETURN(parsed.suite.name,
                            TextField(json, "name", kMaxNameBytes, where, false));
  DRAGOMAN_ASSIGN_OR_RETURN(const std::string license,
                            TextField(json, "license", 100000, where, false));
  NoteLicense(parsed, license);
  DRAGOMAN_ASSIGN_OR_RETURN(parsed.suite.format,
                            TextField(json, "format", kMaxNameBytes, where, false));
  DRAGOMAN_RETURN_IF_ERROR(ParseSource(json, where, parsed.suite));
  const auto samples = json.find("samples");
  if (samples == json.end() || !samples->is_array() || samples->size() > kMaxSuiteSamples) {
    return Fail(ErrorCode::kCorruptFile,
                fmt::format("\"samples\": expected a list of at most {}", kMaxSuiteSamples), where);
  }
  for (size_t i = 0; i < samples->size(); ++i) {
    const std::string here = fmt::format("{}: sample {}", where, i);
    if (!(*samples)[i].is_object())
      return Fail(ErrorCode::kCorruptFile, "expected an object", here);
    DRAGOMAN_ASSIGN_OR_RETURN(SuiteSample sample, ParseSample((*samples)[i], here));
    NumberSample(i, sample);
    parsed.suite.samples.push_back(std::move(sample));
  }
  return {};
}

// A document's first line is a lone brace; a line of JSONL is a whole object.
bool IsWrittenForm(std::string_view text) {
  const std::string_view first = text.substr(0, text.find('\n'));
  const size_t begin = first.find_first_not_of(" \t\r");
  return begin != std::string_view::npos && IsBlankText(first.substr(begin + 1)) &&
         first[begin] == '{';
}

}  // namespace

std::string LanguageKey(std::string_view code) {
  std::string key;
  for (const char c : code)
    key += c == '_' ? '-' : static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return key;
}

Result<void> ParseSuiteText(std::string_view text, const std::string& where, ParsedSuite& parsed) {
  constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
  if (text.substr(0, kByteOrderMark.size()) == kByteOrderMark)
    text.remove_prefix(kByteOrderMark.size());
  if (parsed.suite.format.empty()) parsed.suite.format = "jsonl";
  return IsWrittenForm(text) ? ParseWritten(text, where, parsed) : ParseLines(text, where, parsed);
}

}  // namespace dragoman
