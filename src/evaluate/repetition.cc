// One stretch of a text over and over. Punctuation and capitals differ between one round and the
// next, so words are compared.
#include <algorithm>

#include "base/utf8.h"
#include "evaluate/checks.h"
#include "evaluate/metrics/unicode.h"
#include "evaluate/plain_words.h"

namespace dragoman {
namespace {

constexpr size_t kLongestUnit = 200;

// A Han character or a syllable says more than a letter, but a laugh may be long: 哈哈哈哈.
size_t WeightOf(std::u32string_view unit) {
  const bool alike =
      std::all_of(unit.begin(), unit.end(), [&](char32_t c) { return c == unit[0]; });
  size_t weight = 0;
  for (const char32_t c : unit) weight += c == U' ' ? 0 : (c >= 0x2e80 && !alike ? 2 : 1);
  return weight;
}

bool HasLetter(std::u32string_view unit) {
  return std::any_of(unit.begin(), unit.end(), IsUnicodeLetter);
}

// Does some unit, with or without letters, stand `times` times in a row, weighing so much in all?
bool HasLoop(std::u32string_view text, size_t times, size_t least_weight, bool with_letters) {
  for (size_t unit = 1; unit <= kLongestUnit && unit * times <= text.size(); ++unit) {
    size_t equal = 0;  // points that equal the one a unit before, in a row
    for (size_t i = unit; i < text.size(); ++i) {
      equal = text[i] == text[i - unit] ? equal + 1 : 0;
      const std::u32string_view last = text.substr(i + 1 - unit, unit);
      if (equal < unit * (times - 1) || HasLetter(last) != with_letters) continue;
      const size_t weight = with_letters ? WeightOf(last) : unit;
      if (weight * (equal + unit) / unit >= least_weight) return true;
    }
  }
  return false;
}

}  // namespace

bool RepeatsItself(std::string_view text) {
  constexpr size_t kTimes = 4;
  constexpr size_t kLeastWords = 12;  // letters: "ha ha ha ha" is still a laugh
  constexpr size_t kLeastMarks = 32;  // 1.000.000.000 is a number, ........ a line to fill in
  return HasLoop(WordsInLowerCase(text), kTimes, kLeastWords, true) ||
         HasLoop(ToUtf32(text), kTimes, kLeastMarks, false);
}

bool MayBeRepeated(std::string_view text) {
  constexpr size_t kTimes = 3;
  constexpr size_t kLeastWords = 6;
  constexpr size_t kLeastMarks = 12;
  return HasLoop(WordsInLowerCase(text), kTimes, kLeastWords, true) ||
         HasLoop(ToUtf32(text), kTimes, kLeastMarks, false);
}

}  // namespace dragoman
