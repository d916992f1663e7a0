#include "text/tokenizer_json_tables.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace dragoman {
namespace {

// What the official converter to GGUF writes for tokens outside the trained vocabulary.
constexpr float kAddedScore = -1000.0f;

// "<unused0>", "<unused6241>"
bool IsUnusedName(std::string_view piece) {
  constexpr std::string_view kPrefix = "<unused";
  if (piece.substr(0, kPrefix.size()) != kPrefix || piece.back() != '>') return false;
  const std::string_view digits = piece.substr(kPrefix.size(), piece.size() - kPrefix.size() - 1);
  return !digits.empty() && digits.find_first_not_of("0123456789") == std::string_view::npos;
}

// As the official converter to GGUF sorts them, so that both files of a model treat user text
// alike.
TokenKind KindOfAdded(const AddedTokenEntry& token) {
  if (token.content == "<unk>") return TokenKind::kUnknown;
  const bool reserved = token.special || token.content == "<mask>" || token.content == "<pad>" ||
                        IsUnusedName(token.content);
  return reserved ? TokenKind::kControl : TokenKind::kUserDefined;
}

void SetKindsAndScores(const std::vector<AddedTokenEntry>& added, TokenizerData& data) {
  const size_t count = static_cast<size_t>(data.pieces.size());
  data.kinds.assign(count, TokenKind::kNormal);
  data.scores.resize(count);
  for (size_t id = 0; id < count; ++id) {
    data.scores[id] = -static_cast<float>(id);
    if (ByteOfPiece(data.pieces.piece(static_cast<int32_t>(id))) < 0) continue;
    data.kinds[id] = TokenKind::kByte;
    data.scores[id] = 0.0f;
  }
  for (const AddedTokenEntry& token : added) {
    data.kinds[static_cast<size_t>(token.id)] = KindOfAdded(token);
    data.scores[static_cast<size_t>(token.id)] = kAddedScore;
  }
}

}  // namespace

Result<void> TokenizerTableBuilder::SetPieces(std::vector<PieceTable::Entry> vocab,
                                              const std::vector<AddedTokenEntry>& added) {
  for (const AddedTokenEntry& token : added) vocab.push_back({token.content, token.id});
  DRAGOMAN_ASSIGN_OR_RETURN(data_.pieces, PieceTable::Build(vocab, where_));
  SetKindsAndScores(added, data_);
  for (const AddedTokenEntry& token : added) added_ids_.push_back(static_cast<int32_t>(token.id));
  return {};
}

Result<void> TokenizerTableBuilder::StartMerges(size_t count) {
  if (count > MergeTable::kMaxMerges) {
    return Fail(
        ErrorCode::kCorruptFile,
        fmt::format("model.merges: expected at most {}, found {}", MergeTable::kMaxMerges, count),
        where_);
  }
  data_.merges.emplace(count);
  return {};
}

// Merges stand in the order of the pieces they make, those of one piece side by side: so the piece
// found last, then the one behind it, are tried before the hash table.
int32_t TokenizerTableBuilder::FindMerged(std::string_view left, std::string_view right) {
  const int32_t after_last = std::min(last_merged_id_ + 1, data_.pieces.size() - 1);
  for (int32_t id = std::max(last_merged_id_, 0); id <= after_last; ++id) {
    const std::string_view piece = data_.pieces.piece(id);
    const bool same = piece.size() == left.size() + right.size() &&
                      piece.substr(0, left.size()) == left && piece.substr(left.size()) == right;
    if (same) return last_merged_id_ = id;
  }
  joined_.assign(left);
  joined_.append(right);
  const int32_t id = data_.pieces.Find(joined_);
  if (id >= 0) last_merged_id_ = id;
  return id;
}

Result<void> TokenizerTableBuilder::AddMerges(
    std::span<const std::pair<std::string_view, std::string_view>> merges) {
  for (const auto& merge : merges) {
    data_.pieces.Prefetch(merge.first);
    data_.pieces.Prefetch(merge.second);
  }
  for (const auto& merge : merges) DRAGOMAN_RETURN_IF_ERROR(AddMerge(merge.first, merge.second));
  return {};
}

Result<void> TokenizerTableBuilder::AddMerge(std::string_view left, std::string_view right) {
  const int32_t left_id = data_.pieces.Find(left);
  const int32_t right_id = data_.pieces.Find(right);
  const int32_t merged_id = FindMerged(left, right);
  const size_t rank = data_.merges->size();
  if (left_id < 0 || right_id < 0 || merged_id < 0) {
    return Fail(ErrorCode::kCorruptFile,
                fmt::format("model.merges[{}]: expected both pieces and their join in the "
                            "vocabulary, found ids {}, {} and {} (-1: none)",
                            rank, left_id, right_id, merged_id),
                where_);
  }
  if (!data_.IsMergeable(left_id) || !data_.IsMergeable(right_id) ||
      !data_.IsMergeable(merged_id)) {
    return Fail(ErrorCode::kUnsupported,
                fmt::format("model.merges[{}]: expected ordinary pieces, found a byte or a special "
                            "token among ids {}, {}, {}",
                            rank, left_id, right_id, merged_id),
                where_);
  }
  if (!data_.merges->Append(left_id, right_id, merged_id)) {
    return Fail(ErrorCode::kCorruptFile,
                fmt::format("model.merges[{}]: the pair of ids {} and {} is there already", rank,
                            left_id, right_id),
                where_);
  }
  return {};
}

Result<TokenizerData> TokenizerTableBuilder::Finish() {
  data_.bos_id = data_.pieces.Find("<bos>");
  data_.pad_id = data_.pieces.Find("<pad>");
  data_.unk_id = data_.pieces.Find("<unk>");
  for (const char* name : {"<eos>", "<end_of_turn>"}) {
    const int32_t id = data_.pieces.Find(name);
    if (id >= 0) data_.end_ids.push_back(id);
  }
  DRAGOMAN_RETURN_IF_ERROR(FinishTokenizer(added_ids_, where_, data_));
  return std::move(data_);
}

}  // namespace dragoman
