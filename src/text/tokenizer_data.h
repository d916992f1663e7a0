// What a loaded tokenizer consists of, whichever file it came from, and the two readers that fill
// it. Private to this room: others see tokenizer.h.
#ifndef DRAGOMAN_TEXT_TOKENIZER_DATA_H_
#define DRAGOMAN_TEXT_TOKENIZER_DATA_H_

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dragoman/result.h"
#include "formats/gguf.h"
#include "text/added_tokens.h"
#include "text/merge_table.h"
#include "text/piece_table.h"
#include "text/tokenizer.h"

namespace dragoman {

inline constexpr std::string_view kSpaceMark = "\u2581";  // "▁", a space inside a piece

struct TokenizerData {
  PieceTable pieces;
  std::vector<TokenKind> kinds;  // [pieces]
  std::vector<float> scores;     // [pieces]
  // Set: which pairs merge, and when, as tokenizer.json lists them. Not set (GGUF): two neighbours
  // merge when their concatenation is a piece, by its score.
  std::optional<MergeTable> merges;
  int32_t bos_id = -1;
  int32_t pad_id = -1;
  int32_t unk_id = -1;
  std::vector<int32_t> end_ids;
  std::string chat_template;

  // Derived by FinishTokenizer.
  AddedTokens added;
  std::array<int32_t, 256> byte_ids = {};
  std::vector<uint32_t> ranks;         // [pieces] by score; empty when `merges` is set
  std::vector<int32_t> char_ids;       // [65536] piece of one code point of the basic plane, or -1
  std::array<bool, 256> before_space;  // bytes that stand right before a "▁" inside some piece

  bool IsMergeable(int32_t id) const {
    const TokenKind kind = kinds[static_cast<size_t>(id)];
    return kind == TokenKind::kNormal || kind == TokenKind::kUserDefined;
  }
};

// is_padded: at least 64 readable bytes lie behind the text (it is copied otherwise).
Result<TokenizerData> ReadTokenizerJson(std::string_view json, bool is_padded,
                                        const std::string& where);
Result<TokenizerData> ReadTokenizerGguf(const GgufFile& gguf, const std::string& where);
// For the readers: fills the derived fields. `added_ids`: tokens cut out of raw text before any
// merging. Errors: kUnsupported when a byte piece is missing.
Result<void> FinishTokenizer(const std::vector<int32_t>& added_ids, const std::string& where,
                             TokenizerData& data);

// The byte of "<0x0A>", or -1.
int ByteOfPiece(std::string_view piece);

}  // namespace dragoman

#endif  // DRAGOMAN_TEXT_TOKENIZER_DATA_H_
