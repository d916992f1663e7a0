// Cuts a text into pieces that a model translates one by one: whole, at sentences, or inside an
// endless sentence.
//
// The plan is lossless: leading_space and every piece's text and space_after, one after the other,
// are the text byte for byte. Paragraphs of a long text never share a piece, so that its line
// breaks stay as they are.
#ifndef DRAGOMAN_TRANSLATE_TEXT_PIECES_H_
#define DRAGOMAN_TRANSLATE_TEXT_PIECES_H_

#include <cstdint>
#include <functional>
#include <string_view>
#include <vector>

namespace dragoman {

struct PieceLimits {
  int64_t pack_tokens = 0;  // texts up to here stay whole; sentences are packed up to here
  int64_t cut_tokens =
      0;  // a single sentence above it is cut: at a clause, else a space, else a character
};

struct SourcePiece {
  std::string_view text;         // never blank
  std::string_view space_after;  // up to the next piece, or the text's end
  bool cut_inside_sentence = false;
};

struct PiecePlan {
  std::string_view leading_space;   // the whole text when it is blank
  std::vector<SourcePiece> pieces;  // none when the text is blank
};

// Tokens of a stretch of text.
using TokenCounter = std::function<int64_t(std::string_view)>;

// Requires: 1 <= pack_tokens <= cut_tokens. language: a code for the rules of sentence ends. Views
// point into `text`.
PiecePlan PlanPieces(std::string_view text, std::string_view language, const PieceLimits& limits,
                     const TokenCounter& count);

}  // namespace dragoman

#endif  // DRAGOMAN_TRANSLATE_TEXT_PIECES_H_
