// Test suites: sentence pairs with their origin and licence, and edge cases.
#ifndef DRAGOMAN_EVALUATE_SUITE_H_
#define DRAGOMAN_EVALUATE_SUITE_H_

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json.h"
#include "dragoman/result.h"

namespace dragoman {

struct SuiteSample {
  std::string id;
  std::string source_lang;
  std::string target_lang;
  std::string source;
  std::string reference;          // empty for an edge case without one
  std::string domain;             // "everyday", "news", "edge:url"
  std::vector<std::string> keep;  // stretches that must stand unchanged in the translation
  bool numbered = false;          // the id is only the sample's place in its file
  size_t line = 0;                // of that file; 0: not known
  bool is_edge_case() const { return domain.rfind("edge:", 0) == 0; }
  std::string pair() const { return source_lang + "-" + target_lang; }
};

struct SuiteFile {
  std::string path, sha256;
  uint64_t bytes = 0;
};

struct Suite {
  std::string name;
  std::string license;
  std::string origin;            // where it was read from
  std::string format;            // "flores", "tmx", "jsonl", ...; see suite_import.h
  std::vector<SuiteFile> files;  // that the sentences came from
  std::string hash;              // SHA-256 over the samples
  int64_t duplicates = 0;        // samples left out: the pair had the source already
  int64_t blanks = 0;            // lines left out: empty in one of the languages
  int64_t alternatives = 0;      // texts left out: another of that segment and language came first
  std::vector<std::string> unknown_languages;  // left out: the prompt has no name for them
  std::vector<SuiteSample> samples;
};

struct SuiteOptions {
  // Empty: whole pairs with any source; sentences in several languages from English.
  std::string source_lang = "en";
  std::vector<std::string> target_langs;  // empty: every one the source has and the prompt knows
  // Directions in the order wanted, "de", "fr"; instead of the two fields above.
  std::vector<std::pair<std::string, std::string>> pairs;
  int64_t samples_per_language = 0;                // 0: all; else a seeded choice
  std::map<std::string, int64_t> samples_of_pair;  // the same for single pairs, "en-de"
  uint64_t seed = 12345;
  bool include_edge_cases = true;       // those of the file itself
  bool add_builtin_edge_cases = false;  // and those that ship, for every pair with their source
};

// The suite that ships (data/suite/): 60 sentences in ten languages, any pair with English on one
// side, edge cases.
Result<Suite> BuiltInSuite(const SuiteOptions& options);
// JSONL (source_lang, target_lang, source, reference, domain, license; optional id, keep; or
// WMT24++'s lp, source, target), the built-in suite's own JSONL (a header line, then `text` by
// language), or the JSON that WriteSuite wrote. Languages are compared without letter case. Within
// a pair, a source that occurs again is dropped. Samples keep the file's order. Errors:
// kCorruptFile with file and line; kInvalidArgument when a pair asked for has no sample.
Result<Suite> ReadSuite(const std::string& path, const SuiteOptions& options);
Result<Suite> ParseSuite(std::string_view text, const std::string& where,
                         const SuiteOptions& options);
// The seeded choice by itself: of every pair so many as the options say, spread over the domains as
// the pair's own sentences are, in the given order. A sentence's rank depends on seed and sentence
// alone: pairs of a parallel set get the same sentences, and a larger choice contains the smaller
// one but for the rounding of the domains' shares. Edge cases all stay.
std::vector<SuiteSample> ChooseSamples(std::vector<SuiteSample> samples,
                                       const SuiteOptions& options);
// eval/translate_gemma_test_suite.json
Result<void> WriteSuite(const std::string& path, const Suite& suite);

}  // namespace dragoman

#endif  // DRAGOMAN_EVALUATE_SUITE_H_
