#include "evaluate/checks.h"

#include <algorithm>
#include <optional>
#include <set>
#include <vector>

#include "base/utf8.h"
#include "evaluate/kept_items.h"
#include "evaluate/language_guesser.h"
#include "evaluate/metrics/unicode.h"
#include "evaluate/metrics/white_space.h"
#include "text/language_scripts.h"
#include "text/languages.h"
#include "text/scripts.h"

namespace dragoman {
namespace {

// The scripts of a language of the prompt; nothing for one that it does not know. Korean is
// Hangul: Han letters alone would be Chinese.
std::optional<ScriptSet> ScriptsOf(std::string_view code) {
  const auto language = FindLanguage(code);
  if (!language) return std::nullopt;
  std::vector<std::string> scripts = ScriptsOfLanguage(language->code);
  if (code.substr(0, 2) == "ko") scripts = {"Hang"};
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

// Did the source call for words of another language? A name, a number or an address alone does
// not.
bool CallsForTranslation(const Prediction& prediction) {
  const std::string_view source = Strip(prediction.source);
  if (!prediction.reference.empty()) return Strip(prediction.reference) != source;
  int plain_words = 0;
  for (const std::string_view word : Words(source)) {
    const std::string_view bare = TrimMarks(word);
    const bool letters = !bare.empty() && std::all_of(bare.begin(), bare.end(), [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    });
    plain_words += letters ? 1 : 0;
  }
  return plain_words >= 4;
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

}  // namespace

const char* FaultName(Fault fault) { return kFaults[static_cast<size_t>(fault)].name; }
const char* FaultKey(Fault fault) { return kFaults[static_cast<size_t>(fault)].key; }

bool InWrongScript(std::string_view text, std::string_view source, std::string_view target_lang) {
  const std::string_view base = target_lang.substr(0, target_lang.find_first_of("-_"));
  const std::optional<ScriptSet> scripts = ScriptsOf(target_lang);
  if (!scripts) return false;
  std::set<std::string_view> copied;
  for (const std::string_view word : Words(source)) copied.insert(TrimMarks(word));
  int64_t own = 0, right = 0, kana = 0;
  for (const std::string_view word : Words(text)) {
    const std::string_view bare = TrimMarks(word);
    if (IsAddress(bare) || copied.count(bare) != 0) continue;
    for (const char32_t c : ToUtf32(bare)) {
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

bool RepeatsItself(std::string_view text) {
  constexpr size_t kLongestUnit = 64;
  constexpr size_t kTimes = 4;
  constexpr size_t kShortest = 12;  // code points in all: "ha ha ha ha" is still a laugh
  const std::u32string points = ToUtf32(text);
  for (size_t unit = 1; unit <= kLongestUnit && unit * kTimes <= points.size(); ++unit) {
    size_t equal = 0;  // points that equal the one a unit before, in a row
    for (size_t i = unit; i < points.size(); ++i) {
      equal = points[i] == points[i - unit] ? equal + 1 : 0;
      if (equal >= unit * (kTimes - 1) && equal + unit >= kShortest) return true;
    }
  }
  return false;
}

OutputChecks CheckOutput(const Prediction& prediction) {
  OutputChecks checks;
  const std::string_view source = Strip(prediction.source);
  const std::string_view output = Strip(prediction.hypothesis);
  const std::string_view target = prediction.target_lang;
  if (source.empty()) return checks;
  checks.empty = output.empty();
  checks.runaway = prediction.length_limit;
  checks.copy = output == source && CallsForTranslation(prediction);
  checks.wrong_script = InWrongScript(output, source, target);
  const bool warned = std::find(prediction.warnings.begin(), prediction.warnings.end(),
                                "repetition") != prediction.warnings.end();
  const bool may_repeat = !RepeatsItself(source) && !RepeatsItself(prediction.reference);
  checks.repetition = (warned || RepeatsItself(output)) && may_repeat;
  checks.Note(Fault::kEmpty, true, checks.empty);
  checks.Note(Fault::kRunaway, true, checks.runaway);
  checks.Note(Fault::kRepetition, may_repeat, checks.repetition);
  checks.Note(Fault::kCopy, CallsForTranslation(prediction), checks.copy);
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
