// Reads the tokenizer out of a GGUF's metadata: model "llama" with pieces, scores and kinds, no
// merges.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "text/tokenizer_data.h"

namespace dragoman {
namespace {

std::string WithMarks(std::string_view spelling) {
  std::string out;
  for (const char c : spelling) {
    if (c == ' ') {
      out.append(kSpaceMark);
    } else {
      out.push_back(c);
    }
  }
  return out;
}

class TokenizerGgufReader {
 public:
  TokenizerGgufReader(const GgufFile& gguf, const std::string& where)
      : gguf_(gguf), where_(where) {}

  Result<TokenizerData> Read() {
    DRAGOMAN_RETURN_IF_ERROR(CheckModel());
    DRAGOMAN_RETURN_IF_ERROR(ReadKinds());
    DRAGOMAN_RETURN_IF_ERROR(ReadScores());
    DRAGOMAN_RETURN_IF_ERROR(ReadPieces());
    DRAGOMAN_RETURN_IF_ERROR(ReadSpecialIds());
    if (const std::string* text = gguf_.FindString("tokenizer.chat_template")) {
      data_.chat_template = *text;
    }
    DRAGOMAN_RETURN_IF_ERROR(FinishTokenizer(AddedIds(), where_, data_));
    return std::move(data_);
  }

 private:
  Result<void> CheckModel() const {
    const std::string* model = gguf_.FindString("tokenizer.ggml.model");
    if (model == nullptr || *model != "llama") {
      return Fail(ErrorCode::kUnsupported,
                  fmt::format("tokenizer.ggml.model: expected \"llama\", found {}",
                              model == nullptr ? "nothing" : "\"" + *model + "\""),
                  where_);
    }
    if (gguf_.FindBool("tokenizer.ggml.add_space_prefix").value_or(false)) {
      return Fail(ErrorCode::kUnsupported,
                  "tokenizer.ggml.add_space_prefix: expected false, found true", where_);
    }
    return {};
  }

  Result<void> ReadKinds() {
    const std::vector<int64_t>* kinds = gguf_.FindIntegers("tokenizer.ggml.token_type");
    const std::vector<std::string>* tokens = gguf_.FindStrings("tokenizer.ggml.tokens");
    if (kinds == nullptr || tokens == nullptr || kinds->size() != tokens->size()) {
      return Fail(
          ErrorCode::kCorruptFile,
          fmt::format("expected as many tokenizer.ggml.token_type as tokens, found {} and "
                      "{}",
                      kinds == nullptr ? 0 : kinds->size(), tokens == nullptr ? 0 : tokens->size()),
          where_);
    }
    for (const int64_t kind : *kinds) {
      if (kind < 1 || kind > 6) {
        return Fail(ErrorCode::kCorruptFile,
                    fmt::format("tokenizer.ggml.token_type of token {}: expected 1 to 6, found {}",
                                data_.kinds.size(), kind),
                    where_);
      }
      data_.kinds.push_back(static_cast<TokenKind>(kind));
    }
    return {};
  }

  Result<void> ReadScores() {
    const std::vector<double>* scores = gguf_.FindFloats("tokenizer.ggml.scores");
    if (scores == nullptr || scores->size() != data_.kinds.size()) {
      return Fail(ErrorCode::kCorruptFile,
                  fmt::format("tokenizer.ggml.scores: expected {}, found {}", data_.kinds.size(),
                              scores == nullptr ? 0 : scores->size()),
                  where_);
    }
    for (const double score : *scores) {
      if (!std::isfinite(score)) {
        return Fail(ErrorCode::kCorruptFile,
                    fmt::format("tokenizer.ggml.scores: expected finite numbers, found {} at {}",
                                score, data_.scores.size()),
                    where_);
      }
      data_.scores.push_back(static_cast<float>(score));
    }
    return {};
  }

  // User-defined pieces are stored with plain spaces; tokenizer.json spells the same ones with "▁".
  Result<void> ReadPieces() {
    const std::vector<std::string>& tokens = *gguf_.FindStrings("tokenizer.ggml.tokens");
    std::vector<std::string> spellings(tokens.size());
    std::vector<PieceTable::Entry> entries;
    for (size_t id = 0; id < tokens.size(); ++id) {
      const bool user_defined = data_.kinds[id] == TokenKind::kUserDefined;
      spellings[id] = user_defined ? WithMarks(tokens[id]) : tokens[id];
      entries.push_back({spellings[id], static_cast<int64_t>(id)});
    }
    DRAGOMAN_ASSIGN_OR_RETURN(data_.pieces, PieceTable::Build(entries, where_));
    return {};
  }

  // The id that a key names, -1 without the key.
  Result<int32_t> ReadId(const char* key) const {
    const std::optional<uint64_t> id = gguf_.FindUnsigned(key);
    if (!id) return -1;
    if (*id < data_.kinds.size()) return static_cast<int32_t>(*id);
    return Fail(ErrorCode::kCorruptFile,
                fmt::format("{}: expected an id below {}, found {}", key, data_.kinds.size(), *id),
                where_);
  }

  Result<void> ReadSpecialIds() {
    DRAGOMAN_ASSIGN_OR_RETURN(data_.bos_id, ReadId("tokenizer.ggml.bos_token_id"));
    DRAGOMAN_ASSIGN_OR_RETURN(data_.pad_id, ReadId("tokenizer.ggml.padding_token_id"));
    DRAGOMAN_ASSIGN_OR_RETURN(data_.unk_id, ReadId("tokenizer.ggml.unknown_token_id"));
    DRAGOMAN_ASSIGN_OR_RETURN(const int32_t eos, ReadId("tokenizer.ggml.eos_token_id"));
    DRAGOMAN_ASSIGN_OR_RETURN(const int32_t eot, ReadId("tokenizer.ggml.eot_token_id"));
    // Converters name one end token or the other; both end a text.
    const int32_t candidates[] = {data_.pieces.Find("<eos>"), data_.pieces.Find("<end_of_turn>"),
                                  eos, eot};
    for (const int32_t id : candidates) {
      const auto& known = data_.end_ids;
      if (id >= 0 && std::find(known.begin(), known.end(), id) == known.end()) {
        data_.end_ids.push_back(id);
      }
    }
    return {};
  }

  std::vector<int32_t> AddedIds() const {
    std::vector<int32_t> ids;
    for (size_t id = 0; id < data_.kinds.size(); ++id) {
      const TokenKind kind = data_.kinds[id];
      if (kind == TokenKind::kControl || kind == TokenKind::kUserDefined ||
          kind == TokenKind::kUnknown) {
        ids.push_back(static_cast<int32_t>(id));
      }
    }
    return ids;
  }

  const GgufFile& gguf_;
  const std::string& where_;
  TokenizerData data_;
};

}  // namespace

Result<TokenizerData> ReadTokenizerGguf(const GgufFile& gguf, const std::string& where) {
  return TokenizerGgufReader(gguf, where).Read();
}

}  // namespace dragoman
