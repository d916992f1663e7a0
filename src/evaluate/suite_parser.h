// The formats of suite files, read into one form before any choice is made. Internal to the room:
// suite.h is the door. Input is hostile: sizes are capped, every error names file and line.
#ifndef DRAGOMAN_EVALUATE_SUITE_PARSER_H_
#define DRAGOMAN_EVALUATE_SUITE_PARSER_H_

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "evaluate/suite.h"

namespace dragoman {

inline constexpr std::string_view kWrittenSuiteSchema = "dragoman.test_suite/1";
// Of one source or reference: far beyond any context.
inline constexpr size_t kMaxTextBytes = size_t{1} << 20;
// Bounds memory; the largest public sets have 1e5 lines a pair.
inline constexpr size_t kMaxSuiteSamples = 4'000'000;

// A sentence in several languages, or an edge case for whatever target is asked.
struct SuiteEntry {
  std::string id, domain, source_lang, source;
  std::map<std::string, std::string> text;
  std::vector<std::string> keep;
  size_t line = 0;  // of the file; 0: not known
};

struct ParsedSuite {
  Suite suite;                           // whole samples
  std::vector<SuiteEntry> multilingual;  // to be made into samples for the languages asked
  std::vector<SuiteEntry> edges;
  std::vector<std::string> languages;  // of the multilingual entries, in the file's order
  std::vector<std::string> licenses;   // distinct, in order
};

// Adds the content of a file of JSON lines or in the written form. Errors: kCorruptFile,
// kUnsupported.
Result<void> ParseSuiteText(std::string_view text, const std::string& where, ParsedSuite& parsed);
// Letter case and '_' aside.
std::string LanguageKey(std::string_view code);

}  // namespace dragoman

#endif  // DRAGOMAN_EVALUATE_SUITE_PARSER_H_
