#include "evaluate/suite_choice.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>
#include <utility>

#include "base/random.h"
#include "base/sha256.h"
#include "evaluate/metrics/white_space.h"
#include "text/languages.h"

namespace dragoman {
namespace {

using Direction = std::pair<std::string, std::string>;

// The sentence in that language; a bare "en" also finds the one "en-US" there is.
const std::string* TextIn(const SuiteEntry& entry, const std::string& code) {
  const std::string key = LanguageKey(code);
  const std::string* regional = nullptr;
  for (const auto& text : entry.text) {
    const std::string other = LanguageKey(text.first);
    if (other == key) return &text.second;
    if (other.rfind(key + "-", 0) == 0 && regional == nullptr) regional = &text.second;
  }
  return regional;
}

// "en-GB" is the source itself where English was asked for and the file has regions of it alone.
bool StandsIn(const ParsedSuite& parsed, const std::string& source, const std::string& code) {
  const auto is_source = [&](const std::string& other) {
    return LanguageKey(other) == LanguageKey(source);
  };
  return LanguageKey(code).rfind(LanguageKey(source) + "-", 0) == 0 &&
         std::none_of(parsed.languages.begin(), parsed.languages.end(), is_source);
}

// Without a choice of languages: is this one of the targets? Not what the prompt has no name for;
// the largest sets have many of those, and a run would end at the first.
bool IsTarget(const std::string& code, const std::string& source, const ParsedSuite& parsed,
              std::vector<std::string>& unknown) {
  if (LanguageKey(code) == LanguageKey(source) || StandsIn(parsed, source, code)) return false;
  if (FindLanguage(code)) return true;
  unknown.push_back(code);
  return false;
}

// The directions asked for. Of files that hold whole pairs the order of the file.
std::vector<Direction> Directions(const ParsedSuite& parsed, const SuiteOptions& options,
                                  std::vector<std::string>& unknown) {
  if (!options.pairs.empty()) return options.pairs;
  const std::string source = options.source_lang.empty() && !parsed.multilingual.empty()
                                 ? std::string("en")
                                 : options.source_lang;
  std::vector<Direction> directions;
  if (!options.target_langs.empty() && !source.empty()) {
    for (const auto& target : options.target_langs) directions.emplace_back(source, target);
    return directions;
  }
  std::set<std::string> wanted;
  for (const auto& target : options.target_langs) wanted.insert(LanguageKey(target));
  const auto is_wanted = [&](const std::string& target) {
    return wanted.empty() || wanted.count(LanguageKey(target)) != 0;
  };
  for (const auto& code : parsed.languages) {
    if (IsTarget(code, source, parsed, unknown)) directions.emplace_back(source, code);
  }
  std::set<std::string> known;
  for (const auto& [from, to] : directions) known.insert(LanguageKey(from + ">" + to));
  for (const auto& sample : parsed.suite.samples) {
    const bool from_source =
        options.source_lang.empty() || LanguageKey(sample.source_lang) == LanguageKey(source);
    if (!from_source || !is_wanted(sample.target_lang)) continue;
    if (known.insert(LanguageKey(sample.source_lang + ">" + sample.target_lang)).second)
      directions.emplace_back(sample.source_lang, sample.target_lang);
  }
  return directions;
}

void ExpandOne(const Direction& direction, const ParsedSuite& parsed, const SuiteOptions& options,
               std::vector<SuiteSample>& samples) {
  const auto& [from, to] = direction;
  for (const SuiteEntry& entry : parsed.multilingual) {
    const std::string* source = TextIn(entry, from);
    const std::string* reference = TextIn(entry, to);
    if (source == nullptr || reference == nullptr || source == reference) continue;
    samples.push_back(
        {entry.id, from, to, *source, *reference, entry.domain, entry.keep, false, entry.line});
  }
  if (!options.include_edge_cases && !options.add_builtin_edge_cases) return;
  for (const SuiteEntry& edge : parsed.edges) {
    if (LanguageKey(edge.source_lang) != LanguageKey(from)) continue;
    samples.push_back(
        {edge.id, from, to, edge.source, "", edge.domain, edge.keep, false, edge.line});
  }
}

// Samples of the languages asked: whole pairs in the file's order, the others pair by pair.
Result<std::vector<SuiteSample>> Expand(ParsedSuite& parsed, const SuiteOptions& options,
                                        const std::string& where) {
  const std::vector<Direction> directions =
      Directions(parsed, options, parsed.suite.unknown_languages);
  std::vector<SuiteSample> samples;
  std::set<Direction> wanted;
  for (const auto& [from, to] : directions) wanted.emplace(LanguageKey(from), LanguageKey(to));
  for (auto& sample : parsed.suite.samples) {
    if (wanted.count({LanguageKey(sample.source_lang), LanguageKey(sample.target_lang)}) == 0)
      continue;
    if (options.include_edge_cases || !sample.is_edge_case()) samples.push_back(std::move(sample));
  }
  for (const Direction& direction : directions) {
    if (samples.size() + parsed.multilingual.size() + parsed.edges.size() > kMaxSuiteSamples) {
      return Fail(ErrorCode::kInvalidArgument,
                  fmt::format("more than {} samples for {} directions", kMaxSuiteSamples,
                              directions.size()),
                  where);
    }
    if (LanguageKey(direction.first) == LanguageKey(direction.second)) {
      return Fail(ErrorCode::kInvalidArgument,
                  fmt::format("{} is both source and target", direction.second), where);
    }
    ExpandOne(direction, parsed, options, samples);
  }
  return samples;
}

// A sentence that stands twice in a pair would count twice.
int64_t DropDuplicates(std::vector<SuiteSample>& samples) {
  std::set<std::pair<std::string, std::string>> seen;
  const size_t before = samples.size();
  samples.erase(std::remove_if(samples.begin(), samples.end(),
                               [&](const SuiteSample& sample) {
                                 if (sample.is_edge_case()) return false;
                                 return !seen.emplace(LanguageKey(sample.pair()),
                                                      std::string(Strip(sample.source)))
                                             .second;
                               }),
                samples.end());
  return static_cast<int64_t>(before - samples.size());
}

// FNV-1a into the generator: the same sentence has the same rank in every pair and every file.
uint64_t RankOf(const SuiteSample& sample, uint64_t seed) {
  uint64_t hash = 0xcbf29ce484222325ull;
  for (const char c : sample.numbered ? sample.source : sample.id)
    hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ull;
  return Random(hash ^ (seed * 0x9e3779b97f4a7c15ull)).Next();
}

// `count` shared out over strata of the given sizes, in proportion, by largest remainders.
std::vector<size_t> Shares(const std::vector<size_t>& sizes, size_t count) {
  size_t total = 0;
  for (const size_t size : sizes) total += size;
  count = std::min(count, total);
  std::vector<size_t> shares, order;
  size_t given = 0;
  for (size_t i = 0; i < sizes.size(); ++i) {
    shares.push_back(sizes[i] * count / total);
    given += shares.back();
    order.push_back(i);
  }
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    return sizes[a] * count % total > sizes[b] * count % total;
  });
  for (size_t k = 0; given < count; ++k) {
    size_t& share = shares[order[k % order.size()]];
    if (share >= sizes[order[k % order.size()]]) continue;
    ++share;
    ++given;
  }
  return shares;
}

