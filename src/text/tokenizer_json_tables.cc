#include "text/tokenizer_json_tables.h"

#include <fmt/format.h>

#include <algorithm>

namespace dragoman {
namespace {

// What the official converter to GGUF writes for tokens outside the trained vocabulary.
constexpr float kAddedScore = -1000.0f;

// Added tokens may repeat pieces of the vocabulary or continue behind it. Contradictions (one id
// with two spellings, one spelling with two ids) are left in, for PieceTable::Build to refuse.
std::vector<PieceTable::Entry> AllPieces(const TokenizerJsonTables& tables) {
  std::vector<PieceTable::Entry> all = tables.vocab;
  std::vector<std::string_view> by_id(tables.vocab.size() + tables.added.size());
  const auto spelling_of = [&by_id](int64_t id) -> std::string_view* {
    const bool in_range = id >= 0 && static_cast<uint64_t>(id) < by_id.size();
    return in_range ? &by_id[static_cast<size_t>(id)] : nullptr;
  };
  for (const PieceTable::Entry& entry : tables.vocab) {
    if (auto* spelling = spelling_of(entry.id)) *spelling = entry.piece;
  }
  for (const AddedTokenEntry& token : tables.added) {
    std::string_view* spelling = spelling_of(token.id);
    if (spelling != nullptr && *spelling == token.content) continue;
    if (spelling != nullptr) *spelling = token.content;
    all.push_back({token.content, token.id});
  }
  return all;
}

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

void SetKindsAndScores(const TokenizerJsonTables& tables, TokenizerData& data) {
  const size_t count = static_cast<size_t>(data.pieces.size());
  data.kinds.assign(count, TokenKind::kNormal);
  data.scores.resize(count);
  for (size_t id = 0; id < count; ++id) {
    data.scores[id] = -static_cast<float>(id);
    if (ByteOfPiece(data.pieces.piece(static_cast<int32_t>(id))) < 0) continue;
    data.kinds[id] = TokenKind::kByte;
    data.scores[id] = 0.0f;
  }
  for (const AddedTokenEntry& token : tables.added) {
    data.kinds[static_cast<size_t>(token.id)] = KindOfAdded(token);
    data.scores[static_cast<size_t>(token.id)] = kAddedScore;
  }
}

// Finds the merged piece of each pair. Merges of one piece stand side by side in the file, so the
// piece found last is tried before the hash table.
class MergedPieceFinder {
 public:
  explicit MergedPieceFinder(const PieceTable& pieces) : pieces_(pieces) {}

  int32_t Find(std::string_view left, std::string_view right) {
    if (last_id_ >= 0) {
      const std::string_view last = pieces_.piece(last_id_);
      const bool same = last.size() == left.size() + right.size() &&
                        last.substr(0, left.size()) == left && last.substr(left.size()) == right;
      if (same) return last_id_;
    }
    joined_.assign(left);
    joined_.append(right);
    last_id_ = pieces_.Find(joined_);
    return last_id_;
  }

 private:
  const PieceTable& pieces_;
  std::string joined_;
  int32_t last_id_ = -1;
};

Result<void> BuildMerges(const TokenizerJsonTables& tables, const std::string& where,
                         TokenizerData& data) {
  MergeTable& merges = data.merges.emplace(tables.merges.size());
  MergedPieceFinder finder(data.pieces);
  for (size_t i = 0; i < tables.merges.size(); ++i) {
    const std::string_view left = tables.merges[i].first;
    const std::string_view right = tables.merges[i].second;
    const int32_t left_id = data.pieces.Find(left);
    const int32_t right_id = data.pieces.Find(right);
    const int32_t merged_id = finder.Find(left, right);
    if (left_id < 0 || right_id < 0 || merged_id < 0) {
      return Fail(ErrorCode::kCorruptFile,
                  fmt::format("model.merges[{}]: expected both pieces and their join in the "
                              "vocabulary, found {} and {} and {} (-1: none)",
                              i, left_id, right_id, merged_id),
                  where);
    }
    if (!data.IsMergeable(left_id) || !data.IsMergeable(right_id) || !data.IsMergeable(merged_id)) {
      return Fail(ErrorCode::kUnsupported,
                  fmt::format("model.merges[{}]: expected ordinary pieces, found a byte or a "
                              "special token among ids {}, {}, {}",
                              i, left_id, right_id, merged_id),
                  where);
    }
    if (!merges.Insert(left_id, right_id, {static_cast<uint32_t>(i), merged_id})) {
      return Fail(ErrorCode::kCorruptFile,
                  fmt::format("model.merges[{}]: the pair of ids {} and {} is there already", i,
                              left_id, right_id),
                  where);
    }
  }
  return {};
}

}  // namespace

Result<TokenizerData> BuildTokenizerTables(const TokenizerJsonTables& tables,
                                           const std::string& where) {
  TokenizerData data;
  DRAGOMAN_ASSIGN_OR_RETURN(data.pieces, PieceTable::Build(AllPieces(tables), where));
  SetKindsAndScores(tables, data);
  DRAGOMAN_RETURN_IF_ERROR(BuildMerges(tables, where, data));
  data.bos_id = data.pieces.Find("<bos>");
  data.pad_id = data.pieces.Find("<pad>");
  data.unk_id = data.pieces.Find("<unk>");
  for (const char* name : {"<eos>", "<end_of_turn>"}) {
    const int32_t id = data.pieces.Find(name);
    if (id >= 0) data.end_ids.push_back(id);
  }
  std::vector<int32_t> added_ids;
  for (const AddedTokenEntry& token : tables.added) {
    added_ids.push_back(static_cast<int32_t>(token.id));
  }
  DRAGOMAN_RETURN_IF_ERROR(FinishTokenizer(added_ids, where, data));
  return data;
}

}  // namespace dragoman
