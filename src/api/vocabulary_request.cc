#include "api/vocabulary_request.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>
#include <set>
#include <string_view>
#include <utility>

#include "base/atomic_file.h"
#include "evaluate/suite.h"

namespace dragoman::api {
namespace {

constexpr uint64_t kMaxCorpusBytes = uint64_t{256} << 20;

std::string BaseLanguage(const std::string& code) { return code.substr(0, code.find('-')); }

std::vector<std::string> LinesOf(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    if (end > 0) lines.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

// The built-in suite's sentences in a language: none where it has no such language.
Result<HeldOutText> SuiteText(const Language& language) {
  dragoman::SuiteOptions options;
  options.include_edge_cases = false;
  DRAGOMAN_ASSIGN_OR_RETURN(const Suite suite, BuiltInSuite(options));
  const std::string base = BaseLanguage(language.code);
  std::set<std::string> sentences;
  for (const SuiteSample& sample : suite.samples) {
    if (BaseLanguage(sample.source_lang) == base) sentences.insert(sample.source);
    if (BaseLanguage(sample.target_lang) == base) sentences.insert(sample.reference);
  }
  return HeldOutText{language.code, {sentences.begin(), sentences.end()}};
}

Result<void> AddCorpus(const std::string& path, VocabularyOptions& options) {
  DRAGOMAN_ASSIGN_OR_RETURN(std::string text, ReadFile(path, kMaxCorpusBytes));
  options.held_out.push_back({std::filesystem::path(path).filename().string(), LinesOf(text)});
  options.corpus.push_back(std::move(text));
  return {};
}

}  // namespace

Result<std::optional<VocabularyOptions>> ReadVocabularyRequest(
    const std::vector<std::string>& languages, const std::vector<std::string>& corpus_files) {
  if (languages.empty()) {
    if (corpus_files.empty()) return std::nullopt;
    return Fail(ErrorCode::kInvalidArgument,
                "a corpus adds to the languages to keep: expected --languages with it");
  }
  VocabularyOptions options;
  for (const std::string& code : languages) {
    DRAGOMAN_ASSIGN_OR_RETURN(Language language, FindLanguage(code));
    DRAGOMAN_ASSIGN_OR_RETURN(HeldOutText text, SuiteText(language));
    if (!text.lines.empty()) options.held_out.push_back(std::move(text));
    options.languages.push_back(std::move(language));
  }
  for (const std::string& file : corpus_files) DRAGOMAN_RETURN_IF_ERROR(AddCorpus(file, options));
  return options;
}

std::string DescribeVocabulary(const VocabularyReport& report) {
  std::string text =
      fmt::format("vocabulary of {}: {} of {} pieces ({}), {} bytes saved\n",
                  fmt::join(report.languages, ", "), report.pieces_after, report.pieces_before,
                  fmt::join(report.scripts, ", "), report.bytes_saved);
  for (const HeldOutChange& change : report.held_out) {
    text += fmt::format("  {}: {} of {} lines tokenize differently{}\n", change.name,
                        change.changed_lines, change.lines,
                        change.changed_lines == 0
                            ? ""
                            : "; they hold characters of other scripts, which --corpus keeps");
  }
  return text;
}

}  // namespace dragoman::api
