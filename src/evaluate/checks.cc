// Scripts are told by Unicode blocks; letters of scripts that no supported language uses count as
// "other".
#include "evaluate/checks.h"

#include <algorithm>
#include <set>
#include <vector>

#include "base/utf8.h"
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

// The value of a decimal digit in the scripts of the supported languages, -1 for anything else.
int DigitValue(char32_t c) {
  for (const char32_t zero : {U'0', U'\u0660', U'\u06f0', U'\u0966', U'\uff10'}) {
    if (c >= zero && c < zero + 10) return static_cast<int>(c - zero);
  }
  return -1;
}

bool SeparatesDigits(char32_t c) {
  return c == '.' || c == ',' || c == '\'' || c == 0xa0 || c == 0x202f || c == 0x2009 ||
         c == 0x66b || c == 0x66c || c == 0x2019;
}

// Numbers as their digits alone, so that 1,000.5 equals 1.000,5 and Devanagari equals ASCII.
std::vector<std::string> Numbers(std::string_view text) {
  std::vector<std::string> numbers;
  const std::u32string points = ToUtf32(text);
  for (size_t i = 0; i < points.size();) {
    if (DigitValue(points[i]) < 0) {
      ++i;
      continue;
    }
    std::string digits;
    while (i < points.size()) {
      const int value = DigitValue(points[i]);
      if (value >= 0) {
        digits += static_cast<char>('0' + value);
      } else if (!(SeparatesDigits(points[i]) && i + 1 < points.size() &&
                   DigitValue(points[i + 1]) >= 0)) {
        break;
      }
      ++i;
    }
    numbers.push_back(std::move(digits));
  }
  return numbers;
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

void CountKept(const Prediction& prediction, OutputChecks& checks) {
  const std::string_view output = prediction.hypothesis;
  const std::vector<std::string> found = Numbers(output);
  std::multiset<std::string> numbers(found.begin(), found.end());
  const auto keep_number = [&](const std::string& digits) {
    ++checks.items;
    const auto at = numbers.find(digits);
    if (at == numbers.end()) return;
    numbers.erase(at);
    ++checks.kept;
  };
  const auto keep_text = [&](std::string_view text) {
    ++checks.items;
    if (output.find(text) != std::string_view::npos) ++checks.kept;
  };
  if (!prediction.keep.empty()) {
    for (const std::string& item : prediction.keep) {
      const bool number =
          std::all_of(item.begin(), item.end(), [](char c) { return c >= '0' && c <= '9'; });
      if (number) {
        keep_number(item);
      } else {
        keep_text(item);
      }
    }
    return;
  }
  std::string rest;  // the source without its addresses: their digits are not numbers
  for (const std::string_view word : Words(prediction.source)) {
    const std::string_view bare = TrimMarks(word);
    if (IsAddress(bare)) {
      keep_text(bare);
    } else {
      rest.append(word).append(" ");
    }
  }
  for (const std::string& digits : Numbers(rest)) keep_number(digits);
}

// Did the source call for words of another language? A name, a number or an address alone does not.
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

}  // namespace

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
  if (source.empty()) return checks;
  checks.empty = output.empty();
  checks.runaway = prediction.length_limit;
  checks.copy = output == source && CallsForTranslation(prediction);
  checks.wrong_script = InWrongScript(output, source, prediction.target_lang);
  const bool warned = std::find(prediction.warnings.begin(), prediction.warnings.end(),
                                "repetition") != prediction.warnings.end();
  checks.repetition = (warned || RepeatsItself(output)) && !RepeatsItself(source) &&
                      !RepeatsItself(prediction.reference);
  CountKept(prediction, checks);
  return checks;
}

}  // namespace dragoman
