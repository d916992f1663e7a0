#include "evaluate/checks.h"

#include <algorithm>
#include <optional>
#include <set>
#include <vector>

#include "base/utf8.h"
#include "evaluate/balance.h"
#include "evaluate/blank_text.h"
#include "evaluate/kept_items.h"
#include "evaluate/language_guesser.h"
#include "evaluate/metrics/unicode.h"
#include "evaluate/metrics/white_space.h"
#include "text/language_scripts.h"
#include "text/languages.h"
#include "text/protected_spans.h"
#include "text/scripts.h"

namespace dragoman {
namespace {

// The scripts of a language of the prompt; nothing for one that it does not know. Korean is
// Hangul: Han letters alone would be Chinese.
std::optional<ScriptSet> ScriptsOf(std::string_view code) {
  const auto language = FindLanguage(code);
  if (!language) return std::nullopt;
  std::vector<std::string> scripts = ScriptsOfLanguage(language->code);
  if (language->code.substr(0, language->code.find('-')) == "ko") scripts = {"Hang"};
  const auto set = ScriptSet::Of(scripts);
  return set ? std::optional<ScriptSet>(*set) : std::nullopt;
}

bool IsKana(char32_t c) { return c >= 0x3041 && c <= 0x30ff; }

bool IsAddress(std::string_view word) {
  const size_t at = word.find('@');
  if (at != std::string_view::npos && at > 0 && word.find('.', at) != std::string_view::npos)
    return true;
  return word.find("://") != std::string_view::npos || word.rfind("www.", 0) == 0;
}

std::vector<std::string_view> Words(std::string_view text) {
  std::vector<std::string_view> words;
  SplitWhiteSpace(text, words);
  return words;
}

std::string_view TrimMarks(std::string_view word) {
  constexpr std::string_view kMarks = ".,;:!?\"'()[]<>";
  const size_t begin = word.find_first_not_of(kMarks);
  if (begin == std::string_view::npos) return {};
  return word.substr(begin, word.find_last_not_of(kMarks) - begin + 1);
}

// Letters and digits alone, in lower case: what a text says, however it is set.
std::string BareText(std::string_view text) {
  std::string bare;
  for (const char32_t c : ToUtf32(LowerCase(text))) {
    const UnicodeKind kind = UnicodeKinds()[c];
    if (kind == UnicodeKind::kLetter || kind == UnicodeKind::kMark || kind == UnicodeKind::kNumber)
      AppendUtf8(c, bare);
  }
  return bare;
}

struct WordCount {
  int64_t words = 0;  // of letters; scripts without spaces count by characters
  int64_t plain = 0;  // of these, not written as a name is
};

WordCount CountWords(std::string_view text) {
  WordCount count;
  for (const std::string_view word : Words(text)) {
    const std::u32string points = ToUtf32(TrimMarks(word));
    int64_t letters = 0, han = 0, unspaced = 0;
    for (const char32_t c : points) {
      letters += IsUnicodeLetterOrMark(c) ? 1 : 0;
      han += IsUnicodeLetter(c) && c >= 0x2e80 ? 1 : 0;
      unspaced += IsUnicodeLetter(c) && ((c >= 0xe00 && c < 0x10a0) || (c >= 0x1780 && c < 0x1800));
    }
    const bool all_letters = letters == static_cast<int64_t>(points.size());
    if (letters == 0 || (!all_letters && han + unspaced < 2)) continue;
    const int64_t words = std::max<int64_t>(1, han / 2 + unspaced / 4);
    count.words += words;
    const std::u32string_view first = std::u32string_view(points).substr(0, 1);
    count.plain += LowerCase(ToUtf8(first)) == ToUtf8(first) ? words : 0;
  }
  return count;
}

bool IsMostlyIn(const ScriptSet& scripts, std::string_view text) {
  int64_t letters = 0, used = 0;
  for (const char32_t c : ToUtf32(text)) {
    letters += IsUnicodeLetter(c) ? 1 : 0;
    used += IsUnicodeLetter(c) && scripts.Uses(c) ? 1 : 0;
  }
  return used * 2 >= letters;
}

// Did the source call for words of another language? A name, a number or an address alone does
// not, nor does a single word, which the languages may share.
bool CallsForTranslation(const Prediction& prediction) {
  const WordCount count = CountWords(prediction.source);
  if (prediction.reference.empty())
    return count.words >= 4 && (count.plain >= 2 || count.words >= 6);
  const std::string source = BareText(prediction.source);
  if (source == BareText(prediction.reference)) return false;
  const std::optional<ScriptSet> scripts = ScriptsOf(prediction.target_lang);
  return count.words >= 2 || (count.words == 1 && scripts && !IsMostlyIn(*scripts, source));
}

bool HasAnyLetter(std::string_view text) {
  const std::u32string points = ToUtf32(text);
  return std::any_of(points.begin(), points.end(), IsUnicodeLetter);
}

// Nothing to see, or marks alone where the source has words.
bool SaysNothing(const Prediction& prediction) {
  if (IsBlankText(prediction.hypothesis)) return true;
  const std::u32string points = ToUtf32(prediction.hypothesis);
  const bool marks_alone = std::all_of(points.begin(), points.end(), [](char32_t c) {
    const UnicodeKind kind = UnicodeKinds()[c];
    return kind == UnicodeKind::kPunctuation || kind == UnicodeKind::kOther;
  });
  return marks_alone && CountWords(prediction.source).words >= 2 &&
         (prediction.reference.empty() || HasAnyLetter(prediction.reference));
}

struct FaultWords {
  const char* key;
  const char* name;
};
constexpr FaultWords kFaults[kFaultCount] = {{"empty", "empty outputs"},
                                             {"runaway", "runaway outputs"},
                                             {"repetition", "repetition"},
                                             {"copy", "untranslated outputs"},
                                             {"wrong_script", "wrong script"},
                                             {"wrong_language", "wrong language"},
                                             {"lost_number", "lost numbers"},
                                             {"lost_url", "lost URLs"},
                                             {"lost_email", "lost e-mail addresses"},
                                             {"lost_placeholder", "lost placeholders"},
                                             {"lost_markup", "lost markup"},
                                             {"lost_other", "lost code, emoji and marked text"},
                                             {"unbalanced", "unbalanced quotes and brackets"}};

// The words of `text` that are its own and in the script of the language: no names copied from
// the source (a plain word copied is no name), no addresses, nothing in another script.
std::string OwnWords(std::string_view text, std::string_view source, const ScriptSet& scripts) {
  std::set<std::string_view> copied;
  for (const std::string_view word : Words(source)) copied.insert(TrimMarks(word));
  std::string own;
  for (const std::string_view word : Words(text)) {
    const std::string_view bare = TrimMarks(word);
    const bool plain =
        std::all_of(bare.begin(), bare.end(), [](char c) { return c >= 'a' && c <= 'z'; });
    if (IsAddress(bare) || (copied.count(bare) != 0 && !plain)) continue;
    for (const char32_t c : ToUtf32(bare)) {
      if (scripts.Uses(c)) AppendUtf8(c, own);
    }
    own += ' ';
  }
  return own;
}

// Runs of letters, marks and digits outside addresses and code, cut also where the language's
// script begins or ends: in "VS Codeで", "Code" is a word.
std::vector<std::string> WordsByScript(std::string_view text, const ScriptSet& scripts) {
  std::vector<std::string> words;
  const UnicodeKinds kinds;
  for (const std::string_view stretch : StretchesBetween(FindProtectedSpans(text), text)) {
    std::string word;
    bool used = false;  // the word's letters are of the script
    const auto end_word = [&] {
      if (!word.empty()) words.push_back(std::move(word));
      word.clear();
    };
    for (const char32_t c : ToUtf32(stretch)) {
      const UnicodeKind kind = kinds[c];
      const bool letter = kind == UnicodeKind::kLetter;
      if (!letter && kind != UnicodeKind::kMark && kind != UnicodeKind::kNumber) {
        end_word();
        continue;
      }
      if (letter && scripts.Uses(c) != used) end_word();
      if (letter) used = scripts.Uses(c);
      AppendUtf8(c, word);
    }
    end_word();
  }
  return words;
}

}  // namespace

const char* FaultName(Fault fault) { return kFaults[static_cast<size_t>(fault)].name; }
const char* FaultKey(Fault fault) { return kFaults[static_cast<size_t>(fault)].key; }

bool InWrongScript(std::string_view text, std::string_view source, std::string_view target_lang) {
  const std::string_view base = target_lang.substr(0, target_lang.find_first_of("-_"));
  const std::optional<ScriptSet> scripts = ScriptsOf(target_lang);
  if (!scripts) return false;
  const std::vector<std::string> of_source = WordsByScript(source, *scripts);
  const std::set<std::string> copied(of_source.begin(), of_source.end());
  const std::vector<std::string> words = WordsByScript(text, *scripts);
  std::set<std::string> plain_copies;
  for (const std::string& word : words) {
    if (copied.count(word) != 0 && LowerCase(word) == word) plain_copies.insert(word);
  }
  constexpr size_t kASentence = 5;  // of plain words is no name
  const bool echoes = plain_copies.size() >= kASentence;
  int64_t own = 0, right = 0, kana = 0;
  for (const std::string& word : words) {
    if (copied.count(word) != 0 && !(echoes && plain_copies.count(word) != 0)) continue;
    for (const char32_t c : ToUtf32(word)) {
      if (!IsUnicodeLetter(c)) continue;
      ++own;
      right += scripts->Uses(c) ? 1 : 0;
      kana += IsKana(c) ? 1 : 0;
    }
  }
  constexpr int64_t kFewLetters = 3;  // an abbreviation is no evidence
  if (own < kFewLetters) return false;
  return right * 2 < own || (base == "zh" && kana * 4 > own);
}

OutputChecks CheckOutput(const Prediction& prediction) {
  OutputChecks checks;
  const std::string_view source = Strip(prediction.source);
  const std::string_view output = Strip(prediction.hypothesis);
  const std::string_view target = prediction.target_lang;
  if (IsBlankText(source)) return checks;
  checks.empty = SaysNothing(prediction);
  checks.runaway = prediction.length_limit;
  const bool due = CallsForTranslation(prediction);
  checks.copy = due && BareText(output) == BareText(source);
  checks.wrong_script = InWrongScript(output, source, target);
  const bool warned = std::find(prediction.warnings.begin(), prediction.warnings.end(),
                                "repetition") != prediction.warnings.end();
  const bool may_repeat = !MayBeRepeated(source) && !MayBeRepeated(prediction.reference);
  checks.repetition = (warned || RepeatsItself(output)) && may_repeat;
  checks.Note(Fault::kEmpty, true, checks.empty);
  checks.Note(Fault::kRunaway, true, checks.runaway);
  checks.Note(Fault::kRepetition, may_repeat, checks.repetition);
  checks.Note(Fault::kCopy, due, checks.copy);
  const std::optional<ScriptSet> scripts = ScriptsOf(target);
  checks.Note(Fault::kWrongScript, scripts.has_value(), checks.wrong_script);
  const std::string own = scripts ? OwnWords(output, source, *scripts) : std::string();
  const bool can_tell = !checks.wrong_script && CanTellLanguage(own, target);
  checks.Note(Fault::kWrongLanguage, can_tell, can_tell && InWrongLanguage(own, target));
  CheckKeptItems(prediction, checks);
  const bool in_order = IsBalanced(source) && IsBalanced(prediction.reference);
  checks.Note(Fault::kUnbalanced, in_order, !IsBalanced(output));
  return checks;
}

}  // namespace dragoman
