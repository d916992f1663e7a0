// Test suites: sentence pairs with their origin and licence, and edge cases.
#ifndef DRAGOMAN_EVALUATE_SUITE_H_
#define DRAGOMAN_EVALUATE_SUITE_H_

#include <cstdint>
#include <string>
#include <string_view>
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
  bool is_edge_case() const { return domain.rfind("edge:", 0) == 0; }
  std::string pair() const { return source_lang + "-" + target_lang; }
};

struct Suite {
  std::string name;
  std::string license;
  std::string origin;  // where it was read from
  std::string hash;    // SHA-256 over the samples
  std::vector<SuiteSample> samples;
};

struct SuiteOptions {
  std::string source_lang = "en";
  std::vector<std::string> target_langs;  // empty: every one the source has
  int64_t samples_per_language = 0;       // 0: all; else a seeded choice
  uint64_t seed = 12345;
  bool include_edge_cases = true;
};

// The suite that ships (data/suite/): 60 sentences in ten languages, any pair with English on one
// side, edge cases.
Result<Suite> BuiltInSuite(const SuiteOptions& options);
// JSONL (source_lang, target_lang, source, reference, domain, license; optional id, keep), the
// built-in suite's own JSONL (a header line, then `text` by language), or the JSON that WriteSuite
// wrote. Languages are compared without letter case; an empty options.source_lang takes every
// source. Samples keep the file's order. Errors: kCorruptFile with file and line; kInvalidArgument
// when no sample is left for what was asked.
Result<Suite> ReadSuite(const std::string& path, const SuiteOptions& options);
Result<Suite> ParseSuite(std::string_view text, const std::string& where,
                         const SuiteOptions& options);
// eval/translate_gemma_test_suite.json
Result<void> WriteSuite(const std::string& path, const Suite& suite);

}  // namespace dragoman

#endif  // DRAGOMAN_EVALUATE_SUITE_H_
