#include "evaluate/language_guesser.h"

#include <algorithm>
#include <cmath>

#include "base/log.h"
#include "base/utf8.h"
#include "evaluate/metrics/unicode.h"
#include "evaluate/metrics/white_space.h"
#include "evaluate/suite.h"
#include "text/language_scripts.h"

namespace dragoman {
namespace {

// A probability for characters never seen: the same in every language, so that it decides nothing.
constexpr double kUnseen = 1.0 / 2000;
// The other language has to be e^8, about 3,000 times, likelier.
constexpr double kSureNats = 8;

uint64_t HashOf(std::u32string_view points) {
  uint64_t hash = 0xcbf29ce484222325ull + points.size();
  for (const char32_t point : points) hash = (hash ^ point) * 0x100000001b3ull;
  return hash ^ (hash >> 29);
}

// Letters in lower case, everything else as one space; with a space in front and behind.
std::u32string WordsOnly(std::string_view text) {
  std::u32string words = U" ";
  for (const char32_t point : ToUtf32(LowerCase(text))) {
    if (IsUnicodeLetterOrMark(point)) {
      words += point;
    } else if (words.back() != U' ') {
      words += U' ';
    }
  }
  if (words.back() != U' ') words += U' ';
  return words;
}

std::string_view BaseOf(std::string_view code) { return code.substr(0, code.find_first_of("-_")); }

int64_t CountLetters(std::string_view text) {
  int64_t letters = 0;
  for (const char32_t point : ToUtf32(text)) {
    // A Han character or a syllable says as much as three letters.
    letters += IsUnicodeLetterOrMark(point) ? (point >= 0x2e80 ? 3 : 1) : 0;
  }
  return letters;
}

LanguageGuesser LearnFromSuite() {
  LanguageGuesser guesser;
  SuiteOptions options;
  options.include_edge_cases = false;
  const auto suite = BuiltInSuite(options);
  if (!suite) {
    LogWarning("no check of the language: {}", ToString(suite.error()));
    return guesser;
  }
  std::string first;
  for (const SuiteSample& sample : suite->samples) {
    if (first.empty()) first = sample.target_lang;
    if (sample.target_lang == first) guesser.Learn(sample.source_lang, sample.source);
    guesser.Learn(sample.target_lang, sample.reference);
  }
  return guesser;
}

}  // namespace

void CharacterModel::Learn(std::string_view text) {
  const std::u32string words = WordsOnly(text);
  for (size_t i = 1; i < words.size(); ++i) {
    for (size_t length = 0; length < kOrder && length <= i; ++length) {
      const std::u32string_view history = std::u32string_view(words).substr(i - length, length);
      const uint64_t key = HashOf(std::u32string_view(words).substr(i - length, length + 1));
      History& seen = histories_[HashOf(history)];
      ++seen.total;
      if (++counts_[key] == 1) ++seen.kinds;
      // Words stand alone: what came before the space says nothing about what follows it.
      if (length > 0 && history.front() == U' ') break;
    }
  }
}

double CharacterModel::Probability(std::u32string_view history, char32_t next) const {
  double probability = kUnseen;
  std::u32string gram;
  for (size_t length = 0; length <= history.size(); ++length) {
    const std::u32string_view tail = history.substr(history.size() - length);
    const auto seen = histories_.find(HashOf(tail));
    if (seen == histories_.end()) break;
    gram.assign(tail);
    gram += next;
    const auto found = counts_.find(HashOf(gram));
    const double count = found == counts_.end() ? 0 : found->second;
    const double kinds = seen->second.kinds;
    probability = (count + kinds * probability) / (seen->second.total + kinds);
  }
  return probability;
}

double CharacterModel::LogProbability(std::string_view text) const {
  const std::u32string words = WordsOnly(text);
  double sum = 0;
  for (size_t i = 1; i < words.size(); ++i) {
    size_t length = std::min(i, kOrder - 1);
    const std::u32string_view before = std::u32string_view(words).substr(i - length, length);
    if (const size_t space = before.find_last_of(U' '); space != std::u32string_view::npos)
      length -= space;
    sum += std::log(Probability(std::u32string_view(words).substr(i - length, length), words[i]));
  }
  return sum;
}

void LanguageGuesser::Learn(const std::string& language, std::string_view text) {
  models_[std::string(BaseOf(language))].Learn(text);
}

bool LanguageGuesser::Knows(std::string_view language) const {
  return models_.find(BaseOf(language)) != models_.end();
}

LanguageGuesser::Guess LanguageGuesser::Compare(std::string_view text,
                                                std::string_view expected) const {
  Guess guess;
  double best = 0, own = 0;
  for (const auto& [language, model] : models_) {
    const double score = model.LogProbability(text);
    if (guess.language.empty() || score > best) {
      best = score;
      guess.language = language;
    }
    if (language == BaseOf(expected)) own = score;
  }
  if (Knows(expected)) guess.odds = best - own;
  return guess;
}

const LanguageGuesser& LanguageGuesser::BuiltIn() {
  static const LanguageGuesser guesser = LearnFromSuite();
  return guesser;
}

bool CanTellLanguage(std::string_view text, std::string_view target_lang) {
  // "zh-Latn" is not what the model of Chinese was learned from.
  if (ScriptsOfLanguage(target_lang) != ScriptsOfLanguage(BaseOf(target_lang))) return false;
  return CountLetters(text) >= kFewestLanguageLetters &&
         LanguageGuesser::BuiltIn().Knows(target_lang);
}

bool InWrongLanguage(std::string_view text, std::string_view target_lang) {
  if (!CanTellLanguage(text, target_lang)) return false;
  return LanguageGuesser::BuiltIn().Compare(text, target_lang).odds > kSureNats;
}

}  // namespace dragoman
