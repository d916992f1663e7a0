// Sentence boundaries behind a small port: ICU here, Intl.Segmenter in a browser.
#ifndef DRAGOMAN_TEXT_SENTENCES_H_
#define DRAGOMAN_TEXT_SENTENCES_H_

#include <string>
#include <string_view>
#include <vector>

#include "dragoman/result.h"

namespace dragoman {

// A piece of text and the white space that follows it. Concatenating all pieces gives the text back, byte for byte.
struct TextPiece {
  std::string_view leading_space;   // before the sentence (only ever non-empty on the first piece)
  std::string_view text;            // trimmed sentence; may be empty for a text of white space only
  std::string_view trailing_space;  // up to the next sentence
};
// language: a code for the locale's rules ("ja"). Views point into `text`.
std::vector<TextPiece> SplitSentences(std::string_view text, std::string_view language);

}  // namespace dragoman

#endif  // DRAGOMAN_TEXT_SENTENCES_H_
