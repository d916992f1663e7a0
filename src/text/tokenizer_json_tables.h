// From the lists of tokenizer.json (pieces, merges, added tokens) to look-up tables. Private to
// this room.
#ifndef DRAGOMAN_TEXT_TOKENIZER_JSON_TABLES_H_
#define DRAGOMAN_TEXT_TOKENIZER_JSON_TABLES_H_

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "dragoman/result.h"
#include "text/piece_table.h"
#include "text/tokenizer_data.h"

namespace dragoman {

struct AddedTokenEntry {
  std::string_view content;
  int64_t id = -1;
  bool special = false;
};

// Errors: kCorruptFile (clashing ids, merges of unknown pieces), kUnsupported (missing byte pieces,
// no <bos>).
class TokenizerTableBuilder {
 public:
  explicit TokenizerTableBuilder(const std::string& where) : where_(where) {}

  // First all pieces: those of the model, and the added tokens, which may repeat them or continue
  // behind them. Copies the text.
  Result<void> SetPieces(std::vector<PieceTable::Entry> vocab,
                         const std::vector<AddedTokenEntry>& added);
  // Then the merges, in order of rank, some at a time (a few dozen go fastest).
  Result<void> StartMerges(size_t count);
  Result<void> AddMerges(std::span<const std::pair<std::string_view, std::string_view>> merges);
  // Leaves the builder empty.
  Result<TokenizerData> Finish();

 private:
  Result<void> AddMerge(std::string_view left, std::string_view right);
  int32_t FindMerged(std::string_view left, std::string_view right);

  const std::string& where_;
  TokenizerData data_;
  std::vector<int32_t> added_ids_;
  std::string joined_;
  int32_t last_merged_id_ = -1;
};

}  // namespace dragoman

#endif  // DRAGOMAN_TEXT_TOKENIZER_JSON_TABLES_H_
