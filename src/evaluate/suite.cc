// Reading, choosing and writing test suites. All three formats become the same list of samples
// first; the choice of languages and the seeded sampling come after, so that they are the same for
// every format.
#include "evaluate/suite.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>
#include <utility>

#include "base/atomic_file.h"
#include "base/random.h"
#include "base/sha256.h"
#include "base/shared_data.h"
#include "evaluate/suite_parser.h"

namespace dragoman {
namespace {

constexpr uint64_t kMaxSuiteBytes = uint64_t{1} << 30;

// The targets asked for, or every language a file with `text` by language has besides the source.
std::vector<std::string> Targets(const ParsedSuite& parsed, const SuiteOptions& options) {
  if (!options.target_langs.empty()) return options.target_langs;
  std::vector<std::string> targets;
  for (const auto& code : parsed.languages) {
    if (LanguageKey(code) != LanguageKey(options.source_lang)) targets.push_back(code);
  }
  std::set<std::string> known(targets.begin(), targets.end());
  const std::string source = LanguageKey(options.source_lang);
  for (const auto& sample : parsed.suite.samples) {
    if (!source.empty() && LanguageKey(sample.source_lang) != source) continue;
    if (known.insert(sample.target_lang).second) targets.push_back(sample.target_lang);
  }
  return targets;
}

const std::string* TextIn(const SuiteEntry& entry, const std::string& code) {
  for (const auto& text : entry.text) {
    if (LanguageKey(text.first) == LanguageKey(code)) return &text.second;
  }
  return nullptr;
}

// Samples of the languages asked, pair by pair.
Result<std::vector<SuiteSample>> Expand(ParsedSuite& parsed, const SuiteOptions& options,
                                        const std::string& where) {
  const std::string source = options.source_lang;
  if (source.empty() && !parsed.multilingual.empty()) {
    return Fail(ErrorCode::kInvalidArgument, "a suite in several languages needs a source language",
                where);
  }
  const std::vector<std::string> targets = Targets(parsed, options);
  std::vector<SuiteSample> samples;
  std::set<std::string> wanted;
  for (const auto& target : targets) wanted.insert(LanguageKey(target));
  for (auto& sample : parsed.suite.samples) {
    if (!source.empty() && LanguageKey(sample.source_lang) != LanguageKey(source)) continue;
    if (wanted.count(LanguageKey(sample.target_lang)) == 0) continue;
    if (options.include_edge_cases || !sample.is_edge_case()) samples.push_back(std::move(sample));
  }
  for (const auto& target : targets) {
    if (samples.size() + parsed.multilingual.size() + parsed.edges.size() > kMaxSuiteSamples) {
      return Fail(
          ErrorCode::kInvalidArgument,
          fmt::format("more than {} samples for {} languages", kMaxSuiteSamples, targets.size()),
          where);
    }
    if (LanguageKey(target) == LanguageKey(source)) {
      return Fail(ErrorCode::kInvalidArgument, fmt::format("{} is both source and target", target),
                  where);
    }
    for (const SuiteEntry& entry : parsed.multilingual) {
      const std::string* from = TextIn(entry, source);
      const std::string* to = TextIn(entry, target);
      if (from == nullptr || to == nullptr) continue;
      samples.push_back({entry.id, source, target, *from, *to, entry.domain, entry.keep});
    }
    if (!options.include_edge_cases) continue;
    for (const SuiteEntry& edge : parsed.edges) {
      if (LanguageKey(edge.source_lang) != LanguageKey(source)) continue;
      samples.push_back({edge.id, source, target, edge.source, "", edge.domain, edge.keep});
    }
  }
  return samples;
}

// A seeded choice of `count` sentences a pair, in the file's order; the same sentences for pairs of
// equal length. Edge cases all stay.
std::vector<SuiteSample> Choose(std::vector<SuiteSample> samples, const SuiteOptions& options) {
  if (options.samples_per_language <= 0) return samples;
  std::map<std::string, std::vector<size_t>> of_pair;
  std::vector<bool> taken(samples.size(), false);
  for (size_t i = 0; i < samples.size(); ++i) {
    if (samples[i].is_edge_case()) {
      taken[i] = true;
    } else {
      of_pair[samples[i].pair()].push_back(i);
    }
  }
  for (auto& [pair, indices] : of_pair) {
    Random random(options.seed);
    const size_t count =
        std::min(indices.size(), static_cast<size_t>(options.samples_per_language));
    for (size_t i = 0; i < count; ++i) {
      std::swap(indices[i], indices[i + random.Below(indices.size() - i)]);
      taken[indices[i]] = true;
    }
  }
  std::vector<SuiteSample> chosen;
  for (size_t i = 0; i < samples.size(); ++i) {
    if (taken[i]) chosen.push_back(std::move(samples[i]));
  }
  return chosen;
}

std::string HashOf(const std::vector<SuiteSample>& samples) {
  Sha256 hash;
  const auto add = [&hash](const std::string& field) {
    hash.Update(fmt::format("{}:", field.size()));  // lengths keep neighbouring fields apart
    hash.Update(field);
  };
  for (const auto& sample : samples) {
    for (const std::string* field : {&sample.id, &sample.source_lang, &sample.target_lang,
                                     &sample.source, &sample.reference, &sample.domain}) {
      add(*field);
    }
    for (const auto& item : sample.keep) add(item);
    hash.Update("\n");
  }
  return hash.HexDigest();
}

Result<Suite> Finish(ParsedSuite parsed, const std::string& where, const SuiteOptions& options) {
  std::set<std::string> had;
  for (const auto& sample : parsed.suite.samples) {
    if (had.size() < 50) had.insert(sample.pair());
  }
  for (const auto& code : parsed.languages) had.insert(code);
  DRAGOMAN_ASSIGN_OR_RETURN(std::vector<SuiteSample> samples, Expand(parsed, options, where));
  Suite suite = std::move(parsed.suite);
  suite.samples = Choose(std::move(samples), options);
  if (suite.samples.empty()) {
    std::string list;
    for (const auto& name : had) list += (list.empty() ? "" : ", ") + name;
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("no sample from {} to the languages asked; the file has: {}",
                            options.source_lang.empty() ? "any language" : options.source_lang,
                            list.empty() ? "nothing" : list),
                where);
  }
  std::set<std::pair<std::string, std::string>> ids;
  for (const auto& sample : suite.samples) {
    if (!ids.emplace(sample.pair(), sample.id).second) {
      return Fail(ErrorCode::kCorruptFile,
                  fmt::format("sample {} of {} occurs twice", sample.id, sample.pair()), where);
    }
  }
  if (suite.name.empty()) suite.name = std::filesystem::path(where).stem().string();
  for (const auto& license : parsed.licenses)
    suite.license += (suite.license.empty() ? "" : "; ") + license;
  suite.origin = where;
  suite.hash = HashOf(suite.samples);
  return suite;
}

}  // namespace

Result<Suite> ParseSuite(std::string_view text, const std::string& where,
                         const SuiteOptions& options) {
  ParsedSuite parsed;
  DRAGOMAN_RETURN_IF_ERROR(ParseSuiteText(text, where, parsed));
  return Finish(std::move(parsed), where, options);
}

Result<Suite> ReadSuite(const std::string& path, const SuiteOptions& options) {
  DRAGOMAN_ASSIGN_OR_RETURN(const std::string text, ReadFile(path, kMaxSuiteBytes));
  return ParseSuite(text, path, options);
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
  return Finish(std::move(parsed), path, options);
}

Result<void> WriteSuite(const std::string& path, const Suite& suite) {
  OrderedJson json;
  json["schema"] = kWrittenSuiteSchema;
  json["name"] = suite.name;
  json["license"] = suite.license;
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
