#include "evaluate/spelled_numbers.h"

#include <unicode/rbnf.h>

#include <charconv>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "evaluate/metrics/unicode.h"
#include "evaluate/plain_words.h"

namespace dragoman {
namespace {

using Speller = icu::RuleBasedNumberFormat;

struct NumberWords {
  int64_t number = 0;
  std::vector<std::u32string> forms;
};
struct SpelledLanguage {
  std::unique_ptr<Speller> speller;  // null without words of its own
  std::vector<NumberWords> common;   // read when first needed
};

// ICU would use the words of another language for one without.
std::unique_ptr<Speller> MakeSpeller(const icu::Locale& locale) {
  UErrorCode status = U_ZERO_ERROR;
  auto speller = std::make_unique<Speller>(icu::URBNF_SPELLOUT, locale, status);
  if (U_FAILURE(status)) return nullptr;
  const icu::Locale actual = speller->getLocale(ULOC_ACTUAL_LOCALE, status);
  const bool own =
      U_SUCCESS(status) && std::string_view(actual.getLanguage()) == locale.getLanguage();
  return own ? std::move(speller) : nullptr;
}

std::map<std::string, SpelledLanguage>& SpelledLanguages() {
  thread_local std::map<std::string, SpelledLanguage> languages;
  return languages;
}

// Making one takes milliseconds, so they are kept: a suite has few languages, whatever its codes
// look like. Valid until the next call.
SpelledLanguage& SpelledLanguageOf(std::string_view code) {
  constexpr size_t kMostKept = 64;
  const icu::Locale locale = icu::Locale::createCanonical(std::string(code).c_str());
  const std::string key = std::string(locale.getLanguage()) + "-" + locale.getCountry();
  auto& languages = SpelledLanguages();
  const auto known = languages.find(key);
  if (known != languages.end()) return known->second;
  if (languages.size() >= kMostKept) languages.clear();
  return languages.emplace(key, SpelledLanguage{MakeSpeller(locale), {}}).first->second;
}

std::vector<std::u32string> FormsOf(int64_t number, const Speller& speller) {
  std::vector<std::u32string> forms;
  for (int32_t i = 0; i < speller.getNumberOfRuleSetNames(); ++i) {
    icu::UnicodeString out;
    icu::FieldPosition position;
    UErrorCode status = U_ZERO_ERROR;
    speller.format(number, speller.getRuleSetName(i), out, position, status);
    if (U_FAILURE(status)) continue;
    std::string form;
    out.toUTF8String(form);
    std::u32string words = WordsInLowerCase(form);
    if (!words.empty()) words.pop_back();
    // The feminine of Arabic is the shorter form.
    if (!words.empty() && words.back() == U'\u0629') words.pop_back();
    if (!words.empty() && IsUnicodeLetter(words.front())) forms.push_back(std::move(words));
  }
  return forms;
}

// The numbers whose words may begin with those of another: units, teens, tens and what is counted
// by them.
const std::vector<NumberWords>& CommonOf(SpelledLanguage& language) {
  constexpr int64_t kBelow = 100;
  if (!language.common.empty()) return language.common;
  for (int64_t number = 1; number < kBelow; ++number)
    language.common.push_back({number, FormsOf(number, *language.speller)});
  for (const int64_t unit : {int64_t{100}, int64_t{1000}, int64_t{10'000}, int64_t{1'000'000}}) {
    for (int64_t count = 1; count < 10; ++count)
      language.common.push_back({count * unit, FormsOf(count * unit, *language.speller)});
  }
  return language.common;
}

// "seventy" is no seven, nor is "dreihundert" three; "siebenjährig" is.
bool IsOfOtherNumber(std::u32string_view rest, std::u32string_view form, int64_t number,
                     SpelledLanguage& language) {
  if (form.size() >= rest.size() || rest[form.size()] == U' ') return false;
  for (const NumberWords& other : CommonOf(language)) {
    if (other.number == number) continue;
    for (const std::u32string& longer : other.forms) {
      if (longer.size() > form.size() && rest.substr(0, longer.size()) == longer) return true;
    }
  }
  return false;
}

// At the beginning of a word; languages that write words together, or put short ones in front, may
// have it anywhere.
bool HasForm(std::u32string_view words, std::u32string_view form, int64_t number,
             SpelledLanguage& language) {
  constexpr char32_t kHebrew = 0x590;
  for (size_t at = words.find(form); at != std::u32string_view::npos;
       at = words.find(form, at + 1)) {
    const bool may_begin = at == 0 || words[at - 1] == U' ' || form.front() >= kHebrew;
    if (may_begin && !IsOfOtherNumber(words.substr(at), form, number, language)) return true;
  }
  return false;
}

}  // namespace

size_t LanguagesWithSpellers() { return SpelledLanguages().size(); }

Spelling FindSpelled(std::string_view text, std::string_view digits, std::string_view language) {
  int64_t number = 0;
  const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  constexpr int64_t kMany = 3;
  if (parsed.ec != std::errc() || number < kMany) return Spelling::kUnknown;
  SpelledLanguage& known = SpelledLanguageOf(language);
  if (known.speller == nullptr) return Spelling::kUnknown;
  const std::u32string words = WordsInLowerCase(text);
  for (const std::u32string& form : FormsOf(number, *known.speller)) {
    if (HasForm(words, form, number, known)) return Spelling::kThere;
  }
  return Spelling::kMissing;
}

}  // namespace dragoman
