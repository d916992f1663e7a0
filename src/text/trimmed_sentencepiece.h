// tokenizer.model, SentencePiece's protocol buffer, rewritten for a trimmed vocabulary.
#ifndef DRAGOMAN_TEXT_TRIMMED_SENTENCEPIECE_H_
#define DRAGOMAN_TEXT_TRIMMED_SENTENCEPIECE_H_

#include <string>
#include <string_view>

#include "dragoman/result.h"
#include "text/vocabulary_trim.h"

namespace dragoman {

// The kept pieces in their old order, with the ids of the trainer's specification (unknown, begin,
// end, padding) and its vocabulary size mapped; an id that went becomes -1, SentencePiece's "none".
// Its self-test goes: it is about pieces that may be gone. Everything else stays byte for byte.
// Kept ids beyond the file's pieces belong to added tokens that only tokenizer.json has.
// Format: sentencepiece_model.proto. Errors: kCorruptFile naming the byte.
Result<std::string> TrimSentencePieceModel(std::string_view model, const VocabularyTrim& trim,
                                           const std::string& where);

}  // namespace dragoman

#endif  // DRAGOMAN_TEXT_TRIMMED_SENTENCEPIECE_H_
