// Scripts are told by Unicode blocks; letters of scripts that no supported language uses count as
// "other".
#include "evaluate/checks.h"

#include <algorithm>
#include <set>
#include <vector>

#include "base/utf8.h"
#include "evaluate/kept_items.h"
#include "evaluate/language_guesser.h"
#include "evaluate/metrics/white_space.h"

namespace dragoman {
namespace {

enum class Script { kNone, kLatin, kHan, kKana, kHangul, kArabic, kDevanagari, kCyrillic, kOther };

struct Block {
  char32_t first, last;
  Script script;
};
// Letters only, ascending.
constexpr Block kBlocks[] = {
    {'A', 'Z', Script::kLatin},
    {'a', 'z', Script::kLatin},
    {0xaa, 0xaa, Script::kLatin},
    {0xba, 0xba, Script::kLatin},
    {0xc0, 0xd6, Script::kLatin},
    {0xd8, 0xf6, Script::kLatin},
    {0xf8, 0x24f, Script::kLatin},
    {0x370, 0x3ff, Script::kOther},
    {0x400, 0x52f, Script::kCyrillic},
    {0x531, 0x5ff, Script::kOther},
    {0x620, 0x65f, Script::kArabic},
    {0x66e, 0x6d3, Script::kArabic},
    {0x6d5, 0x6ef, Script::kArabic},
    {0x6fa, 0x6ff, Script::kArabic},
    {0x750, 0x77f, Script::kArabic},
    {0x8a0, 0x8ff, Script::kArabic},
    {0x900, 0x963, Script::kDevanagari},
    {0x971, 0x97f, Script::kDevanagari},
    {0x980, 0x10ff, Script::kOther},
    {0x1100, 0x11ff, Script::kHangul},
    {0x1e00, 0x1eff, Script::kLatin},
    {0x3041, 0x309f, Script::kKana},
    {0x30a1, 0x30fa, Script::kKana},
    {0x30fc, 0x30ff, Script::kKana},
    {0x3131, 0x318f, Script::kHangul},
    {0x31f0, 0x31ff, Script::kKana},
    {0x3400, 0x4dbf, Script::kHan},
    {0x4e00, 0x9fff, Script::kHan},
    {0xa8e0, 0xa8ff, Script::kDevanagari},
    {0xac00, 0xd7af, Script::kHangul},
    {0xf900, 0xfaff, Script::kHan},
    {0xfb50, 0xfdff, Script::kArabic},
    {0xfe70, 0xfefc, Script::kArabic},
    {0xff21, 0xff3a, Script::kLatin},
    {0xff41, 0xff5a, Script::kLatin},
    {0xff66, 0xff9f, Script::kKana},
    {0x20000, 0x323af, Script::kHan},
};

Script ScriptOf(char32_t c) {
  const Block* end = std::end(kBlocks);
  const Block* block =
      std::partition_point(std::begin(kBlocks), end, [c](const Block& b) { return b.last < c; });
  return block != end && c >= block->first ? block->script : Script::kNone;
}

bool Belongs(Script script, std::string_view base) {
  if (base == "zh") return script == Script::kHan;
  if (base == "ja") return script == Script::kHan || script == Script::kKana;
  if (base == "ko") return script == Script::kHangul;
  if (base == "ar" || base == "fa" || base == "ur") return script == Script::kArabic;
  if (base == "hi" || base == "mr" || base == "ne") return script == Script::kDevanagari;
  if (base == "ru" || base == "uk" || base == "bg") return script == Script::kCyrillic;
  return script == Script::kLatin;
}

// Languages whose script the table above knows.
bool ScriptIsKnown(std::string_view base) {
  static const std::set<std::string_view> known = {
      "zh", "ja", "ko", "ar", "fa", "ur", "hi", "mr", "ne", "ru", "uk", "bg",
      "en", "es", "fr", "de", "it", "pt", "nl", "pl", "cs", "sv", "da", "no",
      "fi", "tr", "vi", "id", "ro", "hu", "ca", "et", "lv", "lt"};
  return known.count(base) != 0;
}

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
std::string OwnWords(std::string_view text, std::string_view source, std::string_view base) {
  std::set<std::string_view> copied;
  for (const std::string_view word : Words(source)) copied.insert(TrimMarks(word));
  std::string own;
  for (const std::string_view word : Words(text)) {
    const std::string_view bare = TrimMarks(word);
    const bool plain =
        std::all_of(bare.begin(), bare.end(), [](char c) { return c >= 'a' && c <= 'z'; });
    if (IsAddress(bare) || (copied.count(bare) != 0 && !plain)) continue;
    for (const char32_t c : ToUtf32(bare)) {
      const Script script = ScriptOf(c);
      if (script == Script::kNone || Belongs(script, base)) AppendUtf8(c, own);
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
  if (!ScriptIsKnown(base)) return false;
  std::set<std::string_view> copied;
  for (const std::string_view word : Words(source)) copied.insert(TrimMarks(word));
  int64_t own = 0, right = 0, kana = 0;
  for (const std::string_view word : Words(text)) {
    const std::string_view bare = TrimMarks(word);
    if (IsAddress(bare) || copied.count(bare) != 0) continue;
    for (const char32_t c : ToUtf32(bare)) {
      const Script script = ScriptOf(c);
      if (script == Script::kNone) continue;
      ++own;
      right += Belongs(script, base) ? 1 : 0;
      kana += script == Script::kKana ? 1 : 0;
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
  const std::string_view base = target.substr(0, target.find_first_of("-_"));
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
  checks.Note(Fault::kWrongScript, ScriptIsKnown(base), checks.wrong_script);
  const std::string own = OwnWords(output, source, base);
  const bool can_tell = !checks.wrong_script && ScriptIsKnown(base) && CanTellLanguage(own, target);
  checks.Note(Fault::kWrongLanguage, can_tell, can_tell && InWrongLanguage(own, target));
  CheckKeptItems(prediction, checks);
  const bool in_order = IsBalanced(source) && IsBalanced(prediction.reference);
  checks.Note(Fault::kUnbalanced, in_order, !IsBalanced(output));
  return checks;
}

}  // namespace dragoman
