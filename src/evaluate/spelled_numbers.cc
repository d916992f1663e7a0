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

// Null for a language without words of its own, for which ICU would use those of another. Making
// one takes milliseconds.
const Speller* SpellerOf(std::string_view code) {
  thread_local std::map<std::string, std::unique_ptr<Speller>, std::less<>> spellers;
  const auto known = spellers.find(code);
  if (known != spellers.end()) return known->second.get();
  const std::string language(code);
  const icu::Locale locale = icu::Locale::createCanonical(language.c_str());
  UErrorCode status = U_ZERO_ERROR;
  auto speller = std::make_unique<Speller>(icu::URBNF_SPELLOUT, locale, status);
  if (U_SUCCESS(status)) {
    const icu::Locale actual = speller->getLocale(ULOC_ACTUAL_LOCALE, status);
    if (U_FAILURE(status) || std::string_view(actual.getLanguage()) != locale.getLanguage())
      speller.reset();
  } else {
    speller.reset();
  }
  return spellers.emplace(language, std::move(speller)).first->second.get();
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

// At the beginning of a word; languages that write words together, or put short ones in front, may
// have it anywhere.
bool HasForm(std::u32string_view words, std::u32string_view form) {
  constexpr char32_t kHebrew = 0x590;
  for (size_t at = words.find(form); at != std::u32string_view::npos;
       at = words.find(form, at + 1)) {
    if (at == 0 || words[at - 1] == U' ' || form.front() >= kHebrew) return true;
  }
  return false;
}

}  // namespace

Spelling FindSpelled(std::string_view text, std::string_view digits, std::string_view language) {
  int64_t number = 0;
  const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  constexpr int64_t kMany = 3;
  if (parsed.ec != std::errc() || number < kMany) return Spelling::kUnknown;
  const Speller* speller = SpellerOf(language);
  if (speller == nullptr) return Spelling::kUnknown;
  const std::u32string words = WordsInLowerCase(text);
  for (const std::u32string& form : FormsOf(number, *speller)) {
    if (HasForm(words, form)) return Spelling::kThere;
  }
  return Spelling::kMissing;
}

}  // namespace dragoman
