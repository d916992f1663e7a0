// The languages of TranslateGemma's prompt: codes (ISO 639-1/-3, regional BCP-47), English names.
#ifndef DRAGOMAN_TEXT_LANGUAGES_H_
#define DRAGOMAN_TEXT_LANGUAGES_H_

#include <span>
#include <string>
#include <string_view>

#include "dragoman/result.h"

namespace dragoman {

struct Language {
  std::string code;  // normalised as given: '_' -> '-', "pt-BR"; printed in the prompt
  std::string name;  // "Portuguese"
};

struct LanguageEntry {
  std::string_view code;  // "pt-BR"
  std::string_view name;
};
std::span<const LanguageEntry> AllLanguages();

// Letter case is normalised ("PT_br" -> "pt-BR", "zh-hant" -> "zh-Hant"). An English name ("German") is accepted too.
// Errors: kInvalidArgument naming the nearest valid codes.
Result<Language> FindLanguage(std::string_view code);

}  // namespace dragoman

#endif  // DRAGOMAN_TEXT_LANGUAGES_H_
