// Which scripts the languages of the prompt are written in.
#ifndef DRAGOMAN_TEXT_LANGUAGE_SCRIPTS_H_
#define DRAGOMAN_TEXT_LANGUAGE_SCRIPTS_H_

#include <string>
#include <string_view>
#include <vector>

namespace dragoman {

// ISO 15924 codes, never empty. `code` as FindLanguage gives it; a script in it counts alone
// ("sr-Latn": Latin), else all in common use count ("sr": Cyrillic and Latin).
// Source: the primary scripts of CLDR's supplemental language data.
std::vector<std::string> ScriptsOfLanguage(std::string_view code);

}  // namespace dragoman

#endif  // DRAGOMAN_TEXT_LANGUAGE_SCRIPTS_H_
