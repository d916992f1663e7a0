// The files of a Hugging Face folder that speak of token ids, rewritten for a trimmed vocabulary.
//
// For writers of such folders: the embedding's rows are those of VocabularyTrim::kept_ids
// (quantize/trimmed_checkpoint.h gives a checkpoint that has them already).
#ifndef DRAGOMAN_TEXT_TRIMMED_TOKENIZER_JSON_H_
#define DRAGOMAN_TEXT_TRIMMED_TOKENIZER_JSON_H_

#include <string>
#include <string_view>

#include "base/json.h"
#include "dragoman/result.h"
#include "text/vocabulary_trim.h"

namespace dragoman {

// tokenizer.json with the kept pieces, added tokens and merges in their old order, and new ids,
// those of the post-processor included; everything else as it was, without white space. A merge
// stays when all three of its pieces do. Errors: kCorruptFile; kUnsupported when the post-processor
// needs a piece that went.
Result<std::string> TrimTokenizerJson(std::string_view json, const VocabularyTrim& trim,
                                      const std::string& where);

// config.json or generation_config.json: vocab_size, every "..._token_id" and "..._token_index"
// (also below "text_config"), and the kept languages. An id that went is left out.
void TrimModelConfig(const VocabularyTrim& trim, OrderedJson& config);

// tokenizer_config.json: the ids of "added_tokens_decoder".
void TrimTokenizerConfig(const VocabularyTrim& trim, OrderedJson& config);

// added_tokens.json: pieces with their ids.
void TrimAddedTokens(const VocabularyTrim& trim, OrderedJson& tokens);

}  // namespace dragoman

#endif  // DRAGOMAN_TEXT_TRIMMED_TOKENIZER_JSON_H_