// Marks the chosen of one pair.
void ChooseOfPair(const std::vector<SuiteSample>& samples, const std::vector<size_t>& indices,
                  size_t count, uint64_t seed, std::vector<bool>& taken) {
  std::vector<std::vector<size_t>> strata;
  std::map<std::string, size_t> stratum_of;
  for (const size_t i : indices) {
    const auto found = stratum_of.emplace(samples[i].domain, strata.size()).first;
    if (found->second == strata.size()) strata.emplace_back();
    strata[found->second].push_back(i);
  }
  std::vector<size_t> sizes;
  for (const auto& stratum : strata) sizes.push_back(stratum.size());
  const std::vector<size_t> shares = Shares(sizes, count);
  for (size_t s = 0; s < strata.size(); ++s) {
    std::vector<std::pair<uint64_t, size_t>> ranked;
    for (const size_t i : strata[s]) ranked.emplace_back(RankOf(samples[i], seed), i);
    std::sort(ranked.begin(), ranked.end());
    for (size_t k = 0; k < shares[s]; ++k) taken[ranked[k].second] = true;
  }
}

std::string Listed(const std::set<std::string>& names) {
  constexpr size_t kMostNamed = 60;
  std::string list;
  size_t count = 0;
  for (const auto& name : names) {
    if (++count > kMostNamed) return list + fmt::format(", and {} more", names.size() - kMostNamed);
    list += (list.empty() ? "" : ", ") + name;
  }
  return list.empty() ? "nothing" : list;
}

