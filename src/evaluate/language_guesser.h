// Which language is a text in? Small models of characters, one a language, learned from the
// built-in suite: enough to tell French from Spanish, no download, a few milliseconds to build.
#ifndef DRAGOMAN_EVALUATE_LANGUAGE_GUESSER_H_
#define DRAGOMAN_EVALUATE_LANGUAGE_GUESSER_H_

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace dragoman {

// P(character | the three before it, inside a word), interpolated over shorter histories with the
// weights of Witten and Bell (1991): a history counts the less, the more different characters
// followed it.
class CharacterModel {
 public:
  void Learn(std::string_view text);
  // Natural logarithm of the probability of the words of `text`, letter case aside.
  double LogProbability(std::string_view text) const;

 private:
  static constexpr size_t kOrder = 4;
  struct History {
    uint32_t total = 0, kinds = 0;  // characters seen after it, and how many different ones
  };
  double Probability(std::u32string_view history, char32_t next) const;

  std::unordered_map<uint64_t, uint32_t> counts_;  // of history and next character, hashed
  std::unordered_map<uint64_t, History> histories_;
};

class LanguageGuesser {
 public:
  // Learned from data/suite/builtin.jsonl, once a process; knows nothing where that is missing.
  static const LanguageGuesser& BuiltIn();

  void Learn(const std::string& language, std::string_view text);
  // By the base of the code: "es" for "es-MX".
  bool Knows(std::string_view language) const;

  struct Guess {
    std::string language;  // the likeliest, "" when none is known
    double odds = 0;       // nats by which it beats the expected one; 0 when that is the likeliest
  };
  Guess Compare(std::string_view text, std::string_view expected) const;

 private:
  std::map<std::string, CharacterModel, std::less<>> models_;
};

// Is `text` in another language than `target_lang`, beyond doubt? Never for texts of few letters
// (kFewestLanguageLetters) or for languages that no model knows. docs/evaluation.md gives the
// measured error rates.
inline constexpr int64_t kFewestLanguageLetters = 20;
bool CanTellLanguage(std::string_view text, std::string_view target_lang);
bool InWrongLanguage(std::string_view text, std::string_view target_lang);

}  // namespace dragoman

#endif  // DRAGOMAN_EVALUATE_LANGUAGE_GUESSER_H_
