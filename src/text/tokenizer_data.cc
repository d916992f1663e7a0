#include "text/tokenizer_data.h"

#include <fmt/format.h>

#include <bit>

#include "base/utf8.h"

namespace dragoman {
namespace {

constexpr size_t kBasicPlane = 65536;

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

Result<void> FindBytePieces(const std::string& where, TokenizerData& data) {
  data.byte_ids.fill(-1);
  for (int32_t id = 0; id < data.pieces.size(); ++id) {
    if (data.kinds[static_cast<size_t>(id)] != TokenKind::kByte) continue;
    const int byte = ByteOfPiece(data.pieces.piece(id));
    if (byte < 0) {
      return Fail(ErrorCode::kCorruptFile,
                  fmt::format("token {}: expected a byte piece spelled \"<0x0A>\"", id), where);
    }
    data.byte_ids[static_cast<size_t>(byte)] = id;
  }
  for (size_t byte = 0; byte < data.byte_ids.size(); ++byte) {
    if (data.byte_ids[byte] >= 0) continue;
    return Fail(ErrorCode::kUnsupported,
                fmt::format("expected all 256 byte pieces, found none for byte {:#04x}", byte),
                where);
  }
  return {};
}

// Single characters, and the bytes that a space may be merged to from the left.
void IndexPieces(TokenizerData& data) {
  data.char_ids.assign(kBasicPlane, -1);
  data.before_space.fill(false);
  for (int32_t id = 0; id < data.pieces.size(); ++id) {
    if (!data.IsMergeable(id)) continue;
    const std::string_view piece = data.pieces.piece(id);
    const CodePoint first = DecodeUtf8(piece, 0);
    if (first.valid && first.size_bytes == piece.size() && first.value < kBasicPlane) {
      data.char_ids[first.value] = id;
    }
    for (size_t at = piece.find(kSpaceMark, 1); at != std::string_view::npos;
         at = piece.find(kSpaceMark, at + 1)) {
      const bool after_space =
          at >= kSpaceMark.size() &&
          piece.substr(at - kSpaceMark.size(), kSpaceMark.size()) == kSpaceMark;
      if (!after_space) data.before_space[static_cast<uint8_t>(piece[at - 1])] = true;
    }
  }
}

// Higher scores first: the float's bits, made to sort as an unsigned number, downwards.
// User-defined pieces (runs of spaces) go before all others whatever their score: in tokenizer.json
// their merges rank first.
void RankByScore(TokenizerData& data) {
  data.ranks.resize(data.scores.size());
  for (size_t id = 0; id < data.scores.size(); ++id) {
    const uint32_t bits = std::bit_cast<uint32_t>(data.scores[id]);
    const uint32_t ascending = (bits & 0x80000000u) != 0 ? ~bits : bits | 0x80000000u;
    data.ranks[id] = data.kinds[id] == TokenKind::kUserDefined ? 0 : ~ascending;
  }
}

}  // namespace

int ByteOfPiece(std::string_view piece) {
  if (piece.size() != 6 || piece.substr(0, 3) != "<0x" || piece[5] != '>') return -1;
  const int high = HexDigit(piece[3]);
  const int low = HexDigit(piece[4]);
  return high < 0 || low < 0 ? -1 : high * 16 + low;
}

Result<void> FinishTokenizer(const std::vector<int32_t>& added_ids, const std::string& where,
                             TokenizerData& data) {
  if (data.bos_id < 0 || data.end_ids.empty()) {
    return Fail(ErrorCode::kUnsupported,
                fmt::format("expected the tokens <bos> and <eos> or <end_of_turn>, found {}",
                            data.bos_id < 0 ? "no <bos>" : "no end token"),
                where);
  }
  DRAGOMAN_RETURN_IF_ERROR(FindBytePieces(where, data));
  for (const int32_t id : added_ids) {
    data.added.Add(data.pieces.piece(id), id,
                   data.kinds[static_cast<size_t>(id)] != TokenKind::kUserDefined);
  }
  IndexPieces(data);
  if (!data.merges) RankByScore(data);
  return {};
}

}  // namespace dragoman
