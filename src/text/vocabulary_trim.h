// Which pieces of a vocabulary a few languages need, and the ids that these get when the others go.
//
// What is cut is characters, never pieces of kept characters: of every piece made of kept
// characters only, all are kept. A merge among kept characters makes such a piece from two such
// pieces, so a text of kept characters meets the same merges in the same order and tokenizes as
// before. Other characters become byte pieces, which stay too.
#ifndef DRAGOMAN_TEXT_VOCABULARY_TRIM_H_
#define DRAGOMAN_TEXT_VOCABULARY_TRIM_H_

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "dragoman/result.h"
#include "text/languages.h"
#include "text/tokenizer.h"

namespace dragoman {

struct VocabularyTrim {
  std::vector<Language> languages;   // as asked for, none twice
  std::vector<std::string> scripts;  // of these languages, and Latin; ISO 15924, sorted
  std::vector<int32_t> kept_ids;     // old ids, ascending: the new id is the place in this list

  // -1 for a piece that went.
  int32_t NewId(int64_t old_id) const;
};

// Keeps the pieces of:
// - the languages' scripts. Latin always: names, addresses, units and code stand in every text, and
//   TranslateGemma's prompt is English;
// - digits, punctuation, symbols, emoji, white space (Unicode's Common and Inherited);
// - every character in `corpus` (Greek letters of formulas, say) and in the languages' prompts;
// - bytes and control tokens. Placeholders ("<unused99>") go unless the chat template names them.
// `rows`: of the embedding; pieces beyond have none and go. Errors: kInvalidArgument without a
// language; kUnsupported when a special token would go.
Result<VocabularyTrim> ChooseVocabulary(const Tokenizer& tokenizer,
                                        std::span<const Language> languages,
                                        std::span<const std::string> corpus, uint64_t rows);

}  // namespace dragoman

#endif  // DRAGOMAN_TEXT_VOCABULARY_TRIM_H_