// Every pair that was asked for by name has a sentence to score.
Result<void> CheckPairs(const Suite& suite, const SuiteOptions& options,
                        const std::set<std::string>& had, const std::string& where) {
  std::set<std::string> there;
  for (const auto& sample : suite.samples) {
    there.insert(LanguageKey(sample.pair()));
    there.insert("?-" + LanguageKey(sample.target_lang));
  }
  std::vector<std::pair<std::string, std::string>> asked;  // pair, as it is said
  for (const auto& [from, to] : options.pairs)
    asked.emplace_back(from + "-" + to, "of " + from + "-" + to);
  for (const auto& to : options.target_langs) {
    if (!options.pairs.empty()) continue;
    const std::string& from = options.source_lang;
    asked.emplace_back((from.empty() ? "?" : from) + "-" + to,
                       from.empty() ? "into " + to : "of " + from + "-" + to);
  }
  for (const auto& [pair, said] : asked) {
    if (there.count(LanguageKey(pair)) != 0) continue;
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("expected samples {}, found none; the file has: {}", said, Listed(had)),
                where);
  }
  if (!suite.samples.empty()) return {};
  return Fail(ErrorCode::kInvalidArgument,
              had.empty() ? "expected a sentence in two languages, found none"
                          : fmt::format("expected samples from {} (--from names another source), "
                                        "found none; the file has: {}",
                                        options.source_lang.empty() ? "en" : options.source_lang,
                                        Listed(had)),
              where);
}

Result<void> CheckIds(const std::vector<SuiteSample>& samples, const std::string& where) {
  std::map<std::pair<std::string, std::string>, size_t> ids;
  for (const auto& sample : samples) {
    const auto [first, fresh] = ids.emplace(std::pair(sample.pair(), sample.id), sample.line);
    if (fresh) continue;
    const std::string before = first->second > 0 ? fmt::format(" (line {})", first->second) : "";
    return Fail(ErrorCode::kCorruptFile,
                fmt::format("expected each id once in {}, found \"{}\" a second time{}",
                            sample.pair(), sample.id, before),
                sample.line > 0 ? fmt::format("{}: line {}", where, sample.line) : where);
  }
  return {};
}

}  // namespace

std::vector<SuiteSample> ChooseSamples(std::vector<SuiteSample> samples,
                                       const SuiteOptions& options) {
  if (options.samples_per_language <= 0 && options.samples_of_pair.empty()) return samples;
  std::map<std::string, std::vector<size_t>> of_pair;
  std::vector<bool> taken(samples.size(), false);
  for (size_t i = 0; i < samples.size(); ++i) {
    if (samples[i].is_edge_case()) {
      taken[i] = true;
    } else {
      of_pair[samples[i].pair()].push_back(i);
    }
  }
  for (const auto& [pair, indices] : of_pair) {
    const auto own = options.samples_of_pair.find(pair);
    const int64_t count =
        own == options.samples_of_pair.end() ? options.samples_per_language : own->second;
    ChooseOfPair(samples, indices, count <= 0 ? indices.size() : static_cast<size_t>(count),
                 options.seed, taken);
  }
  std::vector<SuiteSample> chosen;
  for (size_t i = 0; i < samples.size(); ++i) {
    if (taken[i]) chosen.push_back(std::move(samples[i]));
  }
  return chosen;
}

std::string HashOfSamples(const std::vector<SuiteSample>& samples) {
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

Result<Suite> FinishSuite(ParsedSuite parsed, const std::string& where,
                          const SuiteOptions& options) {
  std::set<std::string> had;
  for (const auto& sample : parsed.suite.samples) had.insert(sample.pair());
  for (const auto& code : parsed.languages) had.insert(code);
  DRAGOMAN_ASSIGN_OR_RETURN(std::vector<SuiteSample> samples, Expand(parsed, options, where));
  DRAGOMAN_RETURN_IF_ERROR(CheckIds(samples, where));
  Suite suite = std::move(parsed.suite);
  suite.duplicates += DropDuplicates(samples);
  suite.samples = ChooseSamples(std::move(samples), options);
  DRAGOMAN_RETURN_IF_ERROR(CheckPairs(suite, options, had, where));
  if (suite.name.empty()) suite.name = std::filesystem::path(where).stem().string();
  for (const auto& license : parsed.licenses)
    suite.license += (suite.license.empty() ? "" : "; ") + license;
  if (suite.origin.empty()) suite.origin = where;
  suite.hash = HashOfSamples(suite.samples);
  return suite;
}

}  // namespace dragoman
