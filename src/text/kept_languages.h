// Which languages a model with a trimmed vocabulary still knows, as its files say.
#ifndef DRAGOMAN_TEXT_KEPT_LANGUAGES_H_
#define DRAGOMAN_TEXT_KEPT_LANGUAGES_H_

#include <string>
#include <string_view>
#include <vector>

#include "dragoman/result.h"
#include "formats/checkpoint.h"
#include "text/languages.h"

namespace dragoman {

// Metadata of a GGUF: arrays of strings. In a config.json the same names with "_" for ".".
inline constexpr std::string_view kKeptLanguagesKey = "dragoman.languages";  // codes
inline constexpr std::string_view kKeptScriptsKey = "dragoman.scripts";      // ISO 15924

struct KeptLanguages {
  std::vector<Language> languages;   // empty: the vocabulary is whole, every language is fine
  std::vector<std::string> scripts;  // whose pieces are there

  // From the GGUF's metadata or the folder's config.json. Errors: kCorruptFile (a code that is
  // none).
  static Result<KeptLanguages> Of(const Checkpoint& checkpoint);

  // A kept language, or another variant of one in kept scripts ("pt-PT" beside "pt-BR"). Errors:
  // kInvalidArgument naming the languages that are kept.
  Result<void> Check(const Language& language) const;
};

}  // namespace dragoman

#endif  // DRAGOMAN_TEXT_KEPT_LANGUAGES_H_
