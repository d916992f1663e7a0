// Reading and writing test suites. All formats become the same list of samples first; what is asked
// for is chosen after (suite_choice.h), so that the choice is the same for every format.
#include "evaluate/suite.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

#include "base/atomic_file.h"
#include "base/sha256.h"
#include "base/shared_data.h"
#include "evaluate/suite_choice.h"
#include "evaluate/suite_parser.h"

namespace dragoman {
namespace {

constexpr uint64_t kMaxSuiteBytes = uint64_t{1} << 30;

}  // namespace

Result<Suite> ParseSuite(std::string_view text, const std::string& where,
                         const SuiteOptions& options) {
  ParsedSuite parsed;
  DRAGOMAN_RETURN_IF_ERROR(ParseSuiteText(text, where, parsed));
  return FinishSuite(std::move(parsed), where, options);
}

Result<Suite> ReadSuite(const std::string& path, const SuiteOptions& options) {
  DRAGOMAN_ASSIGN_OR_RETURN(const std::string text, ReadFile(path, kMaxSuiteBytes));
  DRAGOMAN_ASSIGN_OR_RETURN(Suite suite, ParseSuite(text, path, options));
  if (suite.files.empty()) suite.files.push_back({path, Sha256Hex(text), text.size()});
  return suite;
}

Result<Suite> BuiltInSuite(const SuiteOptions& options) {
  ParsedSuite parsed;
  DRAGOMAN_ASSIGN_OR_RETURN(const std::string edges_path,
                            FindSharedData("data/suite/edge_cases.jsonl"));
  DRAGOMAN_ASSIGN_OR_RETURN(const std::string edges, ReadFile(edges_path, kMaxSuiteBytes));
  DRAGOMAN_RETURN_IF_ERROR(ParseSuiteText(edges, edges_path, parsed));
  DRAGOMAN_ASSIGN_OR_RETURN(const std::string path, FindSharedData("data/suite/builtin.jsonl"));
  DRAGOMAN_ASSIGN_OR_RETURN(const std::string text, ReadFile(path, kMaxSuiteBytes));
  DRAGOMAN_RETURN_IF_ERROR(ParseSuiteText(text, path, parsed));
  // An unknown language is the caller's mistake, and edge cases alone would hide it.
  for (const auto& code : options.target_langs) {
    if (std::none_of(parsed.languages.begin(), parsed.languages.end(),
                     [&](const auto& known) { return LanguageKey(known) == LanguageKey(code); })) {
      std::string known;
      for (const auto& language : parsed.languages) known += (known.empty() ? "" : ", ") + language;
      return Fail(ErrorCode::kInvalidArgument,
                  fmt::format("the built-in suite has {}; expected one of them, found \"{}\"",
                              known, code));
    }
  }
  // By their names in the release: the same suite everywhere.
  parsed.suite.files = {{"data/suite/edge_cases.jsonl", Sha256Hex(edges), edges.size()},
                        {"data/suite/builtin.jsonl", Sha256Hex(text), text.size()}};
  parsed.suite.origin = "built-in";
  parsed.suite.format = "built-in";
  return FinishSuite(std::move(parsed), path, options);
}

namespace {

OrderedJson SourceJson(const Suite& suite) {
  OrderedJson json;
  json["origin"] = suite.origin;
  json["files"] = OrderedJson::array();
  for (const SuiteFile& file : suite.files) {
    json["files"].push_back({{"path", file.path}, {"bytes", file.bytes}, {"sha256", file.sha256}});
  }
  json["duplicates_left_out"] = suite.duplicates;
  json["blanks_left_out"] = suite.blanks;
  json["alternatives_left_out"] = suite.alternatives;
  return json;
}

}  // namespace

Result<void> WriteSuite(const std::string& path, const Suite& suite) {
  OrderedJson json;
  json["schema"] = kWrittenSuiteSchema;
  json["name"] = suite.name;
  json["license"] = suite.license;
  json["format"] = suite.format;
  json["source"] = SourceJson(suite);
  json["hash"] = suite.hash;
  std::map<std::string, int64_t> pairs;
  int64_t edge_cases = 0;
  for (const auto& sample : suite.samples) {
    if (sample.is_edge_case()) {
      ++edge_cases;
    } else {
      ++pairs[sample.pair()];
    }
  }
  json["total_samples"] = suite.samples.size();
  json["edge_cases"] = edge_cases;
  json["language_pairs"] = pairs;
  json["samples"] = OrderedJson::array();
  for (const auto& sample : suite.samples) {
    OrderedJson one;
    one["id"] = sample.id;
    one["source_lang"] = sample.source_lang;
    one["target_lang"] = sample.target_lang;
    one["domain"] = sample.domain;
    one["source"] = sample.source;
    one["reference"] = sample.reference;
    if (!sample.keep.empty()) one["keep"] = sample.keep;
    json["samples"].push_back(std::move(one));
  }
  return WriteJsonFile(path, json);
}

}  // namespace dragoman
