// From the lists of tokenizer.json (pieces, merges, added tokens) to look-up tables. Private to
// this room.
#ifndef DRAGOMAN_TEXT_TOKENIZER_JSON_TABLES_H_
#define DRAGOMAN_TEXT_TOKENIZER_JSON_TABLES_H_

#include <cstdint>
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

// Views into the parsed file, in its order.
struct TokenizerJsonTables {
  std::vector<PieceTable::Entry> vocab;
  std::vector<std::pair<std::string_view, std::string_view>> merges;
  std::vector<AddedTokenEntry> added;
};

// Errors: kCorruptFile (clashing ids, merges of unknown pieces), kUnsupported (missing byte pieces,
// no <bos>).
Result<TokenizerData> BuildTokenizerTables(const TokenizerJsonTables& tables,
                                           const std::string& where);

}  // namespace dragoman

#endif  // DRAGOMAN_TEXT_TOKENIZER_JSON_TABLES_H_
