// The table behind languages.h. Private to this room.
#ifndef DRAGOMAN_TEXT_LANGUAGES_TABLE_H_
#define DRAGOMAN_TEXT_LANGUAGES_TABLE_H_

#include <span>
#include <string_view>

namespace dragoman {

struct LanguageRow {
  std::string_view code;      // ISO 639-1, or ISO 639-3 where there is none
  std::string_view iso3;      // ISO 639-3
  std::string_view name;      // English, as the chat template prints it
  std::string_view variants;  // "AT CH Latn-BA": each makes one more code behind a hyphen
};
std::span<const LanguageRow> LanguageRows();

// Further codes, beyond the template's.
struct LanguageExtra {
  std::string_view code;
  std::string_view name;
};
std::span<const LanguageExtra> LanguageExtras();

}  // namespace dragoman

#endif  // DRAGOMAN_TEXT_LANGUAGES_TABLE_H_
